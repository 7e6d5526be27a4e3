"""Answers of a person, obeyed by the lineage.

In: a solved linking problem and corrections. Out: the lineage that obeys them.

- `exchanges`, `alternatives`: what regions could do instead, and what that costs
- `doubt`: how probable that is, and what an answer is worth
- `ask`, `wording`: the questions worth asking, in words
- `constraints`: corrections as costs that decide: what is forced, and what is not allowed
- `masks`: answers that join fragments and cut masks
- `differences`: what was changed in an edited lineage
- `stored`: a solved problem as tables, so that it can be solved again later
"""

from __future__ import annotations

from sam4ct.stages.correct.ask import ask
from sam4ct.stages.correct.constraints import answered, constrained, regions_said, resolve
from sam4ct.stages.correct.masks import cut_of, joined_by, to_cut
from sam4ct.stages.correct.stored import StoredTables, solved_of, tables_of

__all__ = [
    "StoredTables",
    "answered",
    "ask",
    "constrained",
    "cut_of",
    "joined_by",
    "regions_said",
    "resolve",
    "solved_of",
    "tables_of",
    "to_cut",
]
