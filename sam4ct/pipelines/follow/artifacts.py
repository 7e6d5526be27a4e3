"""Artifacts: what mode "track" writes to the work folder for every frame.

work/propagate/
    t00000.regions.parquet    the regions near the cells that are followed, labelled
    t00000.evidence.parquet   evidence between them and the frame before; not for frame 0
    t00000.input.json         digests of the image and the seeds
    t00000.rows.parquet       table of the regions; written last: a frame that has it is done
    engine-*.json             see `engine_counts`
work/paint/maskNNN.tif        frames of the result, until it is complete
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sam4ct.io.files import work_errors, write_json
from sam4ct.io.work import WorkDir, read_masks, read_table, write_masks, write_table
from sam4ct.pipelines.common.session import read_json
from sam4ct.regions import Region
from sam4ct.stages.follow import FrameRegions
from sam4ct.tables import Evidence, Sightings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrameInputs:
    """Digests of the image and the seeds of one frame."""

    image: str
    seeds: str

    def unlike(self, other: FrameInputs) -> list[str]:
        """Return the names of the digests that differ."""
        mine, others = asdict(self), asdict(other)
        return [name for name in mine if mine[name] != others[name]]


def frames_done(work: WorkDir, inputs: Sequence[FrameInputs]) -> int:
    """Return how many frames are done, from the first on; remove what is there of later frames.

    The regions of a frame depend on all frames before it: if the input of a frame has changed,
    this frame and all later ones are done again.

    Args:
        work: Open work folder.
        inputs: Digests of every frame's input now.

    Raises:
        WorkError: A file is damaged, or the disk refuses.
    """
    for t, now in enumerate(inputs):
        before = _inputs_of(work, t)
        if before == now:
            continue
        if before is not None:
            logger.warning(
                "%s: the %s of frame %d changed since it was looked at; this frame and all after"
                " it are looked at again",
                work.root,
                " and the ".join(before.unlike(now)),
                t,
            )
        _forget_from(work, t)
        return t
    return len(inputs)


def write_frame(
    work: WorkDir, seen: FrameRegions, evidence: Evidence | None, inputs: FrameInputs
) -> None:
    """Write the regions of a frame, and its evidence unless it is the first.

    Raises:
        WorkError: The disk refuses.
    """
    t = seen.t
    rows = [(t, label, t, 0.0, region) for label, region in sorted(seen.regions.items())]
    write_masks(_file(work, t, "regions"), rows)
    if evidence is not None:
        write_table(_file(work, t, "evidence"), evidence)
    write_json(_input_file(work, t), asdict(inputs))
    write_table(_file(work, t, "rows"), seen.rows)


def read_rows(work: WorkDir, t: int) -> Sightings:
    """Return the table of a frame's regions."""
    return read_table(_file(work, t, "rows"), Sightings)


def read_evidence(work: WorkDir, t: int) -> Evidence:
    """Return the evidence between a frame and the one before."""
    return read_table(_file(work, t, "evidence"), Evidence)


def read_regions(
    work: WorkDir, t: int, labels: Iterable[int] | None = None
) -> Mapping[int, Region]:
    """Return the regions of a frame by label; all, or some."""
    rows = read_masks(_file(work, t, "regions"), labels=labels)
    return {row.label: row.region for row in rows}


def read_frame(work: WorkDir, t: int) -> FrameRegions:
    """Return the regions of a frame with their table."""
    return FrameRegions(t, read_regions(work, t), read_rows(work, t))


def _inputs_of(work: WorkDir, t: int) -> FrameInputs | None:
    """Return the digests of a frame's input; None if the frame is not done."""
    path = _input_file(work, t)
    if not (work.has(_file(work, t, "rows")) and work.has(path)):
        return None
    remedy = "Delete it and run the same command again."
    return read_json(path, lambda digests: FrameInputs(**digests), remedy)


def _forget_from(work: WorkDir, first: int) -> None:
    """Make a frame and all later ones undone, the last one first.

    So a kill in between leaves no frame that depends on a changed one.
    """
    rows = _file(work, 0, "rows").parent.glob("t*.rows.parquet")
    done = {int(path.name[1:].partition(".")[0]): path for path in rows}
    for t in sorted(done, reverse=True):
        if t >= first:
            with work_errors(done[t]):
                done[t].unlink()


def _input_file(work: WorkDir, t: int) -> Path:
    return _file(work, t, "rows").with_name(f"t{t:05d}.input.json")


def _file(work: WorkDir, t: int, part: str) -> Path:
    return work.artifact("propagate", f"t{t:05d}.{part}.parquet")
