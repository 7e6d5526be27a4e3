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
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from sam4ct.stages.threads import each
from sam4ct.tables import Flags, Floats, Ints

BIDS, ROUNDS = 5, 10
"""Of the auction before anyone has taken anything, and of bargaining; more settle hardly more."""
SLIGHT = 1e-9
"""Log odds; smaller differences are none."""
BATCH = 3000
"""Choices that a solver is given at once, at least, if there are so many: each call costs some."""

Solver = Callable[[Floats, csr_array], Flags]
"""Takes savings, and constraints (ways, choices), and returns the choices that save most.

Where it takes choices in part, they count as taken; so ways may be taken by several."""


@dataclass(frozen=True)
class Program:
    """Choices of which each way may be taken by one at most."""

    saving: Floats
    """By choice; only choices with a positive one are ever taken."""
    ways: csr_array
    """Ones, (choices, ways)."""

    @cached_property
    def takers(self) -> csr_array:
        """The choices of each way, (ways, choices)."""
        return self.ways.T.tocsr()

    @cached_property
    def way(self) -> Ints:
        """The way of each entry of `takers`."""
        return np.repeat(np.arange(self.takers.shape[0]), np.diff(self.takers.indptr))

    def best(self, values: Floats) -> Floats:
        """Return by way the largest value of its entries in `takers`; -inf without any."""
        best = np.full(self.takers.shape[0], -np.inf)
        taken = np.flatnonzero(np.diff(self.takers.indptr))
        if len(taken):
            best[taken] = np.maximum.reduceat(values, self.takers.indptr[taken])
        return best

    def taking(self, ways: Flags) -> Ints:
        """Return the choices that take one of some ways, in increasing order."""
        taking = np.zeros(len(self.saving), bool)
        taking[self.takers[np.flatnonzero(ways)].indices] = True
        return np.flatnonzero(taking)

    def taken_by(self, choices: Ints) -> Flags:
        """Return which ways some choices take."""
        ways = np.zeros(self.ways.shape[1], bool)
        ways[self.ways[choices].indices] = True
        return ways

    def changed_since(self, before: Program) -> Flags:
        """Return the ways of choices that take more ways than in a program with fewer of both."""
        count = np.diff(self.ways.indptr)
        count[: len(before.saving)] -= np.diff(before.ways.indptr)
        return self.taken_by(np.flatnonzero(count))


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
    taken = _first(program)
    price = _bargained(program, taken)
    cheap = np.flatnonzero(program.ways @ price - program.saving < -SLIGHT)
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


def _first(program: Program) -> Flags:
    """Return a choice for a start: again and again those that are best at all their ways.

    Best is what saves most beyond what its ways cost, not what saves most: that would be
    whatever takes ways that are worth much, and the more of them the better.
    """
    choice, count = program.takers.indices, len(program.saving)
    beyond = program.saving - program.ways @ _contested(program)
    rank = np.empty(count)
    rank[np.argsort(beyond, kind="stable")] = np.arange(count)
    rank[program.saving <= 0.0] = -np.inf
    takes = np.diff(program.ways.indptr)
    taken = np.zeros(count, bool)
    while True:
        at_ways = rank[choice]
        leads = (at_ways == program.best(at_ways)[program.way]) & (at_ways >= 0.0)
        new = (np.bincount(choice, leads, count) == takes) & (rank >= 0.0)
        if not new.any():
            return taken
        taken |= new
        rank[program.taking(program.taken_by(np.flatnonzero(new)))] = -np.inf


def _contested(program: Program) -> Floats:
    """Return a price of every way, between what the two choices offer that offer most for it.

    As an auction would find it before anyone has taken anything: a choice offers what it
    saves beyond the price of its other ways.
    """
    choice, way = program.takers.indices, program.way
    price = np.zeros(len(program.takers.indptr) - 1)
    for _ in range(BIDS):
        left = program.saving - program.ways @ price
        offer = left[choice] + price[way]
        most = program.best(offer)
        leads = offer == most[way]
        next_most = program.best(np.where(leads, -np.inf, offer))
        tied = np.bincount(way, leads, len(price)) > 1
        next_most[tied] = most[tied]
        price = 0.5 * price + 0.25 * (np.maximum(0.0, most) + np.maximum(0.0, next_most))
    return price


def _bargained(program: Program, taken: Flags) -> Floats:
    """Return a price of every way by which its choice, if there is one, saves just its ways' cost.

    Each way is worth at least what its next best choice would pay; what a choice saves
    beyond that is shared evenly by its ways, as bargaining neighbours would.
    """
    choice, way = program.takers.indices, program.way
    chosen = taken[choice]
    mate = np.full(len(program.takers.indptr) - 1, -1)
    mate[way[chosen]] = choice[chosen]
    takes = np.maximum(1, np.diff(program.ways.indptr))
    paired = mate >= 0
    price = np.where(paired, (program.saving / takes)[mate], 0.0)
    for _ in range(ROUNDS):
        left = program.saving - program.ways @ price
        offer = np.where(chosen, -np.inf, left[choice] + price[way])
        least = np.maximum(0.0, program.best(offer))
        surplus = (program.saving - program.ways @ least) / takes
        price = 0.5 * (price + np.where(paired, least + surplus[mate], 0.0))
    return price


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
