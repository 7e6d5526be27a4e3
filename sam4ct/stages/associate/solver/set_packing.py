"""Weighted set packing: candidates compete for slots, and each slot is used at most once.

In: the reward of each candidate, and which slots it uses: rows (1) to (3) of the chapter in
`solver`. Out: reduced rewards (6), and look-ups from slots to candidates and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array, hstack

from sam4ct.runtime import in_stretches
from sam4ct.tables import Flags, Floats, Ints


@dataclass(frozen=True)
class SetPacking:
    """Candidates, their rewards, and the slots that they use."""

    reward: Floats
    """r_j, (candidates,). Only candidates with a positive reward are ever chosen."""
    incidence: csr_array
    """1 where a candidate uses a slot, (candidates, slots). The last columns may be rows (3)."""
    cuts: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """How many candidates may be chosen in each of the rows (3)."""

    @cached_property
    def capacity(self) -> Ints:
        """How many candidates may use a slot: 1, or as many as a row (3) allows."""
        ones = np.ones(self.incidence.shape[1] - len(self.cuts), np.int64)
        return np.concatenate([ones, self.cuts])

    @cached_property
    def by_slot(self) -> csr_array:
        """The candidates of each slot, (slots, candidates)."""
        return self.incidence.T.tocsr()

    @cached_property
    def slot(self) -> Ints:
        """The slot of each entry of `by_slot`."""
        return np.repeat(np.arange(self.by_slot.shape[0]), np.diff(self.by_slot.indptr))

    @cached_property
    def candidate(self) -> Ints:
        """The candidate of each entry of `by_slot`."""
        # int64: numpy would convert int32 at every indexing.
        return np.asarray(self.by_slot.indices, dtype=np.int64)

    @cached_property
    def slots_used(self) -> Ints:
        """The number of slots that each candidate uses."""
        return np.asarray(np.diff(self.incidence.indptr))

    @cached_property
    def columns(self) -> list[Ints]:
        """The first slot of each candidate, the second, ...; the number of slots where none is."""
        none = self.incidence.shape[1]
        columns = []
        for place in range(int(self.slots_used.max(initial=0))):
            column = np.full(len(self.reward), none)
            some = np.flatnonzero(self.slots_used > place)
            column[some] = self.incidence.indices[self.incidence.indptr[some] + place]
            columns.append(column)
        return columns

    def reduced_reward(self, price: Floats) -> Floats:
        """Return the left side of (6) for every candidate, at prices (slots,)."""
        price = np.append(price, 0.0)

        def reduced(some: slice) -> Floats:
            return self.reward[some] - sum(price[column[some]] for column in self.columns)

        return in_stretches(reduced, len(self.reward))

    def candidates_of(self, slots: Flags) -> Ints:
        """Return the candidates that use one of some slots, in increasing order."""
        found = np.zeros(len(self.reward), bool)
        found[self.by_slot[np.flatnonzero(slots)].indices] = True
        return np.flatnonzero(found)

    def slots_of(self, candidates: Ints) -> Flags:
        """Return which slots some candidates use."""
        slots = np.zeros(self.incidence.shape[1], bool)
        slots[self.incidence[candidates].indices] = True
        return slots

    def overused(self, chosen: Flags) -> Flags:
        """Return which slots more candidates use than may."""
        return np.asarray(self.incidence.T @ chosen > self.capacity)

    def with_cuts(self, paths: Sequence[Ints], most: Sequence[int]) -> SetPacking:
        """Return the problem with rows (3): candidates of each, and how many may be chosen."""
        length = [len(path) for path in paths]
        entries = np.concatenate(paths), np.repeat(np.arange(len(paths)), length)
        rows = coo_array((np.ones(sum(length)), entries), (len(self.reward), len(paths)))
        incidence = hstack([self.incidence, rows]).tocsr()
        return SetPacking(self.reward, incidence, np.concatenate([self.cuts, most]))
