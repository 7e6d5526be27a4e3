"""Compares the values of each row with those of its competitors: the other rows of its group.

In: the number of the group of each row. Out: margins to the best competitor, largest values of
groups, and all pairs of rows within groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.stages.associate.features.columns import MAX_DIAMETERS
from sam4ct.tables import Flags, Floats, Ints


@dataclass(frozen=True)
class Competitors:
    """Rows in groups; each is compared with the others of its own group."""

    order: Ints
    """Rows, ordered by group."""
    begins: Ints
    """Place of the first row of each group in `order`."""

    @classmethod
    def of(cls, group: Ints) -> Competitors:
        """Return the groups of rows, from the number of the group of each."""
        order = np.argsort(group, kind="stable")
        return cls(order, np.flatnonzero(_begins(group[order])))

    def margin(self, values: Floats) -> Floats:
        """Return how much larger a value is than the best other of its group, or than 0."""
        return values - self.best_other(values, alone=0.0)

    def nearness(self, distance: Floats) -> Floats:
        """Return how much nearer a row is than the nearest other; alone, than MAX_DIAMETERS."""
        return -self.best_other(-distance, alone=-MAX_DIAMETERS) - distance

    def best_other(self, values: Floats, alone: float) -> Floats:
        """Return the largest other value of each row's group; `alone` where there is no other."""
        if not len(values):
            return values.copy()
        ordered = values[self.order]
        group = np.repeat(np.arange(len(self.begins)), np.diff(self.begins, append=len(values)))
        best = np.maximum.reduceat(ordered, self.begins)[group]
        leading = np.flatnonzero(ordered == best)
        leader = leading[_begins(group[leading])]
        # Each row but the leader has the leader's value as its best other.
        ordered[leader] = -np.inf
        best[leader] = np.maximum.reduceat(ordered, self.begins)
        best[np.isneginf(best)] = alone
        other = np.empty_like(values)
        other[self.order] = best
        return other


def _begins(ordered: Ints) -> Flags:
    """Return which of some ordered numbers differ from the one before."""
    return np.append(True, np.diff(ordered) != 0)[: len(ordered)]


@dataclass(frozen=True)
class GroupMax:
    """The largest value of each group, and what groups without values have.

    Takes memory for the groups from the first that has values to the last only.
    """

    first: int
    """The first group that has values."""
    values: Floats
    """Of the groups from there on; the last is what all others have."""

    @classmethod
    def of(cls, values: Floats, group: Ints, without: float) -> GroupMax:
        """Return the largest value of each group, at least `without`."""
        if not len(group):
            return cls(0, np.array([without]))
        first = int(group.min())
        best = np.full(int(group.max()) - first + 2, without)
        np.maximum.at(best, group - first, values)
        return cls(first, best)

    def at(self, groups: Ints) -> Floats:
        """Return the value of each of some groups."""
        place = groups - self.first
        there = (place >= 0) & (place < len(self.values))
        return np.asarray(self.values[np.where(there, place, -1)])


def pairs_in_groups(group: Ints) -> tuple[Ints, Ints]:
    """Return the rows of all pairs within groups, from the number of the group of each row."""
    order = np.argsort(group, kind="stable")
    names = group[order]
    # A row is paired with those of its group that come after it.
    place = np.arange(len(order))
    later = np.searchsorted(names, names, side="right") - place - 1
    first = np.repeat(place, later)
    ahead = np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later)
    return order[first], order[first + 1 + ahead]
