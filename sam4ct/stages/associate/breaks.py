"""Frames at which most tracks end and others begin: the lineage is broken there.

The stage moved, frames are missing, or masks of another movie follow. Few cells are not enough
to tell which; that something is wrong can be told. Pure tables.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sam4ct.tables import Detections, Links, row_numbers

FEWEST = 4
"""Cells in either frame that a break needs."""
MOST_LINKED = 0.5
"""Share of the cells of either frame that are linked to the other side, at most."""


class Break(NamedTuple):
    """A frame that few tracks reach from before."""

    t: int
    """The first frame after the break."""
    linked: int
    """Cells of it that are linked to an earlier frame."""
    cells: int


def find_breaks(detections: Detections, links: Links) -> list[Break]:
    """Return the frames at which at most half of the cells go on, of either side.

    Args:
        detections: All regions that were linked.
        links: The accepted ones.
    """
    if not len(detections):
        return []
    frames = int(detections.t.max()) + 1
    cells = np.bincount(detections.t, minlength=frames)
    behind, ahead = np.zeros(len(detections), bool), np.zeros(len(detections), bool)
    behind[row_numbers(detections, links.t2, links.label2)] = True
    ahead[row_numbers(detections, links.t, links.label)] = True
    reached = np.bincount(detections.t, behind, frames)
    left = np.bincount(detections.t, ahead, frames)
    found = []
    for t in range(1, frames):
        few = min(cells[t - 1], cells[t]) < FEWEST
        on = reached[t] > MOST_LINKED * cells[t] or left[t - 1] > MOST_LINKED * cells[t - 1]
        if not few and not on:
            found.append(Break(t, int(reached[t]), int(cells[t])))
    return found
