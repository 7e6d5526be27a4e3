"""Which mask of a result is which true cell, in one frame.

A mask matches every cell of which it covers more than half, as in Maška et al. (2014). Pure
numpy: py-ctcmetrics has the same rule, but loops over all pixels in Python and sums labels in
16 bit. A test compares both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam4ct.regions import LabelFrame


@dataclass(frozen=True)
class Match:
    """The labels of a true and a computed frame, and the pairs that match."""

    true_labels: list[int]
    labels: list[int]
    matched_true: list[int]
    matched: list[int]
    """The mask of each label in `matched_true`."""
    ious: list[float]
    """Intersection over union of each pair."""


def match(truth: LabelFrame, masks: LabelFrame) -> Match:
    """Match the labels of two frames of one shape; 0 is background.

    Args:
        truth: True labels, ([z,] y, x), 0 to 65535.
        masks: Computed labels, of the same shape, 0 to 65535.
    """
    true_labels, true_index = _compact(truth)
    labels, index = _compact(masks)
    shape = (len(true_labels), len(labels))
    shared = np.bincount((true_index * len(labels) + index).ravel(), minlength=shape[0] * shape[1])
    shared = shared.reshape(shape)
    true_sizes, sizes = shared.sum(axis=1, keepdims=True), shared.sum(axis=0, keepdims=True)
    rows, columns = np.nonzero(2 * shared[1:, 1:] > true_sizes[1:])
    ious = (shared / np.maximum(true_sizes + sizes - shared, 1))[1:, 1:]
    return Match(
        true_labels[1:].tolist(),
        labels[1:].tolist(),
        true_labels[1:][rows].tolist(),
        labels[1:][columns].tolist(),
        ious[rows, columns].tolist(),
    )


def _compact(frame: LabelFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the labels of a frame, 0 first whether present or not, and each voxel's index."""
    present = np.bincount(frame.ravel(), minlength=1) > 0
    present[0] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[frame]
