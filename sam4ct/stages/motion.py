"""Motion: how the surroundings of a region move between two frames, before anything is linked.

Stages drift, tissues flow, embryos turn: cells that are near each other move alike.
Pairs of regions that are each other's nearest are mostly one cell; the median of their
movements bears those that are not. Pure tables, positions in micrometres.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.tables import Flags, Floats, Ints

NEIGHBOURS = 8
"""Pairs that are asked how the surroundings move."""
LEAST_PAIRS = 6
"""In a pair of frames; with fewer, nothing is taken to move."""


def surrounding_motion(
    here_um: Floats, there_um: Floats, source: Ints, frames: Ints, nearest: Flags
) -> Floats:
    """Return by row how far the cells around a source region moved, (rows, 3).

    Args:
        here_um: Position of the source region of every row, (rows, 3).
        there_um: Position of its possible target.
        source: Number of the source region; its own movements are left out.
        frames: Number of the pair of frames; equal for rows to be compared.
        nearest: Whether source and target are each other's nearest.
    """
    moved = np.zeros_like(here_um)
    order = np.argsort(frames, kind="stable")
    starts = np.flatnonzero(np.diff(frames[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        pairs = rows[nearest[rows]]
        if len(pairs) < LEAST_PAIRS:
            continue
        # Rows of one region mostly follow each other, and are asked about once.
        begins = np.diff(source[rows], prepend=-1) != 0
        first, back = np.flatnonzero(begins), np.cumsum(begins) - 1
        regions = source[rows[first]]
        # One more than asked: the region's own pair may be among them.
        count = min(NEIGHBOURS + 1, len(pairs))
        _, found = cKDTree(here_um[pairs]).query(here_um[rows[first]], k=count)
        steps = (there_um[pairs] - here_um[pairs])[found]
        steps[source[pairs][found] == regions[:, None]] = np.nan
        moved[rows] = middle(steps)[back]
    return moved


def middle(steps: Floats) -> Floats:
    """Return the median of each row's steps, (rows, 3), of (rows, neighbours, 3) with some nan.

    As `np.nanmedian`, which takes three times as long for so few neighbours.
    """
    ordered = np.sort(steps, axis=1)
    known = np.count_nonzero(~np.isnan(steps), axis=1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(0, known - 1) // 2, axis=1)
    high = np.take_along_axis(ordered, known // 2, axis=1)
    return np.asarray((low + high)[:, 0] / 2.0)
