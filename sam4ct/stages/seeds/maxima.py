"""Peaks: what the neighbours of a maximum say of it, where it is exactly and how round.

Pure numpy. Places are whole voxels of an array, which is mirrored at its outermost ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sam4ct.stages.seeds.scale_space import Singles

Places = NDArray[np.int64]
Values = NDArray[np.float64]


def offsets(values: Singles, peaks: Places) -> Values:
    """Return where the parabola through a maximum and its two neighbours is highest.

    Args:
        values: Array of any number of axes.
        peaks: (n, axes), maxima among their neighbours.

    Returns:
        (n, axes), -0.5 to 0.5 along each axis.
    """
    middle = _at(values, peaks)
    found = np.zeros(peaks.shape)
    for axis, step in enumerate(np.eye(values.ndim, dtype=np.int64)):
        before, after = _at(values, peaks - step), _at(values, peaks + step)
        bend = before - 2.0 * middle + after
        flat = bend >= 0
        found[:, axis] = np.where(flat, 0.0, 0.5 * (before - after) / np.where(flat, 1.0, bend))
    return found


def roundness(values: Singles, peaks: Places, spacing: Sequence[float]) -> Values:
    """Return how maxima bend across their strongest direction, as a share of how along it.

    Of several directions across it is the strongest: a cell between two others hardly bends
    towards them, an edge bends in one direction only.

    Args:
        values: Array of any number of axes.
        peaks: (n, axes), maxima among their neighbours.
        spacing: Between the voxels of the array, along each axis.

    Returns:
        (n,), 1 for a ball, about 0 on an edge.
    """
    middle, axes = _at(values, peaks), values.ndim
    bend = np.zeros((len(peaks), axes, axes))
    steps = np.eye(axes, dtype=np.int64)
    for a in range(axes):
        around = _at(values, peaks + steps[a]) + _at(values, peaks - steps[a])
        bend[:, a, a] = (around - 2.0 * middle) / spacing[a] ** 2
        for b in range(a):
            alike, unlike = steps[a] + steps[b], steps[a] - steps[b]
            corners = _at(values, peaks + alike) + _at(values, peaks - alike)
            corners -= _at(values, peaks + unlike) + _at(values, peaks - unlike)
            bend[:, a, b] = bend[:, b, a] = corners / (4.0 * spacing[a] * spacing[b])
    strengths = np.linalg.eigvalsh(bend)  # the strongest, most negative, first
    return np.asarray(strengths[:, 1] / np.minimum(strengths[:, 0], -np.finfo(np.float64).tiny))


def _at(values: Singles, places: Places) -> Values:
    last = np.array(values.shape) - 1
    inside = np.clip(last - np.abs(last - np.abs(places)), 0, last)
    return np.asarray(values[tuple(inside.T)], dtype=np.float64)
