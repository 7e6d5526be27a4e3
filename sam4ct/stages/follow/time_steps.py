"""Measure whether cells move so far between frames that their seeds cannot tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.spatial import KDTree

from sam4ct.tables import Floats

COARSE = 0.3
"""Steps of this share of the distance between neighbours are coarse: some nearest seeds are other
cells'. Simulated embryos whose lineages are right have .12 to .36, those that lose cells .33 to
.43; where seeds of two frames have nothing to do with each other it is about 1."""


def step_by_spacing(places_um: Sequence[Floats]) -> float:
    """Return how far seeds of successive frames are apart, in distances of neighbouring seeds.

    The ratio of two medians: from each seed to the nearest one in the next frame, and to the
    nearest other one in its own frame. nan if no frame with two seeds has a successor with seeds.

    Args:
        places_um: Of every frame the places of its seeds, (n, 3), micrometres.
    """
    steps, spacings = [np.empty(0)], [np.empty(0)]
    for before, after in pairwise(places_um):
        if len(before) > 1 and len(after):
            steps.append(KDTree(after).query(before)[0])
            spacings.append(KDTree(before).query(before, k=2)[0][:, 1])
    step, spacing = np.concatenate(steps), np.concatenate(spacings)
    return float(np.median(step) / np.median(spacing)) if len(step) else float("nan")
