"""What following leaves in the work folder: frame by frame, what was seen of it.

work/propagate/
    t00000.regions.parquet    the regions near the cells that are followed, labelled
    t00000.evidence.parquet   which of them is which one of the frame before; not of frame 0
    t00000.rows.parquet       their table; written last: a frame that has it is done
    engine-*.json             see `engine_counts`
work/paint/maskNNN.tif        frames of the result, until it is complete
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sam4ct.io.masks import read_masks, write_masks
from sam4ct.io.tables import read_table, write_table
from sam4ct.io.workdir import WorkDir
from sam4ct.regions import Region
from sam4ct.stages.sight import Sighted
from sam4ct.tables import Evidence, Sightings


def has_frame(work: WorkDir, t: int) -> bool:
    """Whether all that was seen of a frame is there."""
    return work.has(_file(work, t, "rows"))


def write_frame(work: WorkDir, seen: Sighted, evidence: Evidence | None) -> None:
    """Keep what was seen of a frame, and its evidence unless it is the first.

    Raises:
        WorkError: The disk refuses.
    """
    t = seen.t
    rows = [(t, label, t, 0.0, region) for label, region in sorted(seen.regions.items())]
    write_masks(_file(work, t, "regions"), rows)
    if evidence is not None:
        write_table(_file(work, t, "evidence"), evidence)
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


def read_frame(work: WorkDir, t: int) -> Sighted:
    """Return all that was seen of a frame but the evidence."""
    return Sighted(t, read_regions(work, t), read_rows(work, t))


def _file(work: WorkDir, t: int, part: str) -> Path:
    return work.artifact("propagate", f"t{t:05d}.{part}.parquet")
