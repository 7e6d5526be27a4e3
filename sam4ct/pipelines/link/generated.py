"""Generated: where generated masks lie in the work folder, and how they are read beside the given.

Owns the files of the stage `generate`. Its masks are read frame by frame, as
the given ones are, so that no more than a few frames of them are in memory.

    work/generate/
        clicks-forward/, clicks-backward/   what the segmenter answered, by frame
        forward/, backward/                 the accepted regions, labelled
        detections.parquet, counts.json     written when all frames are done
        dropped.parquet                     generated regions that are no cell's
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from sam4ct.errors import WorkError
from sam4ct.io.files import work_errors
from sam4ct.io.work import WorkDir, read_masks, read_table, write_masks
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import given
from sam4ct.regions import Region
from sam4ct.stages.fill import AddedFrames, in_order, without
from sam4ct.tables import Detections, Joins
from sam4ct.types import FrameReader

WAYS = {1: "forward", -1: "backward"}
"""Directions of time, in the order in which they are swept."""
MADE, DROPPED, COUNTS = "detections.parquet", "dropped.parquet", "counts.json"


def file_of(work: WorkDir, name: str) -> Path:
    """Path of a file of the stage."""
    return work.artifact("generate", name)


def frame_file(work: WorkDir, folder: str, t: int) -> Path:
    """Path of what a folder of the stage has of a frame."""
    return file_of(work, f"{folder}/{t:05d}.parquet")


def accepted(
    work: WorkDir, t: int, folders: Iterable[str] = tuple(WAYS.values())
) -> dict[int, Region]:
    """Return the generated regions of a frame by label, of the directions swept so far."""
    files = [frame_file(work, folder, t) for folder in folders]
    return {row.label: row.region for file in files if work.has(file) for row in read_masks(file)}


def write_regions(path: Path, t: int, regions: Mapping[int, Region]) -> None:
    """Write regions of a frame by label, as they are; nothing if there are none.

    Raises:
        WorkError: The disk refuses.
    """
    if regions:
        write_masks(path, [(t, label, t, 0.0, regions[label]) for label in sorted(regions)])


def given_and_generated(plan: Plan, work: WorkDir) -> tuple[Detections, FrameReader]:
    """Return the table of all regions, and a reader of their masks; without any generated
    ones if none are asked for."""
    detections, reader = given(plan, work)
    if not plan.profile.generate_masks:
        return detections, reader
    added = read_table(file_of(work, MADE), Detections)
    return in_order([detections, added]), AddedFrames(reader, lambda t: accepted(work, t))


def dropped(plan: Plan, work: WorkDir) -> Joins:
    """Return the generated regions that are no cell's, as regions that become background."""
    if not plan.profile.generate_masks:
        return Joins.empty()
    return read_table(file_of(work, DROPPED), Joins)


def segmented(plan: Plan, work: WorkDir) -> Detections:
    """Return the generated regions that are in the result."""
    if not plan.profile.generate_masks:
        return Detections.empty()
    return without(read_table(file_of(work, MADE), Detections), dropped(plan, work))


def generation_counts(plan: Plan, work: WorkDir) -> dict[str, int]:
    """Return how many clicks were made and how many regions accepted; {} if none were asked.

    Raises:
        WorkError: The file is missing or damaged.
    """
    if not plan.profile.generate_masks:
        return {}
    path = file_of(work, COUNTS)
    with work_errors(path):
        text = path.read_bytes()
    try:
        return {name: int(count) for name, count in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise WorkError(
            f"{path}: damaged. Delete the folder {path.parent} and run the same command again."
        ) from error
