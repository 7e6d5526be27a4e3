"""Program: choices of which each way may be taken by one at most, and who takes what.

A way is a region's way in or out; a choice, such as a link, takes two or three of them. Which
choices there are and what they save is the business of `solve`, which are the best that of
`auction` and `prices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from sam4ct.runtime import in_stretches
from sam4ct.tables import Flags, Floats, Ints


@dataclass(frozen=True)
class Program:
    """Choices, what they save, and which ways they take."""

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

    @cached_property
    def choice(self) -> Ints:
        """The choice of each entry of `takers`."""
        # As numpy indexes: it would convert smaller numbers each time.
        return np.asarray(self.takers.indices, dtype=np.int64)

    @cached_property
    def takes(self) -> Ints:
        """How many ways each choice takes."""
        return np.asarray(np.diff(self.ways.indptr))

    @cached_property
    def columns(self) -> list[Ints]:
        """The first way of each choice, the second, and so on; the number of ways where none is."""
        none = self.ways.shape[1]
        columns = []
        for place in range(int(self.takes.max(initial=0))):
            column = np.full(len(self.saving), none)
            some = np.flatnonzero(self.takes > place)
            column[some] = self.ways.indices[self.ways.indptr[some] + place]
            columns.append(column)
        return columns

    def beyond(self, price: Floats) -> Floats:
        """Return by choice what it saves beyond the price of its ways."""
        price = np.append(price, 0.0)

        def left(some: slice) -> Floats:
            return self.saving[some] - sum(price[column[some]] for column in self.columns)

        return in_stretches(left, len(self.saving))

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
        count = self.takes.copy()
        count[: len(before.saving)] -= before.takes
        return self.taken_by(np.flatnonzero(count))
