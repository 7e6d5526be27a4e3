"""Mask generation: segment what the given masks miss, then link given and generated ones anew.

The given masks are linked first; those links say where cells are missing. What
is found there joins the given masks as further detections, and the whole
sequence is linked again. Of the evidence, only that of generated regions is new.
Every answer of the segmenter and the evidence of every frame pair is kept as
soon as it is there, so that a run that was killed goes on from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sam4ct.intensity import contrasts
from sam4ct.io.ctc import CtcReader
from sam4ct.io.files import write_json
from sam4ct.io.work import WorkDir, read_table, write_table
from sam4ct.pipelines.common.engine_counts import keep_click_counts
from sam4ct.pipelines.common.segmenter import Remembered, segmenter_of
from sam4ct.pipelines.link.associate import JOINED, linked
from sam4ct.pipelines.link.edited_evidence import evidence_files, gather_anew
from sam4ct.pipelines.link.generated import (
    COUNTS,
    DROPPED,
    MADE,
    WAYS,
    accepted,
    file_of,
    frame_file,
    given_and_generated,
    write_regions,
)
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.propagate import read_evidence
from sam4ct.pipelines.link.repair import given
from sam4ct.regions import Region
from sam4ct.runtime import Progress
from sam4ct.stages.detect import detect_frame
from sam4ct.stages.fill import (
    AddedFrames,
    GenerateRules,
    Swept,
    as_background,
    gaps,
    in_order,
    open_ends,
    supported,
    sweep,
)
from sam4ct.stages.motion import LinkedMotion
from sam4ct.stages.repair import joined_detections
from sam4ct.tables import Detections, Joins, Links, row_numbers
from sam4ct.types import FrameReader, VolumeSegmenter


def run_generate(plan: Plan, work: WorkDir, links: Links) -> Links:
    """Generate masks, if they are asked for, and link the sequence with them.

    Args:
        plan: The run.
        work: Open work folder.
        links: Those of the given masks, from `run_associate`.

    Returns:
        The links of given and generated masks; the same links if none are generated.
    """
    if not plan.profile.generate_masks:
        return links
    work.stage("generate", plan.stage_key("generate"))
    if work.has(work.links):
        return read_table(work.links, Links)
    joins = read_table(work.artifact("associate", JOINED), Joins)
    made = _made(plan, work, links, joins)
    detections, reader = given_and_generated(plan, work)
    gather_anew(plan, work, "generate", reader, detections, made)
    evidence = read_evidence(evidence_files(plan, work))
    found = linked(plan, detections, evidence, joins)
    generated = np.zeros(len(detections), dtype=bool)
    generated[row_numbers(detections, made.t, made.label)] = True
    kept, found = supported(detections, found, generated)
    write_table(file_of(work, DROPPED), as_background(detections.take(~kept)))
    write_table(work.links, found)
    return found


def _made(plan: Plan, work: WorkDir, links: Links, joins: Joins) -> Detections:
    """Segment what is missing, forward and then backward; return the accepted regions."""
    table = file_of(work, MADE)
    if work.has(table):
        return read_table(table, Detections)
    detections, reader = given(plan, work)
    segmenter, done_so_far = segmenter_of(plan, CtcReader(plan.sequence))
    search = _Search(plan, joined_detections(detections, joins), links, segmenter)
    # Labels are handed out above those of the frame.
    top = np.zeros(reader.frames, np.int64)
    np.maximum.at(top, detections.t, detections.label)
    rows: list[Detections] = []
    clicks = 0
    began: tuple[str, int] | None = None
    with Progress(len(WAYS) * reader.frames, "generate", "frames") as progress:
        for way, folder in WAYS.items():
            for found in search.swept(work, reader, way):
                first = int(top[found.t]) + 1
                regions = dict(enumerate(found.regions, start=first))
                top[found.t] += len(regions)
                write_regions(frame_file(work, folder, found.t), found.t, regions)
                rows.append(_detected(reader, found.t, regions))
                clicks += found.clicks
                counts = done_so_far()
                if any(counts.values()):
                    began = began or (folder, found.t)
                    keep_click_counts(work, began, counts)
                progress.step(note=f"{len(regions)} regions")
    made = in_order(rows)
    write_json(file_of(work, COUNTS), {"clicks": clicks, "accepted": len(made)})
    write_table(table, made)
    return made


def _detected(reader: FrameReader, t: int, regions: Mapping[int, Region]) -> Detections:
    """Return the rows of regions that are added to a frame."""
    if not regions:
        return Detections.empty()
    labels = AddedFrames(reader, lambda _: regions).labels(t)
    rows = detect_frame(t, labels, contrasts(reader.image(t), labels))
    return rows.take(np.isin(rows.label, list(regions)))


@dataclass(frozen=True)
class _Search:
    """Who looks for missing cells, and by what."""

    plan: Plan
    cells: Detections
    """The regions that were linked, fragments joined."""
    links: Links
    segmenter: VolumeSegmenter

    def swept(self, work: WorkDir, reader: FrameReader, way: int) -> Iterator[Swept]:
        """Go through the frames in one direction, beside what was found in the one before."""
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
    """Return which regions are believed in a run."""
    profile = plan.profile
    return GenerateRules(
        spacing_um=profile.spacing_um,
        border_px=profile.border_px,
        border_z_px=profile.border_z_px,
        min_size=profile.min_size,
    )
