"""Repair: join fragments of a cell, and cut masks that cover two cells, before linking.

Masks are cut only if the profile has `edit_masks`. Stage shifts are found earlier (`Plan.jumps`).

    work/repair/
        joined.parquet          which regions are fragments of which
        cuts.parquet            which masks are cut, and how
        halves.parquet          the regions that they are cut into
        evidence/, masks/       as in `propagate`, for frame pairs with halves
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from sam4ct.geometry import Margins
from sam4ct.intensity import contrasts
from sam4ct.io.work import read_table, write_table
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.masks import Masks, PairFiles
from sam4ct.pipelines.link.networks import propagator_of
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.propagate import gather
from sam4ct.stages.associate import Costs, Scene, load_costs
from sam4ct.stages.detect import detect_frame
from sam4ct.stages.fill import KnownFirst, as_background, in_order, without
from sam4ct.stages.repair import (
    CutFrames,
    JoinedFrames,
    find_fragments,
    find_merged,
    join,
    joined_detections,
    specks,
    without_specks,
)
from sam4ct.tables import Cuts, Detections, Evidence, Flags, Joins, row_numbers
from sam4ct.types import FrameReader

logger = logging.getLogger(__name__)


def repair(run: Session[Plan], masks: Masks) -> Repaired:
    """Return the masks with fragments named and merged masks cut, with the evidence of the halves.

    Raises:
        WorkError: The evidence of some frame pair is missing.
    """
    run.begin("repair")
    work, plan = run.work, run.plan
    names = ("joined", "cuts", "halves")
    joined, cut, halved = (work.artifact("repair", f"{name}.parquet") for name in names)
    if not (work.has(joined) and work.has(cut)):
        joins, cuts = _errors(masks)
        write_table(joined, joins)
        write_table(cut, cuts)
    joins, cuts = read_table(joined, Joins), read_table(cut, Cuts)
    repaired = Repaired(**vars(masks), joins=joins, cuts=len(cuts))
    if not len(cuts):
        return repaired
    reader = CutFrames(masks.reader, cuts, plan.profile.spacing_um)
    if not work.has(halved):
        write_table(halved, halves_of(reader, cuts))
    halves = read_table(halved, Detections)
    whole = Joins(cuts.t, cuts.label, np.zeros(len(cuts), np.int64))
    detections = in_order([without(masks.detections, whole), halves])
    repaired = replace(repaired, detections=detections, reader=reader, whole=whole)
    return propagate_new(run, "repair", repaired, halves)


@dataclass(frozen=True, kw_only=True)
class Repaired(Masks):
    """Masks with their errors; in table and reader a fragment is still a region by itself."""

    joins: Joins
    """Fragments: linked as one region; painted as one, too, if masks may be edited."""
    cuts: int
    """How many of the given masks were cut."""
    whole: Joins = field(default_factory=Joins.empty)
    """These masks, which are no regions any more."""
    generated: Detections = field(default_factory=Detections.empty)
    """The generated regions among them."""
    dropped: Detections = field(default_factory=Detections.empty)
    """Generated regions that are not cells."""
    debris: Joins = field(default_factory=Joins.empty)
    """Given or generated regions of lineages that are not cells, once these are known."""
    asked: Joins = field(default_factory=Joins.empty)
    """Fragments that a person has joined: they are always painted as one region."""
    solved_in: str = "associate"
    """The stage whose links are the last ones so far."""

    def linked(self) -> tuple[Detections, Evidence]:
        """Return regions and evidence to link: fragments joined; without specks if masks may
        be edited.

        Raises:
            WorkError: The evidence of some frame pair is missing.
        """
        return _joined(self, self.joins, self.evidence(), self.asked)

    @cached_property
    def painted(self) -> tuple[Detections, FrameReader]:
        """The regions that are painted, and a reader of their masks.

        With `edit_masks`, fragments are joined, and specks and debris are removed. Without, all
        are painted but what a person has joined or removed: a fragment is then a track of its own.
        """
        plan, edits = self.plan, as_background(self.dropped)
        detections = without(self.detections, edits)
        if plan.profile.edit_masks:
            detections = joined_detections(detections, self.joins)
            small = specks(detections, plan.profile.min_size, plan.edge)
            small_ones = as_background(detections.take(small))
            edits = Joins.concat([self.joins, edits, small_ones])
            detections = detections.take(~small)
        for some in _one_by_one(self.asked):
            detections = joined_detections(detections, some)
        edits = Joins.concat([self.asked, edits, self.debris])
        detections = without(detections, self.debris)
        return detections, JoinedFrames(self.reader, edits) if len(edits) else self.reader

    def counts(self) -> dict[str, int]:
        """How many masks were joined, cut and dropped; {} if they are left as they are."""
        if not self.plan.profile.edit_masks:
            return {}
        return {"joined": len(self.joins), "cut": self.cuts, "debris": len(self.debris)}


def _joined(
    masks: Masks, joins: Joins, evidence: Evidence, asked: Joins | None = None
) -> tuple[Detections, Evidence]:
    """Return regions and evidence with fragments joined, and specks removed (see `linked`)."""
    plan, profile = masks.plan, masks.plan.profile
    found = join(masks.detections, evidence, joins, profile.spacing_um, plan.jumps)
    for some in _one_by_one(asked or Joins.empty()):
        found = join(*found, some, profile.spacing_um, plan.jumps)
    return without_specks(*found, profile.min_size, plan.edge) if profile.edit_masks else found


def _one_by_one(joins: Joins) -> Iterator[Joins]:
    """Yield joins so that of each cell one fragment is joined at a time."""
    while len(joins):
        cells = np.stack([joins.t, joins.into])
        first = np.unique(cells, axis=1, return_index=True)[1]
        yield joins.take(np.sort(first))
        joins = joins.take(np.setdiff1d(np.arange(len(joins)), first))


def _errors(masks: Masks) -> tuple[Joins, Cuts]:
    """Find fragments and masks to cut; no cuts if masks may not be edited."""
    plan, evidence = masks.plan, masks.evidence()
    joins = find_fragments(masks.detections, evidence)
    if not plan.profile.edit_masks:
        return joins, Cuts.empty()
    cells, rows = _joined(masks, joins, evidence)
    cuts = find_merged(cells, rows, costs_of(plan), scene_of(plan), masks.detections)
    cuts = cuts.take(worth_cutting(cuts, cells, joins, plan.profile.min_size))
    if len(cuts):
        logger.info("cut %d masks that cover two cells", len(cuts))
    return joins, cuts


def costs_of(plan: Plan) -> Costs:
    """Return the costs of links and divisions, by kind of evidence and number of axes."""
    return load_costs(plan.options.evidence, f"{plan.profile.ndim}d")


def scene_of(plan: Plan) -> Scene:
    """Return the rules of association, from plan and profile."""
    shape, profile = plan.survey.checked.shape, plan.profile
    return Scene(
        frames=len(plan.sequence.images),
        ndim=len(shape),
        spacing_um=profile.spacing_um,
        border=Margins(shape, profile.border_px, profile.border_z_px),
        divide=profile.division,
        min_cycle_frames=profile.min_cycle_frames,
        jumps=plan.jumps,
    )


def propagate_new(run: Session[Plan], stage: str, masks: Repaired, new: Detections) -> Repaired:
    """Gather the evidence of regions that a stage has added; return the masks with it.

    Only the new regions are propagated, but all regions of their frame pairs are compared again,
    because new regions compete with their neighbours.

    Args:
        run: The session.
        stage: The stage that added the regions.
        masks: All masks, including the new ones.
        new: The new regions.
    """
    changed = set(new.t.tolist())
    pairs = [(t, dt) for t, dt in masks.files if changed & {t, t + dt}]

    def file(part: str, t: int, dt: int) -> Path:
        return run.work.artifact(stage, f"{part}/{t:05d}_{dt}.parquet")

    masks = masks.with_files({p: PairFiles(file("evidence", *p), file("masks", *p)) for p in pairs})

    def propagator_for(reader: FrameReader) -> tuple[KnownFirst, Callable[[], dict[str, int]]]:
        engine, counts = propagator_of(run.plan, reader, new)
        return KnownFirst(engine, masks.propagated), counts

    mine = set(zip(new.t.tolist(), new.label.tolist(), strict=True))
    gather(run.work, stage, masks, pairs, propagator_for, mine)
    return masks


def worth_cutting(cuts: Cuts, cells: Detections, joins: Joins, min_size: int) -> Flags:
    """Which cuts are of masks that were not joined, and leave two halves larger than specks."""
    joined = {*zip(joins.t.tolist(), joins.into.tolist(), strict=True)}
    masks = zip(cuts.t.tolist(), cuts.label.tolist(), strict=True)
    whole = np.array([mask not in joined for mask in masks], dtype=bool)
    size = cells.size[row_numbers(cells, cuts.t, cuts.label)]
    return whole & (np.minimum(cuts.share, 1.0 - cuts.share) * size > min_size + 1)


def halves_of(reader: FrameReader, cuts: Cuts) -> Detections:
    """Return the table rows of the halves, ordered by frame and label."""
    rows = []
    for t in np.unique(cuts.t).tolist():
        labels = reader.labels(t)
        found = detect_frame(t, labels, contrasts(reader.image(t), labels))
        here = cuts.take(cuts.t == t)
        rows.append(found.take(np.isin(found.label, [here.first, here.second])))
    return Detections.concat(rows)
