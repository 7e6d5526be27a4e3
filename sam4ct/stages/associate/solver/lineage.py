"""Solve: the choice of links and divisions with the least total cost.

An integer program: every region has at most one way in and at most one way out.
`prices` settles most of it; what is left falls apart in components, which HiGHS solves:
exactly, but for a large one with many doubts, of which the log says how much better it may be.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from sam4ct.stages.associate.features import Divisions, Ends
from sam4ct.stages.associate.solver.cell_cycle import Cycles
from sam4ct.stages.associate.solver.decomposition import settle, settle_again
from sam4ct.stages.associate.solver.highs import in_parts, whole
from sam4ct.stages.associate.solver.set_packing import Program
from sam4ct.tables import Floats, Ints

logger = logging.getLogger(__name__)

WITHIN = 4.0
"""Log odds that an answer in whole numbers may cost more than one in parts, of a component.

The costs of the doubtful places of a long movie add up, but each stands alone."""
MOSTLY_WITHIN = 1.0
"""What it mostly costs at most."""
WHOLE = 1e-6
"""What is as near to a whole number is one."""
NODE_LIMIT = 100_000
"""Branch-and-bound nodes per component; a bound in nodes, unlike one in seconds, is repeatable."""
TOGETHER, FEW_NODES = 8, 100
"""Components in one integer program, since each takes some time to set up, and the nodes in which
it must answer: doubts in several components multiply there. Else each gets a program of its own."""


@dataclass(frozen=True)
class Problem:
    """All choices of a sequence; every choice has a cost, negative if it is likely."""

    count: int
    links: Ends
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
    """Choose links and divisions."""
    program = _program(problem)
    cycles = Cycles(
        program, problem.links, problem.splits, problem.t, problem.min_cycle, problem.born
    )
    # What is found in parts is mostly whole, breaks nearly the same rules, and is found sooner.
    settled = settle(program, _in_parts)
    while True:
        if cycles.broken(settled.taken):
            narrower = cycles.program()
            doubtful = narrower.changed_since(program)
            program, settled = narrower, settle_again(narrower, doubtful, settled, _in_parts)
        elif (several := program.ways.T @ settled.taken > 1).any():
            settled = settle_again(program, several, settled, _each)
        else:
            return Choice(*cycles.chosen(settled.taken))


def _program(problem: Problem) -> Program:
    """Return links, divisions and regions that stay alone as choices among ways.

    Ways out of regions come first, then ways in.
    """
    links, splits, count = problem.links, problem.splits, problem.count
    # Appearing and disappearing are what is left when a region has no link in or out, so their
    # costs are saved by each choice that gives it one, and they need no choices of their own.
    # A region with neither pays for being alone instead.
    appear, disappear = problem.appear, problem.disappear
    saving = np.concatenate(
        [
            disappear[links.u] + appear[links.v] - problem.link_cost,
            disappear[splits.u] + appear[splits.v] + appear[splits.w] - problem.split_cost,
            appear + disappear - problem.alone,
        ]
    )
    n, k, every = len(links.u), len(splits.u), np.arange(count)
    way = np.concatenate(
        [links.u, splits.u, every, *(count + v for v in (links.v, splits.v, every, splits.w))]
    )
    choice = np.concatenate([np.arange(n + k + count), np.arange(n + k + count), n + np.arange(k)])
    ones = np.ones(len(way))
    return Program(saving, coo_array((ones, (choice, way)), (len(saving), 2 * count)).tocsr())


def _in_parts(saving: Floats, at_most_one: csr_array) -> NDArray[np.bool_]:
    """Return the choices that are taken, at least in part, where parts are allowed."""
    return in_parts(saving, at_most_one).taken > WHOLE


def _each(saving: Floats, at_most_one: csr_array) -> NDArray[np.bool_]:
    """Return the choices that save most.

    Where parts are allowed the problem is easy, and nearly all of its answer is whole
    already. What the choice of a variable would cost at least (its reduced cost) leaves
    few of them to integer programs, which fall apart: none that costs more than the best
    whole answer is behind can be part of a better one.
    """
    parts = in_parts(saving, at_most_one)
    taken, doubtful = parts.taken > 0.5, _broken(parts.taken)
    component, reduced = _components(at_most_one), parts.price
    behind = np.zeros(len(saving))
    within = np.full_like(behind, min(MOSTLY_WITHIN, WITHIN))
    while doubtful.any():
        free = np.flatnonzero(reduced <= within)
        part = _components(at_most_one[:, free])
        asked = np.unique(part[doubtful[free]])
        for first in range(0, len(asked), TOGETHER):
            held = np.isin(part, asked[first : first + TOGETHER])
            rows = at_most_one[:, free[held]]
            taken[free[held]] = _whole(saving[free[held]], rows, part[held])
        behind[:] = np.bincount(component, saving * (parts.taken - taken))[component]
        # The answer found says how far one has to look for a better one.
        before, within = within, np.minimum(WITHIN, behind)
        doubtful &= np.isin(component, component[(before < reduced) & (reduced <= within)])
    if behind.max(initial=0.0) > WITHIN:
        logger.info("association: proved to within %.1f log odds", behind.max() - WITHIN)
    return taken


def _components(rows: csr_array) -> Ints:
    """Return the number of each choice's component: choices that share a way have the same."""
    return np.asarray(connected_components(rows.T @ rows, directed=False)[1])


def _broken(values: Floats) -> NDArray[np.bool_]:
    """Which values are not whole."""
    return np.asarray(np.abs(values - np.round(values)) >= WHOLE)


def _whole(saving: Floats, at_most_one: csr_array, component: Ints) -> NDArray[np.bool_]:
    """Return the choices that save most, in whole numbers, of some components."""
    several = bool((component != component[0]).any())
    nodes = FEW_NODES if several else NODE_LIMIT
    found = whole(saving, at_most_one[np.flatnonzero(np.diff(at_most_one.indptr))], nodes)
    if several and (found is None or not found.proved):
        taken = np.zeros(len(saving), bool)
        for number in np.unique(component).tolist():
            held = component == number
            taken[held] = _whole(saving[held], at_most_one[:, held], component[held])
        return taken
    if found is None:
        raise RuntimeError(f"HiGHS found no choice of {len(saving)} in {nodes} nodes")
    if not found.proved:
        logger.warning("association: a component of %d choices is not proved optimal", len(saving))
    return found.taken
