"""Chooses the links and divisions with the least total cost.

In: candidates with costs in log odds, and what it costs that a track begins or ends. Out: rows
of the chosen links and divisions. The integer program is that of the chapter in `solver`; it is
solved exactly, except for large components with many doubts: the log says how far from the
optimum these may be.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from sam4ct.stages.associate.features import Divisions, Ends
from sam4ct.stages.associate.solver.cell_cycle import CellCycle
from sam4ct.stages.associate.solver.decomposition import Optimum, optimum, reoptimized
from sam4ct.stages.associate.solver.highs import solve_lp, solve_milp
from sam4ct.stages.associate.solver.set_packing import SetPacking
from sam4ct.tables import Flags, Floats, Ints

logger = logging.getLogger(__name__)

MAX_GAP = 4.0
"""Log odds; candidates with a larger reduced cost are fixed at 0 even if the integer solution of
their component is further from the LP bound: in a long movie, many small gaps add up."""
FIRST_GAP = 1.0
"""Log odds; the first guess of that gap, which is mostly smaller."""
INTEGRAL = 1e-6
"""Values this near to a whole number count as whole."""
NODE_LIMIT = 100_000
"""Branch-and-bound nodes per component; a limit in nodes, unlike one in seconds, is repeatable."""
COMPONENTS_PER_MILP, SHARED_NODE_LIMIT = 8, 100
"""Components in one integer program, as each program takes time to set up, and its nodes. Where
these do not suffice, each component gets a program of its own."""


@dataclass(frozen=True)
class Problem:
    """All candidates of a sequence. Costs are in log odds, negative for likely candidates."""

    count: int
    """Regions."""
    links: Ends
    link_cost: Floats
    splits: Divisions
    split_cost: Floats
    appear: Floats
    """By region, of being the first of a track."""
    disappear: Floats
    """By region, of being the last of a track."""
    alone: Floats
    """By region, of being a track by itself: a speck or a fragment."""
    t: Ints
    """Frame of every region."""
    min_cycle: int = 1
    """Frames from a cell's birth to its own division, at least."""
    born: Mapping[int, int] = field(default_factory=dict)
    """Frame of birth by region, of cells born before the first frame; others have no known age."""
    forced: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """Candidates, links and then divisions, that outrank the shortest cell cycle."""


@dataclass(frozen=True)
class Selection:
    """Row numbers of the chosen links and of the chosen divisions."""

    links: Ints
    splits: Ints


@dataclass(frozen=True)
class Solved:
    """A problem with its optimum, from which a changed problem is solved again."""

    problem: Problem
    optimum: Optimum
    """Candidates are links, divisions and lone regions; slots as in `packing_of`, then the rows."""
    rows: tuple[Ints, ...] = ()
    """The candidates of each row (3) that was needed."""
    most: tuple[int, ...] = ()
    """How many of them may be chosen."""

    @property
    def selection(self) -> Selection:
        n, k = len(self.problem.links.u), len(self.problem.splits.u)
        chosen = self.optimum.chosen
        return Selection(np.flatnonzero(chosen[:n]), np.flatnonzero(chosen[n : n + k]))


def solve(problem: Problem) -> Selection:
    """Return the links and divisions with the least total cost."""
    return solved(problem).selection


def solved(problem: Problem) -> Solved:
    """Return the problem with the links and divisions of the least total cost."""
    packing = packing_of(problem)
    # The LP relaxation is mostly integral, and solved sooner.
    return in_whole_numbers(Solved(problem, optimum(packing, relaxed)), packing)


def in_whole_numbers(found: Solved, packing: SetPacking) -> Solved:
    """Return the optimum in whole numbers, in which no cell divides too early."""
    problem, best, rows, most = found.problem, found.optimum, found.rows, found.most
    cycle = CellCycle(
        problem.links, problem.splits, problem.t, problem.min_cycle, problem.born, problem.forced
    )
    while True:
        if (fractional := packing.overused(best.chosen)).any():
            best = reoptimized(packing, fractional, best, _integral)
            continue
        paths, limits = cycle.cuts(best.chosen)
        if not paths:
            return Solved(problem, best, rows, most)
        rows, most = (*rows, *paths), (*most, *limits)
        packing = packing.with_cuts(paths, limits)
        best = reoptimized(packing, packing.slots_of(np.concatenate(paths)), best, relaxed)


def rewards(problem: Problem) -> Floats:
    """Return what each candidate saves: links, divisions, lone regions.

    A region whose slot stays free appears or disappears. A candidate saves these costs at the slots
    that it uses, so appearing and disappearing need no candidates of their own. A region with both
    slots free may pay for being alone instead.
    """
    links, splits = problem.links, problem.splits
    appear, disappear = problem.appear, problem.disappear
    return np.concatenate(
        [
            disappear[links.u] + appear[links.v] - problem.link_cost,
            disappear[splits.u] + appear[splits.v] + appear[splits.w] - problem.split_cost,
            appear + disappear - problem.alone,
        ]
    )


def packing_of(problem: Problem) -> SetPacking:
    """Return rows (1) and (2): candidates are links, divisions and lone regions.

    The slots are first where regions go, then where they come from.
    """
    links, splits, count = problem.links, problem.splits, problem.count
    reward = rewards(problem)
    n, k, every = len(links.u), len(splits.u), np.arange(count)
    slot = np.concatenate(
        [links.u, splits.u, every, *(count + v for v in (links.v, splits.v, every, splits.w))]
    )
    candidate = np.concatenate([np.tile(np.arange(n + k + count), 2), n + np.arange(k)])
    ones = np.ones(len(slot))
    shape = len(reward), 2 * count
    return SetPacking(reward, coo_array((ones, (candidate, slot)), shape).tocsr())


def relaxed(reward: Floats, incidence: csr_array, capacity: Ints) -> Flags:
    """Return the candidates that the LP relaxation chooses, wholly or in part."""
    return solve_lp(reward, incidence, capacity).x > INTEGRAL


def _integral(reward: Floats, incidence: csr_array, capacity: Ints) -> Flags:
    """Return the candidates with the largest total reward, by reduced-cost fixing.

    Few values of the LP relaxation are fractional. If the integer solution of a component is
    worse than the LP by a gap, no better one chooses a candidate with a larger reduced cost. So
    these are fixed at 0 and the integer program is small; the gap is guessed, then checked.
    """
    lp = solve_lp(reward, incidence, capacity)
    chosen, doubtful = lp.x > 0.5, np.abs(lp.x - np.round(lp.x)) >= INTEGRAL
    component = _components(incidence)
    gap = np.zeros(len(reward))
    within = np.full_like(gap, min(FIRST_GAP, MAX_GAP))
    while doubtful.any():
        free = np.flatnonzero(lp.reduced_cost <= within)
        part = _components(incidence[:, free])
        asked = np.unique(part[doubtful[free]])
        for first in range(0, len(asked), COMPONENTS_PER_MILP):
            held = np.isin(part, asked[first : first + COMPONENTS_PER_MILP])
            rows = incidence[:, free[held]]
            chosen[free[held]] = _milp(reward[free[held]], rows, capacity, part[held])
        gap[:] = np.bincount(component, reward * (lp.x - chosen))[component]
        before, within = within, np.minimum(MAX_GAP, gap)
        more = (before < lp.reduced_cost) & (lp.reduced_cost <= within)
        doubtful &= np.isin(component, component[more])
    if gap.max(initial=0.0) > MAX_GAP:
        logger.info("association: proved to within %.1f log odds", gap.max() - MAX_GAP)
    return chosen


def _components(incidence: csr_array) -> Ints:
    """Return the component of each candidate: candidates that share a slot are in the same."""
    return np.asarray(connected_components(incidence.T @ incidence, directed=False)[1])


def _milp(reward: Floats, incidence: csr_array, capacity: Ints, component: Ints) -> Flags:
    """Return the best candidates of some components, by an integer program."""
    several = bool((component != component[0]).any())
    nodes = SHARED_NODE_LIMIT if several else NODE_LIMIT
    used = np.flatnonzero(np.diff(incidence.indptr))
    found = solve_milp(reward, incidence[used], capacity[used], nodes)
    if several and (found is None or not found.proved):
        chosen = np.zeros(len(reward), bool)
        for number in np.unique(component).tolist():
            held = component == number
            chosen[held] = _milp(reward[held], incidence[:, held], capacity, component[held])
        return chosen
    if found is None:
        raise RuntimeError(f"HiGHS found no choice of {len(reward)} in {nodes} nodes")
    if not found.proved:
        logger.warning("association: a component of %d choices is not proved optimal", len(reward))
    return found.chosen
