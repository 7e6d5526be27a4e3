"""How well size and brightness tell cells apart in this sequence.

In: how much a measure (size, brightness) changes between two regions. Out: log odds that both are
one cell. A measure tells cells apart only if it differs more between neighbours than from frame
to frame in one cell; how much depends on the microscope. So both spreads are estimated from the
sequence itself: on pairs that are each other's nearest, most of which are one cell, and on the
other pairs within reach, most of which are not.
"""

from __future__ import annotations

import numpy as np

from sam4ct.tables import Flags, Floats, Ints

MIN_PAIRS = 20
"""Pairs of either kind; with fewer, nothing is estimated."""
MISTAKEN = 0.1
"""Share of pairs of one cell whose figure may be anything: a damaged mask, a neighbour's light."""
ROBUST = 1.4826
"""A normal distribution's standard deviation over the median distance from its middle."""


def likeness(change: Floats, noise: Floats, dt: Ints, nearest: Flags) -> Floats:
    """Return the log odds by which each pair of regions is rather one cell than neighbours.

    Changes in one cell are taken to be normally distributed, but for some that may be
    any; those between neighbours are too, with another spread. Both spreads are
    medians of absolute deviations, which bear wrong pairs on either side.

    Args:
        change: Of the figure from the earlier to the later region; nan where not measured.
        noise: Standard deviation of the change that measuring alone would cause, > 0. No spread
            counts as less: figures that never change, as the areas of painted discs, would
            otherwise outweigh where the cells are.
        dt: Frames between the two.
        nearest: Whether the regions are each other's nearest.

    Returns:
        0 where nothing can be said; never below log(MISTAKEN).
    """
    odds = np.zeros(len(change))
    for step in np.unique(dt):
        rows = (dt == step) & ~np.isnan(change)
        same, other = change[rows & nearest], change[rows & ~nearest]
        if min(len(same), len(other)) < MIN_PAIRS:
            continue
        middle = float(np.median(same))
        least = float(np.median(noise[rows & nearest]))
        narrow, wide = (max(_spread(values - middle), least) for values in (same, other))
        if narrow >= wide:
            continue
        off = change[rows] - middle
        ratio = wide / narrow * np.exp(0.5 * off**2 * (1.0 / wide**2 - 1.0 / narrow**2))
        odds[rows] = np.log((1.0 - MISTAKEN) * ratio + MISTAKEN)
    return odds


def _spread(values: Floats) -> float:
    return ROBUST * float(np.median(np.abs(values)))


def size_noise(size: Ints, flat: Flags) -> Floats:
    """Return the relative error of a region's size that comes from counting whole voxels.

    A cell that moves by a part of a voxel gains some voxels along its boundary and loses
    others. Each boundary voxel is covered to a part that is uniform between 0 and 1, of
    variance 1/12, and is counted as 0 or 1.

    Args:
        size: Voxels of each region, (N,).
        flat: Whether the region lies in one plane: its boundary is that of a disc, 2 sqrt(pi n);
            else that of a ball, (36 pi n^2)^(1/3).

    Returns:
        (N,).
    """
    boundary = np.where(flat, 2.0 * np.sqrt(np.pi * size), np.cbrt(36.0 * np.pi * size**2.0))
    return np.asarray(np.sqrt(boundary / 12.0) / size)
