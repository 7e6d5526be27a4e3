"""Rivals: how a value stands against the others of its group, and what pairs there are in it.

Pure numpy: groups are numbers of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from sam4ct.stages.associate.features.columns import FAR
from sam4ct.tables import Floats, Ints


@dataclass(frozen=True)
class Rivals:
    """Rows in groups; each is compared with the others of its own."""

    order: Ints
    """Rows: the first of every group, then the second of each that has one, and so on.

    Groups are small and many, so turn by turn they are compared much sooner than one by one.
    """
    turns: Ints
    """How many groups have a first row, a second, and so on; groups come by size, large ones first.
    """

    @classmethod
    def of(cls, group: Ints) -> Rivals:
        """Return the groups of rows of which each has the number of its group."""
        rows = by_number(group)
        names = group[rows]
        # The first row begins a group; there may be none.
        begins = np.flatnonzero(np.append(True, np.diff(names) != 0)[: len(names)])
        sizes = np.diff(np.append(begins, len(names)))
        begins = begins[np.argsort(-sizes, kind="stable")]
        turns = np.cumsum(np.bincount(sizes)[:0:-1])[::-1]
        places = [begins[:groups] + turn for turn, groups in enumerate(turns.tolist())]
        return cls(rows[np.concatenate(places)] if places else rows, turns)

    def margin(self, values: Floats) -> Floats:
        """How much larger a value is than the largest other value of its group, or than 0."""
        return values - self.best_other(values, alone=0.0)

    def nearness(self, distance: Floats) -> Floats:
        """How much nearer a row is than the nearest other of its group; FAR where it is alone."""
        return -self.best_other(-distance, alone=-FAR) - distance

    def best_other(self, values: Floats, alone: float) -> Floats:
        """The largest other value of each row's group; `alone` where there is no other."""
        best, second = np.full((2, self.turns.max(initial=0)), -np.inf)
        turns = np.split(values[self.order], np.cumsum(self.turns)[:-1])
        for turn in turns:
            first, next_best = best[: len(turn)], second[: len(turn)]
            np.maximum(next_best, np.minimum(first, turn), out=next_best)
            np.maximum(first, turn, out=first)
        second[np.isneginf(second)] = alone
        other = np.empty_like(values)
        # Where several are best, the second is as good.
        found = [np.where(t == best[: len(t)], second[: len(t)], best[: len(t)]) for t in turns]
        other[self.order] = np.concatenate(found)
        return other


def by_number(numbers: Ints) -> Ints:
    """Return the rows ordered by their numbers, in linear time; equal ones stay as they are."""
    count = len(numbers)
    if (np.diff(numbers) >= 0).all():
        return np.arange(count)
    # Turning a sparse table counts the entries of each column, and needs no comparisons.
    column = numbers - numbers.min()
    shape = count, int(column.max()) + 1
    table = csr_array((np.ones(count, np.int8), column, np.arange(count + 1)), shape)
    return np.asarray(table.tocsc().indices, dtype=np.int64)


@dataclass(frozen=True)
class Best:
    """The largest value of each group, which is at least what groups without values have.

    Takes memory for the groups from the first that has values to the last, however many others
    there are.
    """

    first: int
    """The first group that has values."""
    values: Floats
    """Of the groups from there on; the last is what all others have."""

    @classmethod
    def of(cls, values: Floats, group: Ints, without: float) -> Best:
        """Return the largest values of rows with the number of their group, or `without`."""
        if not len(group):
            return cls(0, np.array([without]))
        first = int(group.min())
        best = np.full(int(group.max()) - first + 2, without)
        np.maximum.at(best, group - first, values)
        return cls(first, best)

    def at(self, asked: Ints) -> Floats:
        """Return the value of each group that is asked about."""
        place = asked - self.first
        there = (place >= 0) & (place < len(self.values))
        return np.asarray(self.values[np.where(there, place, -1)])


def best_other(values: Floats, group: Ints, alone: float) -> Floats:
    """The largest other value of each row's group; `alone` where there is no other."""
    return Rivals.of(group).best_other(values, alone)


def two_by_two(group: Ints) -> tuple[Ints, Ints]:
    """Return the rows of all pairs within groups, of rows that have the number of their group."""
    order = np.argsort(group, kind="stable")
    names = group[order]
    # A row is paired with those of its group that come after it.
    place = np.arange(len(order))
    later = np.searchsorted(names, names, side="right") - place - 1
    first = np.repeat(place, later)
    ahead = np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later)
    return order[first], order[first + 1 + ahead]
