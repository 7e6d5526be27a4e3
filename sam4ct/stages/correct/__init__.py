"""Answers of a person, obeyed by the lineage.

In: a solved linking problem and corrections. Out: the lineage that obeys them.

- `constraints`: corrections as costs that decide: what is forced, and what is not allowed
- `stored`: a solved problem as tables, so that it can be solved again later
"""

from __future__ import annotations

from sam4ct.stages.correct.constraints import answered, constrained, kept_cells, resolve
from sam4ct.stages.correct.stored import StoredTables, solved_of, tables_of

__all__ = [
    "StoredTables",
    "answered",
    "constrained",
    "kept_cells",
    "resolve",
    "solved_of",
    "tables_of",
]
