"""Problems for `solve`, small enough to see what is best."""

from __future__ import annotations

import numpy as np

from sam4ct.stages.associate.features.columns import Features
from sam4ct.stages.associate.features.divisions import Divisions
from sam4ct.stages.associate.features.links import Ends
from sam4ct.stages.associate.solver.lineage import Problem
from sam4ct.tables import Ints

ENDS = 2.0
"""Cost of every beginning and of every end."""


def ints(*values: int) -> Ints:
    return np.array(values, dtype=np.int64)


def problem(
    t: list[int],
    links: dict[tuple[int, int], float],
    splits: dict[tuple[int, int, int], float] | None = None,
    *,
    min_cycle: int = 1,
    alone: dict[int, float] | None = None,
    born: dict[int, int] | None = None,
) -> Problem:
    """A problem over regions in frames t, with the costs of links and divisions by their rows."""
    splits = splits or {}
    u, v = np.array(list(links), dtype=np.int64).reshape(-1, 2).T
    a, b, c = np.array(list(splits), dtype=np.int64).reshape(-1, 3).T
    times = ints(*t)
    by_itself = np.full(len(t), 2 * ENDS)
    for row, cost in (alone or {}).items():
        by_itself[row] = cost
    return Problem(
        count=len(t),
        links=Ends(u, v),
        link_cost=np.array(list(links.values()), dtype=float),
        splits=Divisions(a, b, c, Features.none(len(a))),
        split_cost=np.array(list(splits.values()), dtype=float),
        appear=np.full(len(t), ENDS),
        disappear=np.full(len(t), ENDS),
        alone=by_itself,
        t=times,
        min_cycle=min_cycle,
        born=born or {},
    )
