"""Auction: which choices to take for a start, and prices by which nearly all of them are the best.

A first choice takes what is best at all its ways. Then its ways are given prices by bargaining:
each is worth at least what the next best choice would pay for it, and what a choice saves
beyond that is shared evenly by its ways. How far these prices settle a program, and what
becomes of the rest, is the business of `prices`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.runtime import each, stretches
from sam4ct.stages.associate.solver.set_packing import Program
from sam4ct.tables import Flags, Floats, Ints

BIDS, ROUNDS = 5, 10
"""Of the auction before anyone has taken anything, and of bargaining; more settle hardly more."""


@dataclass(frozen=True)
class _Market:
    """Ways that follow each other, and who would take them: an entry for each way of a choice."""

    ways: slice
    choice: Ints
    way: Ints
    """Of each entry, counted from the first of these ways; increasing."""
    begins: Ints
    """The first entry of each way that has any."""

    @classmethod
    def of(cls, ways: slice, choice: Ints, way: Ints) -> _Market:
        return cls(ways, choice, way, np.flatnonzero(np.diff(way, prepend=-1)))

    def without(self, chosen: Flags) -> _Market:
        """Return the market of those who are not chosen."""
        others = ~chosen[self.choice]
        return self.of(self.ways, self.choice[others], self.way[others])

    def offers(self, beyond: Floats, price: Floats) -> Floats:
        """Return by entry what its choice would pay: what its other ways leave of its saving."""
        return beyond[self.choice] + price[self.ways][self.way]

    def best(self, offers: Floats) -> Floats:
        """Return by way the largest offer that is not negative, or 0."""
        best = np.zeros(self.ways.stop - self.ways.start)
        if len(self.begins):
            found = np.maximum.reduceat(offers, self.begins)
            best[self.way[self.begins]] = np.maximum(0.0, found)
        return best

    def two_best(self, offers: Floats) -> tuple[Floats, Floats]:
        """Return by way the two largest offers, as `best`; the next may be as large."""
        best = self.best(offers)
        leading = np.flatnonzero(offers == best[self.way])
        one = leading[np.diff(self.way[leading], prepend=-1) != 0]
        others = offers.copy()
        others[one] = 0.0
        return best, self.best(others)


def auctioned(program: Program) -> tuple[Flags, Floats]:
    """Return a first choice, and a price of every way.

    Every choice that is taken saves just what its ways cost.
    """
    begins, choice, way = program.takers.indptr, program.choice, program.way

    def market(ways: slice) -> _Market:
        some = slice(begins[ways.start], begins[ways.stop])
        return _Market.of(ways, choice[some], way[some] - ways.start)

    markets = each(market, stretches(len(begins) - 1))
    taken = _first(program, program.beyond(_contested(program, markets)))
    return taken, _bargained(program, taken, each(lambda some: some.without(taken), markets))


def _contested(program: Program, markets: Sequence[_Market]) -> Floats:
    """Return a price of every way, between what the two choices offer that offer most for it.

    As an auction would find it before anyone has taken anything: a choice offers what it
    saves beyond the price of its other ways.
    """
    price = np.zeros(program.ways.shape[1])
    for _ in range(BIDS):
        beyond, before = program.beyond(price), price

        def bid(market: _Market, beyond: Floats = beyond, before: Floats = before) -> Floats:
            most, next_most = market.two_best(market.offers(beyond, before))
            return 0.5 * before[market.ways] + 0.25 * (most + next_most)

        price = np.concatenate(each(bid, markets))
    return price


def _first(program: Program, beyond: Floats) -> Flags:
    """Return a choice for a start: again and again those that are best at all their ways.

    Best is what saves most beyond what its ways cost, not what saves most: that would be
    whatever takes ways that are worth much, and the more of them the better.
    """
    beyond = np.where(program.saving > 0.0, beyond, -np.inf)
    taken = np.zeros(len(beyond), bool)
    choice, way, none = program.choice, program.way, program.ways.shape[1]
    most, leader, gone = np.empty(none + 1), np.full(none + 1, none), np.zeros(none + 1, bool)
    while True:
        left = np.flatnonzero(beyond[choice] > -np.inf)
        if not len(left):
            return taken
        choice, way = choice[left], way[left]
        offers, begins = beyond[choice], np.flatnonzero(np.diff(way, prepend=-1))
        most[way[begins]] = np.maximum.reduceat(offers, begins)
        leading = np.flatnonzero(offers == most[way])
        # Where several are best, the last is.
        leader[way[leading]] = choice[leading]
        new = leader[way[begins]]
        for column in program.columns:
            new = new[(leader[column[new]] == new) | (column[new] == none)]
        taken[new] = True
        for column in program.columns:
            gone[column[new]] = True
        beyond[choice[gone[way]]] = -np.inf


def _bargained(program: Program, taken: Flags, others: Sequence[_Market]) -> Floats:
    """Return a price of every way by which its choice, if there is one, saves just its ways' cost.

    Each way is worth at least what its next best choice would pay; what a choice saves
    beyond that is shared evenly by its ways, as bargaining neighbours would.

    Args:
        program: Of all ways.
        taken: By choice; none shares a way with another.
        others: All ways, and the choices that are not taken.
    """
    chosen = np.flatnonzero(taken)
    columns = [column[chosen] for column in program.columns]
    saving, takes = program.saving[chosen], np.maximum(1, program.takes[chosen])

    def worth(least: Floats) -> Floats:
        """Return what ways are worth that are worth at least so much, (ways + 1,)."""
        worth = np.zeros_like(least)
        surplus = (saving - sum(least[column] for column in columns)) / takes
        for column in columns:
            worth[column] = least[column] + surplus
        return worth

    price = worth(np.zeros(program.ways.shape[1] + 1))
    for _ in range(ROUNDS):
        beyond, before = program.beyond(price[:-1]), price

        def paid(market: _Market, beyond: Floats = beyond, before: Floats = before) -> Floats:
            return market.best(market.offers(beyond, before))

        price = 0.5 * (price + worth(np.concatenate([*each(paid, others), [0.0]])))
    return price[:-1]
