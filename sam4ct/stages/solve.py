"""Solve: the choice of links and divisions with the least total cost.

An integer program: every region has at most one way in and at most one way out.
It is solved by HiGHS, one connected component at a time: exactly, but for very large ones,
which are solved to within what is said in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from sam4ct.stages.candidates import Candidates
from sam4ct.stages.divisions import Divisions
from sam4ct.tables import Floats, Ints

logger = logging.getLogger(__name__)

FIRST_GAP = 1.0
"""Log odds that the answer in whole numbers is first taken to cost more than the other."""
LAST_GAP = 4.0
"""At most: the costs of the many doubtful places of a long movie add up, but each stands alone."""
WHOLE = 1e-6
"""What is as near to a whole number is one."""
NODE_LIMIT = 100_000
"""Branch-and-bound nodes per component; a bound in nodes, unlike one in seconds, is repeatable."""


@dataclass(frozen=True)
class Problem:
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
    t: Ints
    """Frame of every region."""
    min_cycle: int = 1
    """Frames from a cell's birth to its own division, at least."""
    born: Mapping[int, int] = field(default_factory=dict)
    """Frame of birth by region, of cells whose past is settled; others are of unknown age."""


@dataclass(frozen=True)
class Choice:
    """Chosen rows of the links and of the divisions."""

    links: Ints
    splits: Ints


def solve(problem: Problem) -> Choice:
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
    return Choice(
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


def _solve_component(problem: Problem, e: Ints, s: Ints) -> Choice:
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
    too_soon: list[tuple[int, int]] = []
    while True:
        taken = _minimum(gain, at_most_one, too_soon)
        choice = Choice(e[taken[:n]], s[taken[n : n + k]])
        found = _too_soon(problem, choice)
        if not found:
            return choice
        # Rare, so it is cheaper to forbid such pairs when they turn up than all beforehand.
        place = {int(row): n + i for i, row in enumerate(s)}
        too_soon += [(place[a], place[b]) for a, b in found]


def _minimum(
    gain: Floats, at_most_one: csr_array, not_both: list[tuple[int, int]]
) -> NDArray[np.bool_]:
    """Return which variables are 1 at the least total gain.

    Without whole numbers the problem is easy, and nearly all of its answer is whole
    already. What the choice of a variable would cost at least (its reduced cost) leaves
    few of them to the integer program: none that costs more than the best whole answer
    is behind can be part of a better one.
    """
    rows = _rows(at_most_one, not_both)
    relaxed = linprog(
        gain, A_ub=rows, b_ub=np.ones(rows.shape[0]), bounds=(0, 1), method="highs-ds"
    )
    if relaxed.status != 0:
        raise RuntimeError(f"the solver found no solution: {relaxed.message}")
    if (np.abs(relaxed.x - np.round(relaxed.x)) < WHOLE).all():
        return np.asarray(relaxed.x > 0.5)
    within = FIRST_GAP
    while True:
        free = np.flatnonzero(relaxed.lower.marginals <= within)
        whole = _whole(gain[free], rows[:, free])
        behind = float(gain[free][whole].sum()) - float(relaxed.fun)
        if behind <= within or within == LAST_GAP:
            break
        within = min(behind, LAST_GAP)
    if behind > within:
        logger.info(
            "association: a component of %d choices is proved to within %.1f log odds",
            len(gain),
            behind - within,
        )
    taken = np.zeros(len(gain), bool)
    taken[free[whole]] = True
    return taken


def _rows(at_most_one: csr_array, not_both: list[tuple[int, int]]) -> csr_array:
    """Return all constraints: of the variables of each row, at most one may be 1."""
    pairs = np.repeat(np.arange(len(not_both)), 2)
    columns = np.array(not_both, dtype=np.int64).ravel()
    shape = len(not_both), at_most_one.shape[1]
    return vstack([at_most_one, coo_array((np.ones(len(pairs)), (pairs, columns)), shape)]).tocsr()


def _whole(gain: Floats, rows: csr_array) -> NDArray[np.bool_]:
    """Return the best answer in whole numbers."""
    answer = milp(
        gain,
        integrality=np.ones(len(gain)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, -np.inf, 1.0),
        options={"node_limit": NODE_LIMIT, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        raise RuntimeError(f"the solver found no solution: {answer.message}")
    if answer.status != 0:
        logger.warning("association: a component of %d choices is not proved optimal", len(gain))
    return np.asarray(answer.x > 0.5)


def _too_soon(problem: Problem, choice: Choice) -> list[tuple[int, int]]:
    """Return pairs of chosen divisions of which the second follows the first too soon.

    One that comes too soon after a birth that is settled is paired with itself.
    """
    if problem.min_cycle <= 1:
        return []
    links, splits = problem.links, problem.splits
    before = dict(zip(links.v[choice.links].tolist(), links.u[choice.links].tolist(), strict=True))
    born: dict[int, int] = {}
    for row in choice.splits.tolist():
        born[int(splits.v[row])] = born[int(splits.w[row])] = row
    pairs = []
    for row in choice.splits.tolist():
        first = int(splits.u[row])
        while first in before:
            first = before[first]
        birth = problem.t[first] if first in born else problem.born.get(first)
        if birth is not None and problem.t[splits.u[row]] - birth + 1 < problem.min_cycle:
            pairs.append((born.get(first, row), row))
    return pairs
