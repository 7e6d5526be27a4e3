"""The most probable lineage as an integer program: weighted set packing.

In: candidates (links, divisions, lone regions) with rewards in log odds. Out: the chosen ones.

Tracking by integer programming: Jug et al. 2014, Schiegg et al. 2013, Haubold et al. 2016,
Turetken et al. 2016. Here every region has two *slots*, one for where it comes from and one for
where it goes. A link uses two slots, a division three. With the reward r_j of candidate j and
x_j = 1 if it is chosen:

    primal  (1)  max  sum_j r_j x_j
            (2)  sum of x_j over the candidates j that use slot s  <=  1,  for every slot s
            (3)  sum of x_j over a path from a birth to a too early division  <=  its length - 1
            (4)  x_j in {0, 1};  the LP relaxation has x_j >= 0 instead
    dual    (5)  min  sum_s p_s,  with prices p_s >= 0 and, for every candidate j,
            (6)  reduced reward  r_j - (sum of p_s over the slots s that j uses)  <=  0

Weak duality: no x saves more than any such p costs. So x is optimal if there is a p with

    certificate  (7)  a chosen candidate has a reduced reward of 0,
                 (8)  a slot that no chosen candidate uses has the price 0

(complementary slackness). The steps:

- `set_packing`: the problem (1), (2), (6)
- `dual_ascent`: a greedy x and prices p by an auction (Bertsekas 1988)
- `decomposition`: (6) to (8) hold for most slots; the others are the active set. It is solved
  with the prices of all other slots held, and grows until (6) to (8) hold there, too
- `highs`: the LP relaxation and the integer program, by HiGHS (Huangfu and Hall 2018)
- `cell_cycle`: adds the rows (3) that a solution violates
- `lineage`: builds (1) and (2) for links and divisions; solves an active set: LP relaxation,
  reduced-cost fixing, integer program
- `changes`: solves a problem again whose costs have changed, from its optimum before
"""

from __future__ import annotations

from sam4ct.stages.associate.solver.changes import solved_again
from sam4ct.stages.associate.solver.lineage import Problem, Selection, Solved, solve, solved

__all__ = [
    "Problem",
    "Selection",
    "Solved",
    "solve",
    "solved",
    "solved_again",
]
