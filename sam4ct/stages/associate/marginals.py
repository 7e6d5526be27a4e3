"""Weighs every candidate against the others of its regions: local marginals.

In: candidates with costs. Out: the probability of each candidate if one region decided by
itself, a softmax over exp(-cost) of all that it could do (links, divisions, beginning or end).
Marginals tell how sure a link is, and which candidates the solver need not consider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sam4ct.runtime import in_stretches
from sam4ct.stages.associate.solver import Problem
from sam4ct.tables import Floats

MIN_MARGINAL = 1e-3
"""Candidates whose marginal is smaller at all their regions are dropped."""
COST_LIMIT = 30.0
"""Log odds; larger costs count as this, so that exp does not overflow."""


@dataclass(frozen=True)
class Marginals:
    """The marginal of every candidate at one of its regions: the smallest or the largest."""

    links: Floats
    splits: Floats


def marginals(problem: Problem) -> Marginals:
    """Return the smallest marginal of every candidate among its regions."""
    return _marginals(problem, np.maximum)


def _marginals(problem: Problem, total: Callable[[Floats, Floats], Floats]) -> Marginals:
    """Divide weights by the larger or the smaller sum of weights at the regions of a candidate."""
    links, splits = problem.links, problem.splits
    into, out = _weight(problem.appear), _weight(problem.disappear)
    link_weight, split_weight = _weight(problem.link_cost), _weight(problem.split_cost)
    np.add.at(into, links.v, link_weight)
    np.add.at(out, links.u, link_weight)
    np.add.at(out, splits.u, split_weight)
    for daughter in (splits.v, splits.w):
        np.add.at(into, daughter, split_weight)

    def of_links(some: slice) -> Floats:
        return link_weight[some] / total(into[links.v[some]], out[links.u[some]])

    def of_splits(some: slice) -> Floats:
        daughters = total(into[splits.v[some]], into[splits.w[some]])
        return split_weight[some] / total(daughters, out[splits.u[some]])

    return Marginals(
        in_stretches(of_links, len(link_weight)), in_stretches(of_splits, len(split_weight))
    )


def pruned(problem: Problem) -> Problem:
    """Return the problem without candidates whose marginal is very small at all their regions.

    A small marginal at one region is not enough: where a row of cells moves on by one place,
    each true link is weak at the region that a wrong link would suit better.
    """
    found = _marginals(problem, np.minimum)
    links, splits = (np.flatnonzero(m > MIN_MARGINAL) for m in (found.links, found.splits))
    return replace(
        problem,
        links=problem.links.take(links),
        link_cost=problem.link_cost[links],
        splits=problem.splits.take(splits),
        split_cost=problem.split_cost[splits],
    )


def _weight(cost: Floats) -> Floats:
    return in_stretches(
        lambda some: np.exp(-np.clip(cost[some], -COST_LIMIT, COST_LIMIT)), len(cost)
    )
