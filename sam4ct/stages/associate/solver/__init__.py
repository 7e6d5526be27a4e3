"""The lineage of least cost: weighted set packing.

In: candidates with log odds, and the costs of beginnings and ends. Out: the candidates chosen.

In the order of a run:

- `set_packing`: the problem: candidates compete for slots, each slot is used once at most
- `dual_ascent`: a greedy start, and prices that prove most of it optimal
- `decomposition`: what the prices settle; what is left, in small components
- `cell_cycle`: no cell divides sooner than the shortest cell cycle
- `highs`: linear and integer programs, by HiGHS
- `lineage`: puts these together for links and divisions
"""

from __future__ import annotations

from sam4ct.stages.associate.solver.lineage import Choice, Problem, solve

__all__ = [
    "Choice",
    "Problem",
    "solve",
]
