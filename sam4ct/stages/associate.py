"""Associate: the most probable lineage of a whole sequence, given the evidence.

Works on tables only. Each region is linked to at most one earlier region, or
is born of one mother together with a sister, or appears; it goes on in one
later region, divides, or disappears. The choice with the least total cost is
found exactly, one connected component at a time, by HiGHS.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sam4ct.stages.candidates import Candidates, Divisions, candidates, diameters, divisions
from sam4ct.stages.costs import Costs
from sam4ct.tables import Detections, Evidence, Floats, Ints, Links

logger = logging.getLogger(__name__)

NODE_LIMIT = 100_000
"""Branch-and-bound nodes per component; a bound in nodes, unlike one in seconds, is repeatable."""


@dataclass(frozen=True)
class Scene:
    """What association must know beside the tables."""

    frames: int
    ndim: int
    spacing_um: tuple[float, float, float]
    """Voxel size (z, y, x)."""
    divide: bool = True
    """Whether cells of this sequence divide at all."""


@dataclass(frozen=True)
class _Problem:
    """All choices of a sequence; every choice has a cost, negative if it is likely."""

    count: int
    links: Candidates
    link_cost: Floats
    splits: Divisions
    split_cost: Floats
    appear: Floats
    disappear: Floats
    alone: Floats
    """Of a region that belongs to no track but its own: a speck or a fragment."""


@dataclass(frozen=True)
class _Choice:
    """Chosen rows of the links and of the divisions."""

    links: Ints
    splits: Ints


def associate(detections: Detections, evidence: Evidence, costs: Costs, scene: Scene) -> Links:
    """Return the links of the most probable lineage, ordered by target.

    Args:
        detections: All regions of the sequence, ordered by frame and label.
        evidence: Rows of any frame pairs.
        costs: Turns features into log odds.
        scene: Length, dimensions and voxel size of the sequence.
    """
    if not len(detections) or not len(evidence):
        return Links.empty()
    problem = _pose(detections, evidence, costs, scene)
    choice = _solve(problem)
    links = _links(detections, problem, choice)
    logger.info(
        "associated %d regions: %d links, %d divisions",
        len(detections),
        len(links),
        len(choice.splits),
    )
    return links


def _pose(detections: Detections, evidence: Evidence, costs: Costs, scene: Scene) -> _Problem:
    diameter = diameters(detections, scene.ndim)
    spacing = np.asarray(scene.spacing_um)
    unit = float(np.cbrt(spacing.prod())) if scene.ndim == 3 else float(spacing[-1])
    voxels = np.stack([detections.z, detections.y, detections.x], axis=1)
    links = candidates(detections, evidence, diameter * unit)
    odds = costs.link_odds(links.features)
    splits = divisions(detections, links, odds, voxels * spacing, diameter * unit)
    split_cost = -costs.division_odds(splits.features)
    edge = detections.border
    appear = np.where(edge, costs.appear_border, costs.appear)
    disappear = np.where(edge, costs.disappear_border, costs.disappear)
    appear = np.where(detections.t == 0, 0.0, appear)
    disappear = np.where(detections.t == scene.frames - 1, 0.0, disappear)
    link_cost = -odds + costs.skip * (links.dt - 1)
    # What costs more than ending one track and beginning another is never chosen.
    useful = link_cost < disappear[links.u] + appear[links.v]
    worth = disappear[splits.u] + appear[splits.v] + appear[splits.w]
    likely = (split_cost < worth) & scene.divide
    return _Problem(
        len(detections),
        Candidates(links.u[useful], links.v[useful], links.features[useful], links.dt[useful]),
        link_cost[useful],
        Divisions(splits.u[likely], splits.v[likely], splits.w[likely], splits.features[likely]),
        split_cost[likely],
        appear,
        disappear,
        np.minimum(costs.alone, appear + disappear),
    )


def _solve(problem: _Problem) -> _Choice:
    """Solve each connected component by itself."""
    links, splits = problem.links, problem.splits
    tail = np.concatenate([links.u, splits.u, splits.u])
    head = np.concatenate([links.v, splits.v, splits.w])
    graph = coo_array(
        (np.ones(len(tail), np.int8), (tail, head)), shape=(problem.count, problem.count)
    )
    _, component = connected_components(graph, directed=False)
    link_groups = _grouped(component[links.u])
    split_groups = _grouped(component[splits.u])
    none = np.empty(0, np.int64)
    chosen = [
        _solve_component(problem, link_groups.get(c, none), split_groups.get(c, none))
        for c in sorted({*link_groups, *split_groups})
    ]
    return _Choice(
        np.sort(np.concatenate([none, *(c.links for c in chosen)])),
        np.sort(np.concatenate([none, *(c.splits for c in chosen)])),
    )


def _grouped(keys: NDArray[np.int32]) -> dict[int, Ints]:
    """Rows by key, both in increasing order."""
    if not len(keys):
        return {}
    order = np.argsort(keys, kind="stable")
    values, starts = np.unique(keys[order], return_index=True)
    return {
        int(value): rows for value, rows in zip(values, np.split(order, starts[1:]), strict=True)
    }


def _solve_component(problem: _Problem, e: Ints, s: Ints) -> _Choice:
    """Choose among links `e` and divisions `s`, which share no region with any other."""
    links, splits = problem.links, problem.splits
    nodes = np.unique(
        np.concatenate([links.u[e], links.v[e], splits.u[s], splits.v[s], splits.w[s]])
    )
    # Appearing and disappearing are what is left when a region has no link in or out, so their
    # costs are saved by each choice that gives it one, and they need no variables of their own.
    # A region with neither pays for being alone instead.
    appear, disappear = problem.appear, problem.disappear
    gain = np.concatenate(
        [
            problem.link_cost[e] - disappear[links.u[e]] - appear[links.v[e]],
            problem.split_cost[s]
            - disappear[splits.u[s]]
            - appear[splits.v[s]]
            - appear[splits.w[s]],
            (problem.alone - appear - disappear)[nodes],
        ]
    )
    n, k, count = len(e), len(s), len(nodes)
    out_row = np.searchsorted(nodes, np.concatenate([links.u[e], splits.u[s], nodes]))
    in_row = count + np.searchsorted(
        nodes, np.concatenate([links.v[e], splits.v[s], nodes, splits.w[s]])
    )
    every = np.arange(n + k + count)
    column = np.concatenate([every, every, np.arange(n, n + k)])
    rows = np.concatenate([out_row, in_row])
    at_most_one = coo_array(
        (np.ones(len(rows)), (rows, column)), shape=(2 * count, len(gain))
    ).tocsr()
    answer = milp(
        gain,
        integrality=np.ones(len(gain)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(at_most_one, -np.inf, 1.0),
        options={"node_limit": NODE_LIMIT, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        raise RuntimeError(f"the solver found no solution: {answer.message}")
    if answer.status != 0:
        logger.warning("association of %d regions is not proved optimal", len(nodes))
    taken = answer.x > 0.5
    return _Choice(e[taken[:n]], s[taken[n : n + k]])


def _links(detections: Detections, problem: _Problem, choice: _Choice) -> Links:
    links, splits = problem.links, problem.splits
    e, s = choice.links, choice.splits
    u = np.concatenate([links.u[e], splits.u[s], splits.u[s]])
    v = np.concatenate([links.v[e], splits.v[s], splits.w[s]])
    confidence = _confidence(problem, choice)
    order = np.lexsort((detections.label[v], detections.t[v]))
    u, v = u[order], v[order]
    return Links(
        t=detections.t[u],
        label=detections.label[u],
        t2=detections.t[v],
        label2=detections.label[v],
        division=(np.arange(len(order)) >= len(e))[order],
        confidence=confidence[order],
    )


def _confidence(problem: _Problem, choice: _Choice) -> Floats:
    """Weigh every chosen link or division against all else its regions could have done.

    A region's ways in (links, divisions, appearing) and ways out compete with
    weights exp(-cost); the confidence is the smallest share of the choice among
    the regions it joins.
    """
    links, splits = problem.links, problem.splits

    def weight(cost: Floats) -> Floats:
        return np.exp(-np.clip(cost, -30.0, 30.0))

    into, out = weight(problem.appear), weight(problem.disappear)
    link_weight, split_weight = weight(problem.link_cost), weight(problem.split_cost)
    np.add.at(into, links.v, link_weight)
    np.add.at(out, links.u, link_weight)
    np.add.at(out, splits.u, split_weight)
    for daughter in (splits.v, splits.w):
        np.add.at(into, daughter, split_weight)
    e, s = choice.links, choice.splits
    single = link_weight[e] / np.maximum(into[links.v[e]], out[links.u[e]])
    most = np.maximum(np.maximum(into[splits.v[s]], into[splits.w[s]]), out[splits.u[s]])
    double = split_weight[s] / most
    return np.concatenate([single, double, double])
