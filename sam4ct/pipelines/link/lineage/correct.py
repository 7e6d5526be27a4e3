"""Correct: obey a person's answers, and find out which regions are no cells.

Without answers the links stay as they are. No stage before this one depends on answers, so no
network looks at anything twice because of them; only halves of masks that a person cuts are new
(`edit`).

    links.parquet           the links of the result
    work/correct/
        dropped.parquet     generated regions that are not cells
        debris.parquet      given and generated regions of lineages that are not cells
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from sam4ct.corrections import OF_MASKS, Correction, Kind
from sam4ct.errors import CorrectionsError
from sam4ct.io.corrections import Regions, settled
from sam4ct.io.work import read_table, write_table
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.lineage.solved import read_solved
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired, costs_of, scene_of
from sam4ct.stages.associate import accepted
from sam4ct.stages.correct import answered, regions_said, resolve
from sam4ct.stages.fill import as_background, supported
from sam4ct.stages.repair import debris
from sam4ct.tables import Detections, Flags, Joins, Links, row_numbers

logger = logging.getLogger(__name__)

_Key = tuple[int, int]
"""A region, (t, label)."""


def correct(run: Session[Plan], masks: Repaired, links: Links) -> tuple[Repaired, Links]:
    """Return masks that know what is no cell, and the links of the result.

    Raises:
        CorrectionsError: An answer does not fit the masks, or two contradict each other.
        WorkError: A file of an earlier stage is missing or damaged.
    """
    run.begin("correct")
    work = run.work
    files = [work.artifact("correct", f"{name}.parquet") for name in ("dropped", "debris")]
    if not all(map(work.has, (*files, work.links))):
        links, cells, others = _obeyed(run, masks, links)
        dropped, links = _unsupported(masks, links, cells)
        write_table(files[0], as_background(dropped))
        gone, links = _without_debris(replace(masks, dropped=dropped), links, cells, others)
        write_table(files[1], gone)
        write_table(work.links, links)
    unsupported, gone = (read_table(file, Joins) for file in files)
    rows = row_numbers(masks.detections, unsupported.t, unsupported.label)
    masks = replace(masks, dropped=masks.detections.take(rows), debris=gone)
    return masks, read_table(work.links, Links)


def settled_answers(masks: Repaired, cells: Detections) -> tuple[Correction, ...]:
    """Return the answers about links and cells, with the regions of the linking problem.

    Args:
        masks: All masks of the sequence, and the run's answers.
        cells: The regions that were linked.

    Raises:
        CorrectionsError: See `correct`.
    """
    plan = masks.plan
    frames, ndim = plan.survey.checked.frames, plan.profile.ndim
    joins = Joins.concat([masks.joins, masks.asked])
    answers = [one for one in plan.answers if one.kind not in OF_MASKS]
    answers = list(_without_specks(masks, cells, answers))
    regions = Regions(cells, masks.reader, ndim, frames, joins)
    return settled(plan.answers_file, answers, regions)


def _without_specks(
    masks: Repaired, cells: Detections, answers: Iterable[Correction]
) -> Iterator[Correction]:
    """Yield answers but those that a speck is no cell: specks are dropped before they are linked.

    Raises:
        CorrectionsError: An answer needs a speck.
    """
    linked = set(zip(cells.t.tolist(), cells.label.tolist(), strict=True))
    joined = Joins.concat([masks.joins, masks.asked])
    linked |= set(zip(joined.t.tolist(), joined.label.tolist(), strict=True))
    every = zip(masks.detections.t.tolist(), masks.detections.label.tolist(), strict=True)
    specks = set(every) - linked
    for one in answers:
        named = [end for end in one.ends if (end.t, end.label) in specks]
        if named and one.kind is not Kind.NO_CELL:
            raise CorrectionsError(
                f"{masks.plan.answers_file}, line {one.line}: {named[0]} is as small as a speck and"
                " was dropped. Keep it by a smaller min_size in the profile, or by --no-edit-masks;"
                " or remove the line."
            )
        if not named:
            yield one


def _obeyed(
    run: Session[Plan], masks: Repaired, links: Links
) -> tuple[Links, set[_Key], set[_Key]]:
    """Return links that obey the answers, and the regions that were said to be cells, and none."""
    plan = run.plan
    if not any(one.kind not in OF_MASKS for one in plan.answers):
        return links, set(), set()
    cells, base = read_solved(run.work, masks.solved_in, plan.profile.min_cycle_frames)
    answers = settled_answers(masks, cells)
    found = resolve(base, cells, answers)
    changed = answered(accepted(cells, found, costs_of(plan)), answers)
    logger.info("answers obeyed: %d; links: %d, before: %d", len(answers), len(changed), len(links))
    return changed, *regions_said(answers)


def _unsupported(masks: Repaired, links: Links, cells: set[_Key]) -> tuple[Detections, Links]:
    """Return generated regions that no link supports, and the links without them."""
    made = masks.generated
    if not len(made):
        return Detections.empty(), links
    generated = np.zeros(len(masks.detections), dtype=bool)
    generated[row_numbers(masks.detections, made.t, made.label)] = True
    generated &= ~_named(masks.detections, cells)
    kept, links = supported(masks.detections, links, generated)
    return masks.detections.take(~kept), links


def _without_debris(
    masks: Repaired, links: Links, cells: set[_Key], others: set[_Key]
) -> tuple[Joins, Links]:
    """Return which regions are no cells, and the other links.

    Without answers, none is if masks may not be edited.
    """
    regions, scene = masks.painted[0], scene_of(masks.plan)
    gone = np.zeros(len(regions), dtype=bool)
    if masks.plan.profile.edit_masks:
        certain = scene.border.holds(regions) | _named(regions, cells)
        gone |= debris(regions, links, certain, scene.frames, scene.ndim)
    # Fragments that are painted each by itself go with the cell that they were linked as.
    parts = zip(masks.joins.t.tolist(), masks.joins.label.tolist(), masks.joins.into, strict=True)
    fragments = {(t, label) for t, label, into in parts if (t, int(into)) in others}
    gone |= _named(regions, others | fragments)
    if gone.any():
        logger.info("dropped %d masks that are no cells", int(gone.sum()))
    links = links.take(~gone[row_numbers(regions, links.t, links.label)])
    return as_background(regions.take(gone)), links


def _named(detections: Detections, regions: set[_Key]) -> Flags:
    """Return which detections are among some regions."""
    if not regions:
        return np.zeros(len(detections), dtype=bool)
    rows = zip(detections.t.tolist(), detections.label.tolist(), strict=True)
    return np.array([row in regions for row in rows], dtype=bool)
