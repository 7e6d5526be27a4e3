"""Shares: every choice weighed against all else that its regions could do.

A region's ways in (links, divisions, appearing) and its ways out compete with weights
exp(-cost). The share of a choice says how sure it is, and which choices are not worth the
solver's time. Pure tables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sam4ct.stages.solve import Problem
from sam4ct.tables import Floats

LEAST_SHARE = 1e-3
"""Of a choice that is considered. Rivals would have to be worth that much less elsewhere."""
COST_LIMIT = 30.0


@dataclass(frozen=True)
class Shares:
    """The smallest share of every choice among the regions that it joins."""

    links: Floats
    splits: Floats


def shares(problem: Problem) -> Shares:
    """Weigh all choices of a problem."""
    links, splits = problem.links, problem.splits
    into, out = _weight(problem.appear), _weight(problem.disappear)
    link_weight, split_weight = _weight(problem.link_cost), _weight(problem.split_cost)
    np.add.at(into, links.v, link_weight)
    np.add.at(out, links.u, link_weight)
    np.add.at(out, splits.u, split_weight)
    for daughter in (splits.v, splits.w):
        np.add.at(into, daughter, split_weight)
    most = np.maximum(np.maximum(into[splits.v], into[splits.w]), out[splits.u])
    return Shares(link_weight / np.maximum(into[links.v], out[links.u]), split_weight / most)


def considered(problem: Problem) -> Problem:
    """Return the problem without the choices of very small shares."""
    found = shares(problem)
    links, splits = found.links > LEAST_SHARE, found.splits > LEAST_SHARE
    return replace(
        problem,
        links=problem.links.take(links),
        link_cost=problem.link_cost[links],
        splits=problem.splits.take(splits),
        split_cost=problem.split_cost[splits],
    )


def _weight(cost: Floats) -> Floats:
    return np.exp(-np.clip(cost, -COST_LIMIT, COST_LIMIT))
