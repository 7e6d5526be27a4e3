"""Cut: masks that cover two cells, cut into halves before the sequence is linked.

Only where the profile lets masks be edited. Gathers the evidence of the halves, and owns two
files of the stage `associate`; everything after it reads the given masks from here, cut or not.

    work/associate/
        cuts.parquet            which masks are cut, and how
        halves.parquet          the regions that they are cut into
"""

from __future__ import annotations

import logging

import numpy as np

from sam4ct.intensity import contrasts
from sam4ct.io.ctc import CtcReader
from sam4ct.io.work import WorkDir, read_table, write_table
from sam4ct.pipelines.link.edited_evidence import gather_anew
from sam4ct.pipelines.link.plan import Plan
from sam4ct.stages.associate import Costs, Scene
from sam4ct.stages.detect import detect_frame
from sam4ct.stages.fill import in_order, without
from sam4ct.stages.repair import CutFrames, find_merged, join, without_specks
from sam4ct.tables import Cuts, Detections, Evidence, Flags, Joins, row_numbers
from sam4ct.types import FrameReader

logger = logging.getLogger(__name__)

CUTS, HALVES = "cuts.parquet", "halves.parquet"


def cut_merged(
    plan: Plan, work: WorkDir, evidence: Evidence, joins: Joins, costs: Costs, scene: Scene
) -> int:
    """Cut masks that cover two cells, and gather the evidence of the halves.

    Args:
        plan: The run.
        work: Open work folder, in the stage `associate`.
        evidence: Of the given masks.
        joins: Which of them are fragments of one cell; joined ones are not cut.
        costs: Tell which masks cover two.
        scene: Of the sequence.

    Returns:
        How many are cut.
    """
    if not plan.profile.edit_masks:
        return 0
    profile, regions = plan.profile, plan.survey.detections
    cells, rows = join(regions, evidence, joins, profile.spacing_um, plan.jumps)
    cells, rows = without_specks(cells, rows, profile.min_size, plan.edge)
    cuts = find_merged(cells, rows, costs, scene, regions)
    cuts = cuts.take(worth_cutting(cuts, cells, joins, profile.min_size))
    write_table(work.artifact("associate", CUTS), cuts)
    if len(cuts):
        logger.info("cut %d masks that cover two cells", len(cuts))
        halves = _halves(plan, cuts)
        write_table(work.artifact("associate", HALVES), halves)
        detections, reader = given(plan, work)
        gather_anew(plan, work, "associate", reader, detections, halves)
    return len(cuts)


def worth_cutting(cuts: Cuts, cells: Detections, joins: Joins, min_size: int) -> Flags:
    """Which masks were not joined from fragments, and leave two halves that are no specks."""
    joined = {*zip(joins.t.tolist(), joins.into.tolist(), strict=True)}
    masks = zip(cuts.t.tolist(), cuts.label.tolist(), strict=True)
    whole = np.array([mask not in joined for mask in masks], dtype=bool)
    size = cells.size[row_numbers(cells, cuts.t, cuts.label)]
    return whole & (np.minimum(cuts.share, 1.0 - cuts.share) * size > min_size + 1)


def is_cut(plan: Plan, work: WorkDir) -> bool:
    """Whether all that `cut_merged` leaves is there."""
    if not plan.profile.edit_masks:
        return True
    files = [work.artifact("associate", name) for name in (CUTS, HALVES)]
    return work.has(files[0]) and (not len(cuts_of(plan, work)) or work.has(files[1]))


def given(plan: Plan, work: WorkDir) -> tuple[Detections, FrameReader]:
    """Return the table of the given regions, and a reader of their masks, cut where they are."""
    detections, reader = plan.survey.detections, CtcReader(plan.sequence)
    cuts = cuts_of(plan, work)
    if not len(cuts):
        return detections, reader
    halves = read_table(work.artifact("associate", HALVES), Detections)
    whole = Joins(cuts.t, cuts.label, np.zeros(len(cuts), np.int64))
    rest = in_order([without(detections, whole), halves])
    return rest, CutFrames(reader, cuts, plan.profile.spacing_um)


def cuts_of(plan: Plan, work: WorkDir) -> Cuts:
    """Return which masks are cut, and how."""
    if not plan.profile.edit_masks:
        return Cuts.empty()
    return read_table(work.artifact("associate", CUTS), Cuts)


def _halves(plan: Plan, cuts: Cuts) -> Detections:
    """Return the rows of what masks are cut into, ordered by frame and label."""
    reader = CutFrames(CtcReader(plan.sequence), cuts, plan.profile.spacing_um)
    rows = []
    for t in np.unique(cuts.t).tolist():
        labels = reader.labels(t)
        found = detect_frame(t, labels, contrasts(reader.image(t), labels))
        here = cuts.take(cuts.t == t)
        rows.append(found.take(np.isin(found.label, [here.first, here.second])))
    return Detections.concat(rows)
