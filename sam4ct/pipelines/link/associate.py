"""Associate: find the most probable links of a sequence from its masks and their evidence."""

from __future__ import annotations

from sam4ct.io.work import read_table, write_table
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired, costs_of, scene_of
from sam4ct.stages.associate import associate as most_probable_links
from sam4ct.tables import Links


def associate(run: Session[Plan], masks: Repaired) -> Links:
    """Link all regions of the sequence.

    Raises:
        WorkError: The evidence of some frame pair is missing.
    """
    run.begin("associate")
    # If masks are to be generated, the sequence is linked once more with them.
    path = run.work.artifact("associate", "links.parquet")
    path = path if run.plan.profile.generate_masks else run.work.links
    if run.work.has(path):
        return read_table(path, Links)
    links = linked(masks)
    write_table(path, links)
    return links


def linked(masks: Repaired) -> Links:
    """Return the links of all regions; joined fragments are linked as one region."""
    plan = masks.plan
    return most_probable_links(*masks.linked(), costs_of(plan), scene_of(plan))
