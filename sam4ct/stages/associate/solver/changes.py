"""Solves a problem again whose costs have changed a little, beginning with the optimum before.

In: a solved problem, and the same problem with other costs. Out: its optimum. What the change does
not touch keeps its candidates and its prices: by (6) to (8) of the chapter in `solver` it stays
optimal if a candidate that was not chosen is worth less now, or one that was chosen is worth more.
All other candidates that have changed open the slots that they use.
"""

from __future__ import annotations

import numpy as np

from sam4ct.stages.associate.solver.decomposition import Optimum, reoptimized
from sam4ct.stages.associate.solver.lineage import (
    Problem,
    Solved,
    in_whole_numbers,
    packing_of,
    relaxed,
    rewards,
)
from sam4ct.stages.associate.solver.set_packing import SetPacking
from sam4ct.tables import Floats, Ints


def solved_again(before: Solved, problem: Problem) -> Solved:
    """Return the optimum after some costs have changed; only what they touch is solved again.

    Args:
        before: The optimum before the change.
        problem: The same regions, with the same ends. Its links begin with those of before, its
            divisions too; all may have other costs.
    """
    plain, index = packing_of(problem), _new_numbers(before.problem, problem)
    chosen, reward = np.zeros(len(plain.reward), bool), np.zeros(len(plain.reward))
    chosen[index], reward[index] = before.optimum.chosen, rewards(before.problem)
    rows = [index[row] for row in before.rows]
    # Others are paths of forced candidates now.
    limits = zip(rows, before.most, strict=True)
    holds = np.array([np.isin(row, problem.forced).sum() <= n for row, n in limits], dtype=bool)
    kept = tuple(row for row, stays in zip(rows, holds, strict=True) if stays)
    lost = [row for row, stays in zip(rows, holds, strict=True) if not stays]
    most = tuple(m for m, stays in zip(before.most, holds, strict=True) if stays)
    packing = plain.with_cuts(kept, most) if kept else plain
    slots = np.concatenate([np.ones(2 * problem.count, bool), holds])
    start = Optimum(chosen, before.optimum.price[slots].copy(), before.optimum.part[slots])
    change = plain.reward - reward
    _raise_prices(start, packing, change)
    wrong = np.where(chosen, change < 0.0, (change > 0.0) & (plain.reward > 0.0))
    doubtful = packing.slots_of(np.concatenate([np.flatnonzero(wrong), *lost]))
    best = reoptimized(packing, doubtful, start, relaxed)
    return in_whole_numbers(Solved(problem, best, kept, most), packing)


def _new_numbers(old: Problem, new: Problem) -> Ints:
    """Return the candidate that each candidate of the old problem is in the new one."""
    n, k = len(old.links.u), len(old.splits.u)
    index = np.arange(n + k + old.count)
    index[n:] += len(new.links.u) - n
    index[n + k :] += len(new.splits.u) - k
    return index


def _raise_prices(start: Optimum, packing: SetPacking, change: Floats) -> None:
    """Let those that were chosen and are worth more pay for it, in place: (7) still holds."""
    for j in np.flatnonzero(start.chosen & (change > 0.0)).tolist():
        first, end = packing.incidence.indptr[j : j + 2]
        uses = packing.incidence.indices[first:end]
        closed = uses[start.part[uses] < 0]
        start.price[closed[:1]] += change[j]
