"""Size, motion, crowding and number of the cells in a table of detections.

Lengths are in-plane pixels; z is scaled to them by the spacing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import KDTree

from sam4ct.profile import Spacing
from sam4ct.tables import Detections, Floats, Ints

ENOUGH = 10
"""With so many regions away from the frame's edge, the others are not measured."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Measurements of the cells, for `rules`."""

    diameter: float
    """Median in-plane diameter, in-plane pixels."""
    small: float
    """95 % of the cells are larger; pixels or voxels."""
    step: float
    """95 % of the cells move less from frame to frame; nan if no cell is seen twice."""
    apart: float
    """Median distance to the nearest neighbour; nan if cells are alone."""
    frames: int
    early: float
    """Median number of cells in the first quarter of the frames."""
    late: float
    """The same in the last quarter."""


def measure(detections: Detections, spacing_um: Spacing) -> Measured:
    """Measure the size, motion, crowding and number of the cells; see `Measured`."""
    whole = whole_cells(detections)
    scale = np.asarray(spacing_um) / spacing_um[-1]
    centres = np.column_stack([detections.z, detections.y, detections.x]) * scale
    frames = int(detections.t.max()) + 1
    by_frame = np.split(centres, np.searchsorted(detections.t, np.arange(1, frames)))
    counts = [len(points) for points in by_frame]
    quarter = math.ceil(frames / 4)
    return Measured(
        diameter=cell_diameter(detections),
        small=float(np.quantile(whole.size, 0.05)),
        step=_quantile([_steps(a, b) for a, b in pairwise(by_frame)], 0.95),
        apart=_quantile([_nearest(points) for points in by_frame], 0.5),
        frames=frames,
        early=float(np.median(counts[:quarter])),
        late=float(np.median(counts[-quarter:])),
    )


def diameters(detections: Detections) -> Floats:
    """Return in-plane diameters: of a disc, or of an ellipsoid with the region's height."""
    height = detections.z1 - detections.z0
    round_share = np.where(height > 1, np.pi / 6.0, np.pi / 4.0)
    return np.asarray(np.sqrt(detections.size / (round_share * height)))


def cell_diameter(detections: Detections) -> float:
    """Return the median in-plane diameter of the cells, in-plane pixels; nan without any."""
    return float(np.median(diameters(whole_cells(detections)))) if len(detections) else math.nan


def cell_height(detections: Detections) -> float:
    """Return the median number of slices of the cells; nan without any."""
    whole = whole_cells(detections)
    return float(np.median(whole.z1 - whole.z0)) if len(whole) else math.nan


def whole_cells(detections: Detections) -> Detections:
    """Return the regions away from the frame's edge, or all regions if those are too few."""
    inside = ~detections.border
    return detections.take(inside) if inside.sum() >= ENOUGH else detections


def mutual(here: Floats, there: Floats) -> tuple[Ints, Ints]:
    """Return the pairs of mutual nearest neighbours of two sets: indices here and there."""
    if not len(here) or not len(there):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    _, forward = KDTree(there).query(here)
    _, backward = KDTree(here).query(there)
    paired = np.flatnonzero(backward[forward] == np.arange(len(here)))
    return paired, np.asarray(forward[paired])


def _steps(here: Floats, there: Floats) -> Floats:
    """Return the distances between mutual nearest neighbours of two frames."""
    before, after = mutual(here, there)
    return np.asarray(np.linalg.norm(there[after] - here[before], axis=1))


def _nearest(points: Floats) -> Floats:
    """Return the distance from each point to the nearest other one."""
    if len(points) < 2:
        return np.empty(0)
    return np.asarray(KDTree(points).query(points, k=2)[0][:, 1])


def _quantile(parts: Sequence[Floats], share: float) -> float:
    values = np.concatenate([np.empty(0), *parts])
    return float(np.quantile(values, share)) if len(values) else math.nan
