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
    order = np.lexsort((-values, group))
    start = np.ones(len(order), dtype=bool)
    start[1:] = group[order][1:] != group[order][:-1]
    first = np.flatnonzero(start)
    lengths = np.diff(np.append(first, len(order)))
    sorted_values = values[order]
    runner_up = sorted_values[np.minimum(first + 1, max(0, len(order) - 1))]
    second = np.where(lengths > 1, runner_up, alone)
    which = np.cumsum(start) - 1
    other = np.empty_like(values)
    other[order] = np.where(start, second[which], sorted_values[first][which])
    return other
