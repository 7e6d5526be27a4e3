"""Prices: which choices are settled by their surroundings, and what is left to a solver.

Every region has one way in and one way out, and every choice takes two or three ways. If the
ways have prices such that no choice saves more than its ways cost, each that is taken saves
just that, and ways that nobody takes are free, nothing saves more in all: that is the duality
of linear programming. Nearly everywhere such prices come of a first choice and some
bargaining. Elsewhere ways are left open to a solver, with all choices that take one of them,
which pay for their other ways. If the solver wants a choice with such another way, that way
is opened, too; once it wants none, the whole is as good as if it had been solved at once.
Which choices there are and what they save is the business of `solve`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from sam4ct.runtime import each
from sam4ct.stages.associate.solver.dual_ascent import auctioned
from sam4ct.stages.associate.solver.set_packing import Program
from sam4ct.tables import Flags, Floats, Ints

SLIGHT = 1e-9
"""Log odds; smaller differences are none."""
BATCH = 3000
"""Choices that a solver is given at once, at least, if there are so many: each call costs some."""

Solver = Callable[[Floats, csr_array], Flags]
"""Takes savings, and constraints (ways, choices), and returns the choices that save most.

Where it takes choices in part, they count as taken; so ways may be taken by several."""


@dataclass(frozen=True)
class Settled:
    """The best choices, and how that is known."""

    taken: Flags
    """By choice."""
    price: Floats
    """By way; of no account where it is open."""
    part: Ints
    """By way: -1 where it has a price, else the number of the component that was solved."""


def settle(program: Program, solver: Solver) -> Settled:
    """Return the choices that save most in all."""
    taken, price = auctioned(program)
    cheap = np.flatnonzero(program.beyond(price) > SLIGHT)
    first = Settled(taken, price, np.full(len(price), -1))
    return _opened(program, first, program.taken_by(cheap) | (price < -SLIGHT), solver)


def settle_again(program: Program, doubtful: Flags, settled: Settled, solver: Solver) -> Settled:
    """Return the best choices if some ways are to be looked at again.

    Args:
        program: Now; choices and ways may have been added at the end.
        doubtful: Ways that are opened to the solver, with whatever it wants beside them.
        settled: The best choices of the program before, or if found in another manner.
        solver: Of what prices do not settle.
    """
    choices, ways = np.subtract(program.ways.shape, (len(settled.taken), len(settled.price)))
    before = Settled(
        np.pad(settled.taken, (0, choices)),
        np.pad(settled.price, (0, ways)),
        np.pad(settled.part, (0, ways), constant_values=-1),
    )
    return _opened(program, before, doubtful, solver)


def _opened(program: Program, settled: Settled, fresh: Flags, solver: Solver) -> Settled:
    """Open ways to the solver, and whatever it wants beside them."""
    taken, price, part = settled.taken.copy(), settled.price, settled.part.copy()
    while fresh.any():
        touching = program.taking(fresh)
        fresh = fresh | program.taken_by(touching[taken[touching]])
        # Components that choices connect with these ways are solved again.
        first = int(part.max(initial=-1)) + 1
        near = np.zeros(first + 1, bool)
        near[part[program.taken_by(program.taking(fresh))]] = True
        near[-1] = False  # where part is -1
        again = np.flatnonzero(fresh | near[part])
        part[again] = first
        piece = _piece(program, np.where(part < 0, price, 0.0), again)
        part[again] += piece.component
        taken[program.taking(part >= first)] = False
        taken[piece.choices] = piece.solved(solver)
        wanted = piece.choices[taken[piece.choices]]
        fresh = program.taken_by(wanted) & (part < 0)
    return Settled(taken, price, part)


@dataclass(frozen=True)
class _Piece:
    """What is left to the solver: open ways, and the choices that take one of them."""

    choices: Ints
    saving: Floats
    """Less what the other ways of a choice cost."""
    at_most_one: csr_array
    """(open ways, choices)."""
    component: Ints
    """By open way."""
    component_of: Ints
    """By choice."""

    def solved(self, solver: Solver) -> Flags:
        """Return which of the choices are taken; components are given to the solver in batches."""
        count = int(self.component.max(initial=-1)) + 1
        batch = np.cumsum(np.bincount(self.component_of, minlength=count)) // BATCH
        of_choice, of_way = batch[self.component_of], batch[self.component]
        columns = self.at_most_one.tocsc()

        def wanted(some: Ints) -> Flags:
            ways = np.flatnonzero(of_way == of_choice[some[0]])
            return solver(self.saving[some], columns[:, some].tocsr()[ways])

        batches = [np.flatnonzero(of_choice == number) for number in np.unique(of_choice)]
        taken = np.zeros(len(self.choices), bool)
        for some, best in zip(batches, each(wanted, batches), strict=True):
            taken[some] = best
        return taken


def _piece(program: Program, price: Floats, ways: Ints) -> _Piece:
    """Return what the solver is to decide about some ways, where all others have a price."""
    choices = program.taking(np.bincount(ways, minlength=len(price)) > 0)
    rows = program.ways[choices]
    # Without what they pay the answer would be the same, but found with many more ways open.
    saving = program.saving[choices] - rows @ price
    worth = saving > SLIGHT
    choices, saving = choices[worth], saving[worth]
    at_most_one = rows[np.flatnonzero(worth)][:, ways].T.tocsr()
    entries = at_most_one.tocoo()
    size = len(ways) + len(choices)
    graph = coo_array((entries.data, (entries.row, len(ways) + entries.col)), (size, size))
    _, component = connected_components(graph, directed=False)
    return _Piece(choices, saving, at_most_one, component[: len(ways)], component[len(ways) :])
