"""Edit: join and cut masks as a person has said, and link the sequence with them.

Answers of other kinds do not concern this stage. It is left out if there are none of these.

    work/edit/
        joined.parquet          fragments that were found, less those that answers speak of
        asked.parquet           fragments that a person has joined
        cuts.parquet, halves.parquet, evidence/, masks/     as in `repair`
        links.parquet, solved/                              as in `associate`
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from sam4ct.corrections import OF_MASKS, Correction, Kind
from sam4ct.errors import CorrectionsError
from sam4ct.io.corrections import Regions, settled
from sam4ct.io.work import read_table, write_table
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.associate import linked
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired, halves_of, propagate_new
from sam4ct.regions import regions_of
from sam4ct.stages.correct import cut_of, joined_by, to_cut
from sam4ct.stages.fill import in_order, without
from sam4ct.stages.repair import CutFrames, numbered
from sam4ct.tables import Cuts, Detections, Flags, Joins, Links

logger = logging.getLogger(__name__)


def edit(run: Session[Plan], masks: Repaired, links: Links) -> tuple[Repaired, Links]:
    """Return masks and links after a person's joins and cuts; unchanged if there are none.

    Raises:
        CorrectionsError: An answer does not fit the masks, or two contradict each other.
        WorkError: The evidence of some frame pair is missing.
    """
    if not any(one.kind in OF_MASKS for one in run.plan.answers):
        return masks, links
    run.begin("edit")
    work = run.work
    names = ("joined", "asked", "cuts", "halves")
    joined, said, cut, halved = (work.artifact("edit", f"{name}.parquet") for name in names)
    if not work.has(cut):
        answers = _settled(masks)
        joins, asked = joined_by(answers, masks.joins, masks.detections)
        write_table(joined, joins)
        write_table(said, asked)
        write_table(cut, _cuts(masks, answers))
    joins, asked, cuts = read_table(joined, Joins), read_table(said, Joins), read_table(cut, Cuts)
    masks = replace(masks, joins=joins, asked=asked, cuts=masks.cuts + len(cuts))
    if len(cuts):
        reader = CutFrames(masks.reader, cuts, run.plan.profile.spacing_um)
        if not work.has(halved):
            write_table(halved, halves_of(reader, cuts))
        halves = read_table(halved, Detections)
        whole = Joins(cuts.t, cuts.label, np.zeros(len(cuts), np.int64))
        detections = in_order([without(masks.detections, whole), halves])
        made = masks.generated.take(~_are(masks.generated, whole))
        masks = replace(masks, detections=detections, reader=reader, generated=made)
        masks = propagate_new(run, "edit", masks, halves)
    return linked(work, "edit", masks)


def _settled(masks: Repaired) -> tuple[Correction, ...]:
    """Return the answers of this stage, with the regions of the masks, fragments each by itself."""
    plan = masks.plan
    frames, ndim = plan.survey.checked.frames, plan.profile.ndim
    regions = Regions(masks.detections, masks.reader, ndim, frames, Joins.empty())
    # Masks that the program has cut by itself are two cells already.
    cut = set(zip(masks.whole.t.tolist(), masks.whole.label.tolist(), strict=True))
    answers = [
        one
        for one in plan.answers
        if one.kind in OF_MASKS
        and not (one.kind is Kind.TWO_CELLS and (one.ends[0].t, one.ends[0].label) in cut)
    ]
    return settled(plan.answers_file, answers, regions)


def _cuts(masks: Repaired, answers: tuple[Correction, ...]) -> Cuts:
    """Return how masks are cut that a person has said to cover two cells."""
    spacing = np.asarray(masks.plan.profile.spacing_um)
    rows = []
    for t, label in to_cut(answers, masks.joins):
        mask = regions_of(masks.reader.labels(t))[label].mask
        if mask.sum() < 2:
            raise CorrectionsError(
                f"{masks.plan.answers_file}: region {label} of frame {t} is one pixel,"
                " and cannot be cut into two cells. Remove the answer."
            )
        axis, share = cut_of(mask, spacing)
        rows.append((t, label, 0, 0, *axis, share))
    columns = zip(*rows, strict=True) if rows else [()] * len(Cuts.schema())
    kinds = Cuts.schema().items()
    cuts = Cuts(**{name: np.array(c, kind) for (name, kind), c in zip(kinds, columns, strict=True)})
    return numbered(cuts, masks.detections)


def _are(detections: Detections, others: Joins) -> Flags:
    """Return which detections are among others."""
    keys = set(zip(others.t.tolist(), others.label.tolist(), strict=True))
    rows = zip(detections.t.tolist(), detections.label.tolist(), strict=True)
    return np.array([row in keys for row in rows], dtype=bool)
