"""A greedy choice of candidates, and prices that prove most of it optimal.

In: a set packing. Out: x and p of the chapter in `solver`, which fulfil (2), (7) and (8)
everywhere and (6) nearly everywhere. `decomposition` finds where (6) does not hold.

Prices come from an auction (Bertsekas 1988): every candidate bids for a slot what its reward
leaves after it has paid for its other slots. A slot costs at least what the best candidate bids
that was not chosen; the rest of a chosen candidate's reward is shared evenly by its slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.runtime import each, stretches
from sam4ct.stages.associate.solver.set_packing import SetPacking
from sam4ct.tables import Flags, Floats, Ints

AUCTION_ROUNDS, PRICE_ROUNDS = 5, 10
"""Rounds of bids before and after the greedy choice; with more, hardly more slots are proved."""


@dataclass(frozen=True)
class _Block:
    """Some consecutive slots, with one entry for each candidate that uses one of them."""

    slots: slice
    candidate: Ints
    slot: Ints
    """Of each entry, counted from the first slot of the block; increasing."""
    begins: Ints
    """The first entry of each slot that has any."""

    @classmethod
    def of(cls, slots: slice, candidate: Ints, slot: Ints) -> _Block:
        return cls(slots, candidate, slot, np.flatnonzero(np.diff(slot, prepend=-1)))

    def without(self, chosen: Flags) -> _Block:
        """Return the block without the entries of chosen candidates."""
        others = ~chosen[self.candidate]
        return self.of(self.slots, self.candidate[others], self.slot[others])

    def bids(self, reduced: Floats, price: Floats) -> Floats:
        """Return the bid of each entry: the reward less the prices of the other slots."""
        return reduced[self.candidate] + price[self.slots][self.slot]

    def best(self, bids: Floats) -> Floats:
        """Return the largest bid for each slot, at least 0."""
        best = np.zeros(self.slots.stop - self.slots.start)
        if len(self.begins):
            found = np.maximum.reduceat(bids, self.begins)
            best[self.slot[self.begins]] = np.maximum(0.0, found)
        return best

    def two_best(self, bids: Floats) -> tuple[Floats, Floats]:
        """Return the largest and the second largest bid for each slot, at least 0."""
        best = self.best(bids)
        leading = np.flatnonzero(bids == best[self.slot])
        one = leading[np.diff(self.slot[leading], prepend=-1) != 0]
        others = bids.copy()
        others[one] = 0.0
        return best, self.best(others)


def greedy_with_prices(packing: SetPacking) -> tuple[Flags, Floats]:
    """Return chosen candidates that fulfil (2), and prices that fulfil (7) and (8)."""
    begins, candidate, slot = packing.by_slot.indptr, packing.candidate, packing.slot

    def block(slots: slice) -> _Block:
        some = slice(begins[slots.start], begins[slots.stop])
        return _Block.of(slots, candidate[some], slot[some] - slots.start)

    blocks = each(block, stretches(len(begins) - 1))
    chosen = _greedy(packing, packing.reduced_reward(_auction_prices(packing, blocks)))
    return chosen, _prices(packing, chosen, each(lambda some: some.without(chosen), blocks))


def _auction_prices(packing: SetPacking, blocks: Sequence[_Block]) -> Floats:
    """Return a price of each slot between its two largest bids, before anything is chosen."""
    price = np.zeros(packing.incidence.shape[1])
    for _ in range(AUCTION_ROUNDS):
        reduced, before = packing.reduced_reward(price), price

        def bid(block: _Block, reduced: Floats = reduced, before: Floats = before) -> Floats:
            most, second = block.two_best(block.bids(reduced, before))
            return 0.5 * before[block.slots] + 0.25 * (most + second)

        price = np.concatenate(each(bid, blocks))
    return price


def _greedy(packing: SetPacking, reduced: Floats) -> Flags:
    """Choose again and again those with the largest reduced reward at all their slots.

    The reward alone would prefer divisions, which use more slots than links.
    """
    reduced = np.where(packing.reward > 0.0, reduced, -np.inf)
    chosen = np.zeros(len(reduced), bool)
    candidate, slot, none = packing.candidate, packing.slot, packing.incidence.shape[1]
    most, leader = np.empty(none + 1), np.full(none + 1, none)
    used = np.zeros(none + 1, bool)
    while True:
        left = np.flatnonzero(reduced[candidate] > -np.inf)
        if not len(left):
            return chosen
        candidate, slot = candidate[left], slot[left]
        values, begins = reduced[candidate], np.flatnonzero(np.diff(slot, prepend=-1))
        most[slot[begins]] = np.maximum.reduceat(values, begins)
        leading = np.flatnonzero(values == most[slot])
        # Of several equal ones, the last.
        leader[slot[leading]] = candidate[leading]
        new = leader[slot[begins]]
        for column in packing.columns:
            new = new[(leader[column[new]] == new) | (column[new] == none)]
        chosen[new] = True
        for column in packing.columns:
            used[column[new]] = True
        reduced[candidate[used[slot]]] = -np.inf


def _prices(packing: SetPacking, chosen: Flags, others: Sequence[_Block]) -> Floats:
    """Return prices that fulfil (7) and (8), and (6) as nearly as a few rounds get.

    Args:
        packing: The problem.
        chosen: Candidates that share no slot.
        others: All slots, with the candidates that are not chosen.
    """
    rows = np.flatnonzero(chosen)
    columns = [column[rows] for column in packing.columns]
    reward, slots_used = packing.reward[rows], np.maximum(1, packing.slots_used[rows])

    def shared(least: Floats) -> Floats:
        """Share evenly what rewards exceed the least prices, (slots + 1,)."""
        price = np.zeros_like(least)
        surplus = (reward - sum(least[column] for column in columns)) / slots_used
        for column in columns:
            price[column] = least[column] + surplus
        return price

    price = shared(np.zeros(packing.incidence.shape[1] + 1))
    for _ in range(PRICE_ROUNDS):
        reduced, before = packing.reduced_reward(price[:-1]), price

        def bid(block: _Block, reduced: Floats = reduced, before: Floats = before) -> Floats:
            return block.best(block.bids(reduced, before))

        price = 0.5 * (price + shared(np.concatenate([*each(bid, others), [0.0]])))
    return price[:-1]
