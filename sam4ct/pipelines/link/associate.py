"""Associate: find the most probable links of a sequence from its masks and their evidence."""

from __future__ import annotations

import logging
from dataclasses import replace

from sam4ct.io.work import WorkDir, read_table, write_table
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired, costs_of, scene_of
from sam4ct.stages.associate import associate as most_probable_links
from sam4ct.stages.fill import as_background
from sam4ct.stages.repair import debris
from sam4ct.tables import Detections, Joins, Links, row_numbers

logger = logging.getLogger(__name__)


DEBRIS = "debris.parquet"


def associate(run: Session[Plan], masks: Repaired) -> tuple[Repaired, Links]:
    """Link all regions of the sequence, and find out which of them are no cells.

    Raises:
        WorkError: The evidence of some frame pair is missing.
    """
    run.begin("associate")
    work = run.work
    if run.plan.profile.generate_masks:  # then these links are not the last word
        path = work.artifact("associate", "links.parquet")
        if not work.has(path):
            write_table(path, linked(masks))
        return masks, read_table(path, Links)
    if not work.has(work.links):
        write_table(work.links, without_debris(work, "associate", masks, linked(masks)))
    return with_debris(work, "associate", masks), read_table(work.links, Links)


def linked(masks: Repaired) -> Links:
    """Return the links of all regions; joined fragments are linked as one region."""
    plan = masks.plan
    return most_probable_links(*masks.linked(), costs_of(plan), scene_of(plan))


def without_debris(work: WorkDir, stage: str, masks: Repaired, links: Links) -> Links:
    """Write which regions are no cells, none if masks may not be edited; return the other links.

    Args:
        work: Where a table of these regions is written.
        stage: For the name of its folder.
        masks: All masks of the sequence.
        links: Their links.
    """
    found, plan = Detections.empty(), masks.plan
    if plan.profile.edit_masks:
        cells, scene = masks.painted[0], scene_of(plan)
        gone = debris(cells, links, scene.border.holds(cells), scene.frames, scene.ndim)
        links = links.take(~gone[row_numbers(cells, links.t, links.label)])
        found = cells.take(gone)
    if len(found):
        logger.info("dropped %d masks that are no cells", len(found))
    write_table(work.artifact(stage, DEBRIS), as_background(found))
    return links


def with_debris(work: WorkDir, stage: str, masks: Repaired) -> Repaired:
    """Return masks that know which of them are no cells, as `without_debris` has written it."""
    return replace(masks, debris=read_table(work.artifact(stage, DEBRIS), Joins))
