"""Solves only the part of a set packing that prices do not prove optimal: the active set.

In: a set packing, and a solver for small ones. Out: the optimal candidates.

A slot is *closed* while its price proves the choice there, by (6) to (8) of the chapter in
`solver`. All others are *open*. The solver decides about the candidates that use an open slot;
each pays the prices of the closed slots that it uses. Where it chooses such a candidate, (8)
fails at the closed slot, which is opened, too. When none is left, the certificate holds for the
closed slots and the solver's own proof for the open ones, so the whole is optimal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from sam4ct.runtime import each
from sam4ct.stages.associate.solver.dual_ascent import greedy_with_prices
from sam4ct.stages.associate.solver.set_packing import SetPacking
from sam4ct.tables import Flags, Floats, Ints

TOLERANCE = 1e-9
"""Log odds; smaller differences count as 0."""
BATCH_CANDIDATES = 3000
"""Candidates in one call of the solver, at least: each call takes time to set up."""

Solver = Callable[[Floats, csr_array, Ints], Flags]
"""Takes rewards, incidence (slots, candidates) and capacities (slots,), returns the best
candidates. A solver of the LP relaxation returns all with x_j > 0: they may overuse slots."""


@dataclass(frozen=True)
class Optimum:
    """The best candidates, and how that is known."""

    chosen: Flags
    """By candidate."""
    price: Floats
    """By slot; meaningless where the slot is open."""
    part: Ints
    """By slot: -1 where it is closed, else the number of the component that was solved."""


def optimum(packing: SetPacking, solver: Solver) -> Optimum:
    """Return the candidates with the largest total reward."""
    chosen, price = greedy_with_prices(packing)
    violating = np.flatnonzero(packing.reduced_reward(price) > TOLERANCE)
    first = Optimum(chosen, price, np.full(len(price), -1))
    return _grown(packing, first, packing.slots_of(violating) | (price < -TOLERANCE), solver)


def reoptimized(packing: SetPacking, doubtful: Flags, before: Optimum, solver: Solver) -> Optimum:
    """Return the best candidates after a change.

    Args:
        packing: Now; rows (3) may have been added at the end of its slots.
        doubtful: Slots to open.
        before: The optimum before the change, or that of another solver.
        solver: For the open slots.
    """
    added = packing.incidence.shape[1] - len(before.price)
    price, part = np.pad(before.price, (0, added)), np.pad(before.part, (0, added))
    part[len(before.part) :] = -1
    return _grown(packing, Optimum(before.chosen, price, part), doubtful, solver)


def _grown(packing: SetPacking, start: Optimum, fresh: Flags, solver: Solver) -> Optimum:
    """Open some slots and solve; open what the solution needs, until it needs nothing more."""
    chosen, price, part = start.chosen.copy(), start.price, start.part.copy()
    while fresh.any():
        touching = packing.candidates_of(fresh)
        fresh = fresh | packing.slots_of(touching[chosen[touching]])
        # Components that candidates connect with these slots are solved again.
        first = int(part.max(initial=-1)) + 1
        near = np.zeros(first + 1, bool)
        near[part[packing.slots_of(packing.candidates_of(fresh))]] = True
        near[-1] = False  # where part is -1
        again = np.flatnonzero(fresh | near[part])
        part[again] = first
        active = _active_set(packing, np.where(part < 0, price, 0.0), again)
        part[again] += active.component
        chosen[packing.candidates_of(part >= first)] = False
        chosen[active.candidates] = active.solved(solver)
        wanted = active.candidates[chosen[active.candidates]]
        fresh = packing.slots_of(wanted) & (part < 0)
    return Optimum(chosen, price, part)


@dataclass(frozen=True)
class _ActiveSet:
    """Open slots, and the candidates that use one of them."""

    candidates: Ints
    reward: Floats
    """Less the prices of the closed slots that a candidate uses."""
    incidence: csr_array
    """(open slots, candidates)."""
    capacity: Ints
    """By open slot."""
    component: Ints
    """By open slot."""
    component_of: Ints
    """By candidate."""

    def solved(self, solver: Solver) -> Flags:
        """Return which candidates are chosen; components go to the solver in batches."""
        count = int(self.component.max(initial=-1)) + 1
        batch = np.cumsum(np.bincount(self.component_of, minlength=count)) // BATCH_CANDIDATES
        of_candidate, of_slot = batch[self.component_of], batch[self.component]
        columns = self.incidence.tocsc()

        def best(some: Ints) -> Flags:
            slots = np.flatnonzero(of_slot == of_candidate[some[0]])
            return solver(self.reward[some], columns[:, some].tocsr()[slots], self.capacity[slots])

        batches = [np.flatnonzero(of_candidate == number) for number in np.unique(of_candidate)]
        chosen = np.zeros(len(self.candidates), bool)
        for some, found in zip(batches, each(best, batches), strict=True):
            chosen[some] = found
        return chosen


def _active_set(packing: SetPacking, price: Floats, slots: Ints) -> _ActiveSet:
    """Return what the solver decides about some slots, where all others have a price."""
    candidates = packing.candidates_of(np.bincount(slots, minlength=len(price)) > 0)
    rows = packing.incidence[candidates]
    # Without the prices the solution would be the same, but with many more slots open.
    reward = packing.reward[candidates] - rows @ price
    worth = reward > TOLERANCE
    candidates, reward = candidates[worth], reward[worth]
    incidence = rows[np.flatnonzero(worth)][:, slots].T.tocsr()
    entries = incidence.tocoo()
    size = len(slots) + len(candidates)
    graph = coo_array((entries.data, (entries.row, len(slots) + entries.col)), (size, size))
    component = connected_components(graph, directed=False)[1]
    return _ActiveSet(
        candidates,
        reward,
        incidence,
        packing.capacity[slots],
        component[: len(slots)],
        component[len(slots) :],
    )
