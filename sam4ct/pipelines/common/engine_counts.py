"""Count what the networks did for one result, over all the commands that worked on it.

Every command (a shard, or one that continues a stopped run) keeps its counts in a file of its
own, written again with every frame pair. `run.json` gives their sum. It lacks what a command did
for the frame pair at which it was stopped; what two commands both did is in it twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sam4ct.io.files import write_json
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.session import read_json

STAGES = ("propagate", "repair", "generate", "edit")
"""Those that use a network."""


def keep_counts(work: WorkDir, stage: str, part: str, counts: Mapping[str, int]) -> None:
    """Write what this command has done so far.

    Args:
        work: Open work folder.
        stage: The one that used the network, of `STAGES`.
        part: Where this command began; no other one that did anything began there.
        counts: By name.

    Raises:
        WorkError: The disk refuses.
    """
    write_json(work.artifact(stage, f"engine-{part}.json"), dict(counts))


def pair_part(t: int, dt: int) -> str:
    """Name of a part that began with the frame pair t, t + dt."""
    return f"{t:05d}_{dt}"


def engine_counts(work: WorkDir) -> dict[str, int]:
    """Return the sum over all files, and their number as `parts`; {} if there are none.

    Raises:
        WorkError: A file is damaged, or the disk refuses.
    """
    folders = [work.artifact(stage, "engine").parent for stage in STAGES]
    files = [file for folder in folders for file in sorted(folder.glob("engine-*.json"))]
    total: Counter[str] = Counter()
    for file in files:
        remedy = "Delete it and run the same command again; only the counts in run.json miss it."
        total.update(read_json(file, whole_numbers, remedy))
    return {"parts": len(files), **total} if files else {}


def whole_numbers(counts: Mapping[str, str]) -> dict[str, int]:
    """Return counts by name, as they were read."""
    return {name: int(count) for name, count in counts.items()}
