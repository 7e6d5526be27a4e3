"""Shares: every choice weighed against all else that its regions could do.

A region's ways in (links, divisions, appearing) and its ways out compete with weights
exp(-cost). The share of a choice says how sure it is, and which choices are not worth the
solver's time. Pure tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sam4ct.runtime import in_stretches
from sam4ct.stages.associate.solver import Problem
from sam4ct.tables import Floats

LEAST_SHARE = 1e-3
"""Of a choice, where its share is largest, to be considered."""
COST_LIMIT = 30.0


@dataclass(frozen=True)
class Shares:
    """Of every choice, at the ends where its share is smallest, or largest."""

    links: Floats
    splits: Floats


def shares(problem: Problem) -> Shares:
    """Return the smallest share of every choice among the regions that it joins."""
    return _shares(problem, np.maximum)


def _shares(problem: Problem, worth: Callable[[Floats, Floats], Floats]) -> Shares:
    """Weigh all choices by what their regions could do in all, the least or the most worth."""
    links, splits = problem.links, problem.splits
    into, out = _weight(problem.appear), _weight(problem.disappear)
    link_weight, split_weight = _weight(problem.link_cost), _weight(problem.split_cost)
    np.add.at(into, links.v, link_weight)
    np.add.at(out, links.u, link_weight)
    np.add.at(out, splits.u, split_weight)
    for daughter in (splits.v, splits.w):
        np.add.at(into, daughter, split_weight)

    def of_links(some: slice) -> Floats:
        return link_weight[some] / worth(into[links.v[some]], out[links.u[some]])

    def of_splits(some: slice) -> Floats:
        ways_in = worth(into[splits.v[some]], into[splits.w[some]])
        return split_weight[some] / worth(ways_in, out[splits.u[some]])

    return Shares(
        in_stretches(of_links, len(link_weight)), in_stretches(of_splits, len(split_weight))
    )


def considered(problem: Problem) -> Problem:
    """Return the problem without the choices whose share is very small at all their ends.

    At one end does not suffice: where a whole row of cells moves on by one place, each
    link is weak against the one that its own cell would rather have.
    """
    found = _shares(problem, np.minimum)
    links, splits = (np.flatnonzero(s > LEAST_SHARE) for s in (found.links, found.splits))
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
