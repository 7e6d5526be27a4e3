"""Associate: find the most probable links of a sequence from its masks and their evidence.

work/associate/         and the same in work/generate/ and work/edit/, which link again
    links.parquet       the links that nobody has corrected
    solved/             see `solved`
"""

from __future__ import annotations

from dataclasses import replace

from sam4ct.io.work import WorkDir, read_table, write_table
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired, costs_of, scene_of
from sam4ct.pipelines.link.solved import keep_solved
from sam4ct.stages.associate import accepted, best_lineage
from sam4ct.tables import Links


def associate(run: Session[Plan], masks: Repaired) -> tuple[Repaired, Links]:
    """Link all regions of the sequence.

    Raises:
        WorkError: The evidence of some frame pair is missing.
    """
    run.begin("associate")
    return linked(run.work, "associate", masks)


def linked(work: WorkDir, stage: str, masks: Repaired) -> tuple[Repaired, Links]:
    """Return masks and links of all regions; joined fragments are linked as one region.

    Args:
        work: Keeps the links and the problem that they solve.
        stage: For the name of their folder.
        masks: All masks of the sequence.
    """
    path = work.artifact(stage, "links.parquet")
    if not work.has(path):
        cells, evidence = masks.linked()
        costs, scene = costs_of(masks.plan), scene_of(masks.plan)
        found = best_lineage(cells, evidence, costs, scene)
        keep_solved(work, stage, cells, found)
        write_table(path, accepted(cells, found, costs))
    return replace(masks, solved_in=stage), read_table(path, Links)
