"""Rivals: how a value stands against the others of its group. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.tables import Floats, Ints


@dataclass(frozen=True)
class Rivals:
    """Rows in groups; each is compared with the others of its own."""

    order: Ints | None
    """Rows by group; None if they are in that order."""
    begins: Ints
    """First place of each group in that order."""
    sizes: Ints

    @classmethod
    def of(cls, group: Ints) -> Rivals:
        """Return the groups of rows of which each has the number of its group."""
        order = None if (np.diff(group) >= 0).all() else np.argsort(group, kind="stable")
        names = group if order is None else group[order]
        # The first row begins a group; there may be none.
        begins = np.flatnonzero(np.append(True, np.diff(names) != 0)[: len(names)])
        return cls(order, begins, np.diff(np.append(begins, len(names))))

    def margin(self, values: Floats) -> Floats:
        """How much larger a value is than the largest other value of its group, or than 0."""
        return values - self.best_other(values, alone=0.0)

    def nearness(self, distance: Floats) -> Floats:
        """How much nearer a row is than the nearest other of its group; FAR where it is alone."""
        return -self.best_other(-distance, alone=-3.0) - distance

    def best_other(self, values: Floats, alone: float) -> Floats:
        """The largest other value of each row's group; `alone` where there is no other."""
        if not len(values):
            return values
        ordered = values if self.order is None else values[self.order]
        best = np.maximum.reduceat(ordered, self.begins)
        leads = ordered == np.repeat(best, self.sizes)
        behind = np.maximum.reduceat(np.where(leads, -np.inf, ordered), self.begins)
        # Where several are best, the other of each is as good.
        several = np.add.reduceat(leads, self.begins, dtype=np.int64) > 1
        runner_up = np.where(several, best, behind)
        runner_up[np.isneginf(runner_up)] = alone
        found = np.where(leads, np.repeat(runner_up, self.sizes), np.repeat(best, self.sizes))
        if self.order is None:
            return found
        other = np.empty_like(values)
        other[self.order] = found
        return other


def best_other(values: Floats, group: Ints, alone: float) -> Floats:
    """The largest other value of each row's group; `alone` where there is no other."""
    return Rivals.of(group).best_other(values, alone)
