"""Rivals: how a value stands against the others of its group. Pure numpy."""

from __future__ import annotations

import numpy as np

from sam4ct.tables import Floats, Ints


def margin(values: Floats, group: Ints) -> Floats:
    """How much larger a value is than the largest other value of its group, or than 0."""
    return values - best_other(values, group, alone=0.0)


def nearness(distance: Floats, group: Ints) -> Floats:
    """How much nearer a row is than the nearest other of its group; FAR where it is alone."""
    return -best_other(-distance, group, alone=-3.0) - distance


def best_other(values: Floats, group: Ints, alone: float) -> Floats:
    """The largest other value of each row's group; `alone` where there is no other."""
    if not len(values):
        return values
    order = np.argsort(group, kind="stable")
    ordered, names = values[order], group[order]
    begins = np.flatnonzero(np.diff(names, prepend=names[0] - 1))
    which = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(order))))
    best = np.maximum.reduceat(ordered, begins)
    leads = ordered == best[which]
    behind = np.maximum.reduceat(np.where(leads, -np.inf, ordered), begins)
    # Where several are best, the other of each is as good.
    runner_up = np.where(np.add.reduceat(leads.astype(np.int64), begins) > 1, best, behind)
    runner_up[np.isneginf(runner_up)] = alone
    other = np.empty_like(values)
    other[order] = np.where(leads, runner_up[which], best[which])
    return other
