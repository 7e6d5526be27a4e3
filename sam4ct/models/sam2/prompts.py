"""Prompt points as in Chen et al. 2025 (arXiv:2509.09943): a box, and points inside and outside.

The publication draws points at random. Here they are deterministic: pixels are sorted by their
distance to the outline, and points are taken at even steps. Coordinates are SAM 2's (x, y).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

POSITIVE = 11
"""Points inside the object, as published."""
NEGATIVE = 54
"""Points outside of it, as published."""
BOX = (2, 3)
"""SAM's point labels of a box: first and last corner."""
PADDING = -1
"""SAM's label of a point that does not count."""


def prompt_points(
    masks: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the prompt of each mask: a box, 11 positive and 54 negative points.

    Args:
        masks: (K, S, S), one object each.

    Returns:
        Points (K, P, 2) in (x, y), P = 2 + POSITIVE + NEGATIVE, and their SAM labels (K, P);
        padding (label -1) where a mask is empty or fills the image.
    """
    count = len(BOX) + POSITIVE + NEGATIVE
    points = np.zeros((len(masks), count, 2), np.float32)
    kinds = np.full((len(masks), count), PADDING, np.int32)
    for k, mask in enumerate(masks):
        box = ndimage.find_objects(mask.astype(np.uint8), max_label=1)[0]
        if box is None:
            continue
        rows, columns = box
        points[k, 0] = columns.start, rows.start
        points[k, 1] = columns.stop - 1, rows.stop - 1
        kinds[k, :2] = BOX
        inside = _spread(ndimage.distance_transform_edt(mask), POSITIVE)
        outside = _spread(ndimage.distance_transform_edt(~mask), NEGATIVE)
        for start, chosen, kind in ((2, inside, 1), (2 + POSITIVE, outside, 0)):
            points[k, start : start + len(chosen)] = chosen
            kinds[k, start : start + len(chosen)] = kind
    return points, kinds


def _spread(depth: NDArray[np.float64], count: int) -> NDArray[np.float32]:
    """Return at most `count` pixels (x, y), at even steps from the shallowest to the deepest."""
    at = np.argwhere(depth > 0)
    if not len(at):
        return np.empty((0, 2), np.float32)
    order = np.argsort(depth[tuple(at.T)], kind="stable")
    chosen = np.linspace(0, len(at) - 1, min(count, len(at))).round().astype(int)
    return np.asarray(at[order[chosen]][:, ::-1], dtype=np.float32)
