"""What the engine did for the evidence that lies in a work folder, however often it was killed.

Every part of a run (a shard, or what is left after a kill) keeps its counts in a
file of its own, renewed with every frame pair, and the sum is what `run.json` says.
What a part did for a pair that a kill interrupted is not in it; what two parts both
did (frames next to where one ended) is in it twice, as it was done twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from sam4ct.errors import WorkError
from sam4ct.io.files import work_errors, write_json
from sam4ct.io.work import WorkDir

ASKING = ("propagate", "repair", "generate")
"""Stages that ask the engine."""
_NAME = "engine-{t:05d}_{dt}.json"
_CLICKS = "engine-clicks-{way}-{t:05d}.json"
_ALL = "engine-*.json"


def keep_counts(
    work: WorkDir, first: tuple[int, int], counts: Mapping[str, int], stage: str = "propagate"
) -> None:
    """Keep what one part of a run has done so far.

    Args:
        work: Open work folder.
        first: The first frame pair (t, dt) of the part. No other part that got
            anything done began there.
        counts: By name.
        stage: The one that asked the engine, of ASKING.

    Raises:
        WorkError: The disk refuses.
    """
    t, dt = first
    write_json(work.artifact(stage, _NAME.format(t=t, dt=dt)), dict(counts))


def keep_click_counts(work: WorkDir, first: tuple[str, int], counts: Mapping[str, int]) -> None:
    """Keep what the segmenter has done so far in one part of mask generation.

    Args:
        work: Open work folder.
        first: Direction and frame of the first answer of the part. No other part got
            an answer there.
        counts: By name.

    Raises:
        WorkError: The disk refuses.
    """
    way, t = first
    write_json(work.artifact("generate", _CLICKS.format(way=way, t=t)), dict(counts))


def engine_counts(work: WorkDir) -> dict[str, int]:
    """Return the counts of all parts added up, and the number of `parts`; {} if there are none.

    A part is one go at the frame pairs or at the clicks.

    Raises:
        WorkError: A file is damaged, or the disk refuses.
    """
    folders = [work.artifact(stage, _ALL).parent for stage in ASKING]
    files = [file for folder in folders for file in sorted(folder.glob(_ALL))]
    if not files:
        return {}
    total: Counter[str] = Counter()
    for file in files:
        total.update(_read(file))
    return {"parts": len(files), **total}


def _read(file: Path) -> dict[str, int]:
    with work_errors(file):
        text = file.read_bytes()
    try:
        return {name: int(count) for name, count in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise WorkError(
            f"{file}: damaged. Delete it and run the same command again; only the counts"
            " in run.json miss it."
        ) from error
