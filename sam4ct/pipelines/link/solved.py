"""Solved: the linking problem of a stage and its optimum, kept so that answers are cheap.

work/<stage>/solved/
    cells.parquet       the regions that were linked
    regions.parquet     their costs and prices
    links.parquet, divisions.parquet, cycles.parquet, cycle_candidates.parquet
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from sam4ct.io.work import WorkDir, read_table, write_table
from sam4ct.stages.associate.solver import Solved
from sam4ct.stages.correct.stored import (
    CycleCandidates,
    CycleRows,
    DivisionCandidates,
    LinkCandidates,
    RegionCosts,
    StoredTables,
    solved_of,
    tables_of,
)
from sam4ct.tables import Detections


def keep_solved(work: WorkDir, stage: str, cells: Detections, found: Solved) -> None:
    """Write a solved problem and its regions into the folder of a stage.

    Raises:
        WorkError: The disk refuses.
    """
    tables = tables_of(found)
    write_table(_file(work, stage, "cells"), cells)
    for field in fields(tables):
        write_table(_file(work, stage, field.name), getattr(tables, field.name))


def read_solved(work: WorkDir, stage: str, min_cycle: int) -> tuple[Detections, Solved]:
    """Return the regions and the solved problem of a stage.

    Args:
        work: The work folder.
        stage: "associate", "generate" or "edit".
        min_cycle: The profile's `min_cycle_frames`.

    Raises:
        WorkError: A file is missing or damaged.
    """
    tables = StoredTables(
        read_table(_file(work, stage, "links"), LinkCandidates),
        read_table(_file(work, stage, "divisions"), DivisionCandidates),
        read_table(_file(work, stage, "regions"), RegionCosts),
        read_table(_file(work, stage, "cycles"), CycleRows),
        read_table(_file(work, stage, "cycle_candidates"), CycleCandidates),
    )
    cells = read_table(_file(work, stage, "cells"), Detections)
    return cells, solved_of(tables, min_cycle)


def solved_stage(work: WorkDir) -> str:
    """Return the stage of a finished run whose links were the last ones before answers."""
    stages = ("edit", "generate", "associate")
    return next(stage for stage in stages if work.has(_file(work, stage, "cells")))


def _file(work: WorkDir, stage: str, name: str) -> Path:
    return work.artifact(stage, f"solved/{name}.parquet")
