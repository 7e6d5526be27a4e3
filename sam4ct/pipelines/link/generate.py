"""Generate: segment missed cells of volumes, and link the sequence once more with them.

The links of the given masks tell where cells are missing. The regions that are found there are
added to the masks, their evidence is gathered, and the whole sequence is linked again. Each
answer of the segmenter is written at once, so a run that was killed continues from it.

    work/generate/
        clicks-forward/, clicks-backward/   answers of the segmenter, by frame
        forward/, backward/                 the accepted regions, labelled
        detections.parquet, counts.json     written when all frames are done
        dropped.parquet                     generated regions that are not cells
        evidence/, masks/                   as in `propagate`, for frame pairs with these regions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sam4ct.intensity import contrasts
from sam4ct.io.ctc import CtcReader
from sam4ct.io.files import write_json
from sam4ct.io.work import WorkDir, read_masks, read_table, write_masks, write_table
from sam4ct.pipelines.common.engine_counts import keep_counts, whole_numbers
from sam4ct.pipelines.common.segmenter import Remembered, segmenter_of
from sam4ct.pipelines.common.session import Session, read_json
from sam4ct.pipelines.link.associate import linked
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired, propagate_new
from sam4ct.regions import Region
from sam4ct.runtime import Progress
from sam4ct.stages.detect import detect_frame
from sam4ct.stages.fill import (
    AddedFrames,
    GenerateRules,
    Swept,
    gaps,
    in_order,
    open_ends,
    sweep,
)
from sam4ct.stages.motion import LinkedMotion
from sam4ct.stages.repair import joined_detections
from sam4ct.tables import Detections, Links
from sam4ct.types import FrameReader, VolumeSegmenter

WAYS = {1: "forward", -1: "backward"}
"""Directions in time, in the order in which they are searched."""
MADE, COUNTS = "detections.parquet", "counts.json"


def generate(run: Session[Plan], masks: Repaired, links: Links) -> tuple[Repaired, Links]:
    """Segment missed cells and link the sequence with them, if the profile asks for it.

    Args:
        run: The session.
        masks: The given masks, repaired.
        links: Their links.

    Returns:
        Given and generated masks with their links; unchanged if no masks are generated.
    """
    if not run.plan.profile.generate_masks:
        return masks, links
    run.begin("generate")
    work = run.work
    made = _made(masks, work, links)
    masks = replace(
        masks,
        detections=in_order([masks.detections, made]),
        reader=AddedFrames(masks.reader, lambda t: accepted(work, t)),
        generated=made,
    )
    masks = propagate_new(run, "generate", masks, made)
    return linked(work, "generate", masks)


def file_of(work: WorkDir, name: str) -> Path:
    """Path of a file of the stage."""
    return work.artifact("generate", name)


def frame_file(work: WorkDir, folder: str, t: int) -> Path:
    """Path of the file of a frame in a folder of the stage."""
    return file_of(work, f"{folder}/{t:05d}.parquet")


def accepted(
    work: WorkDir, t: int, folders: Iterable[str] = tuple(WAYS.values())
) -> dict[int, Region]:
    """Return the generated regions of a frame by label, from the given directions."""
    files = [frame_file(work, folder, t) for folder in folders]
    return {row.label: row.region for file in files if work.has(file) for row in read_masks(file)}


def generation_counts(plan: Plan, work: WorkDir) -> dict[str, int]:
    """Return the numbers of clicks and of accepted regions; {} if no masks are generated.

    Raises:
        WorkError: The file is missing or damaged.
    """
    if not plan.profile.generate_masks:
        return {}
    path = file_of(work, COUNTS)
    remedy = f"Delete the folder {path.parent} and run the same command again."
    return read_json(path, whole_numbers, remedy)


def _made(masks: Repaired, work: WorkDir, links: Links) -> Detections:
    """Segment missed cells, forward and then backward in time; return the accepted regions."""
    table = file_of(work, MADE)
    if work.has(table):
        return read_table(table, Detections)
    plan, detections, reader = masks.plan, masks.detections, masks.reader
    given = CtcReader(plan.sequence)
    segmenter, done_so_far = segmenter_of(plan, lambda t: given.image(t).astype(np.float32))
    search = _Search(plan, joined_detections(detections, masks.joins), links, segmenter)
    # Labels are handed out above those of the frame.
    top = np.zeros(reader.frames, np.int64)
    np.maximum.at(top, detections.t, detections.label)
    rows: list[Detections] = []
    clicks = 0
    began = ""
    with Progress(len(WAYS) * reader.frames, "generate", "frames") as progress:
        for way, folder in WAYS.items():
            for found in search.swept(work, reader, way):
                first = int(top[found.t]) + 1
                regions = dict(enumerate(found.regions, start=first))
                top[found.t] += len(regions)
                if regions:
                    rows_of = [(found.t, i, found.t, 0.0, region) for i, region in regions.items()]
                    write_masks(frame_file(work, folder, found.t), rows_of)
                rows.append(_detected(reader, found.t, regions))
                clicks += found.clicks
                counts = done_so_far()
                if any(counts.values()):
                    began = began or f"clicks-{folder}-{found.t:05d}"
                    keep_counts(work, "generate", began, counts)
                progress.step(note=f"{len(regions)} regions")
    made = in_order(rows)
    write_json(file_of(work, COUNTS), {"clicks": clicks, "accepted": len(made)})
    write_table(table, made)
    return made


def _detected(reader: FrameReader, t: int, regions: Mapping[int, Region]) -> Detections:
    """Return the table rows of regions that are added to a frame."""
    if not regions:
        return Detections.empty()
    labels = AddedFrames(reader, lambda _: regions).labels(t)
    rows = detect_frame(t, labels, contrasts(reader.image(t), labels))
    return rows.take(np.isin(rows.label, list(regions)))


@dataclass(frozen=True)
class _Search:
    """The search for missed cells: where to look, and with which network."""

    plan: Plan
    cells: Detections
    """The linked regions, with fragments joined."""
    links: Links
    segmenter: VolumeSegmenter

    def swept(self, work: WorkDir, reader: FrameReader, way: int) -> Iterator[Swept]:
        """Search the frames in one direction, with the regions of the earlier direction."""
        profile, rules, jumps = self.plan.profile, rules_of(self.plan), self.plan.jumps
        spacing = np.asarray(profile.spacing_um)
        before = [folder for other, folder in WAYS.items() if other > way]
        ends = open_ends(self.cells, self.links, spacing, way, profile.max_gap + 1, jumps)
        return sweep(
            AddedFrames(reader, lambda t: accepted(work, t, before)),
            Remembered(self.segmenter, lambda t: frame_file(work, f"clicks-{WAYS[way]}", t)),
            gaps(self.cells, self.links, spacing, jumps) if not before else {},
            ends,
            LinkedMotion(self.cells, self.links, spacing, jumps),
            rules,
            way,
        )


def rules_of(plan: Plan) -> GenerateRules:
    """Return which generated regions are accepted."""
    profile = plan.profile
    return GenerateRules(
        spacing_um=profile.spacing_um,
        border_px=profile.border_px,
        border_z_px=profile.border_z_px,
        min_size=profile.min_size,
    )
