"""Frames at which the lineage breaks: most tracks end and others begin.

In: detections and links. Out: the frames. The stage moved, frames are missing, or masks of another
movie follow; which of these, so few links cannot tell.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sam4ct.tables import Detections, Links, row_numbers

MIN_CELLS = 4
"""Cells in each of both frames, at least, to call it a break."""
MAX_LINKED = 0.5
"""Share of the cells of each frame that are linked across a break, at most."""


class Break(NamedTuple):
    """A frame that few tracks reach from before."""

    t: int
    """The first frame after the break."""
    linked: int
    """Cells of this frame that are linked to an earlier one."""
    cells: int


def find_breaks(detections: Detections, links: Links) -> list[Break]:
    """Return the frames at which at most half of the cells of both sides go on.

    Args:
        detections: All regions that were linked.
        links: The accepted ones.
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
