"""Frames at which the lineage breaks: most tracks end and others begin.

In: detections and links. Out: the frames. A break has one of three causes: the stage moved, frames
are missing, or the masks belong to another movie. The links do not tell which.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sam4ct.tables import Detections, Links, row_numbers

MIN_CELLS = 4
"""A break needs at least this many cells in the frame before it and in the frame after it."""
MAX_LINKED = 0.5
"""At a break, at most this share of the cells of each frame is linked to the other side."""


class Break(NamedTuple):
    """A frame in which few cells are linked to earlier frames."""

    t: int
    """The first frame after the break."""
    linked: int
    """Cells of this frame that are linked to an earlier one."""
    cells: int


def find_breaks(detections: Detections, links: Links) -> list[Break]:
    """Return the breaks: at most half of the cells before and after them are linked across.

    Args:
        detections: All regions that were linked.
        links: All links of the lineage.
    """
    if not len(detections):
        return []
    frames = int(detections.t.max()) + 1
    cells = np.bincount(detections.t, minlength=frames)
    before, after = np.zeros(len(detections), bool), np.zeros(len(detections), bool)
    before[row_numbers(detections, links.t2, links.label2)] = True
    after[row_numbers(detections, links.t, links.label)] = True
    reached = np.bincount(detections.t, before, frames)
    left = np.bincount(detections.t, after, frames)
    found = []
    for t in range(1, frames):
        few = min(cells[t - 1], cells[t]) < MIN_CELLS
        on = reached[t] > MAX_LINKED * cells[t] or left[t - 1] > MAX_LINKED * cells[t - 1]
        if not few and not on:
            found.append(Break(t, int(reached[t]), int(cells[t])))
    return found
