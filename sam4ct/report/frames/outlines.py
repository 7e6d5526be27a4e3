"""Outlines of masks as SVG paths, which the browser draws, recolours and hit-tests.

Masks are (y, x), paths (x, y) in whole "units" of the page; the caller says how many units a
pixel has. Pixel (0, 0) covers the square from 0 to 1. Contours are traced by contourpy and
simplified by the method of Ramer (1972), Douglas and Peucker (1973), for all cells at once:
cells are small and many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from contourpy import LineType, contour_generator
from numpy.typing import NDArray

Points = NDArray[np.float64]
Indices = NDArray[np.int64]
PlacedMask = tuple[NDArray[np.bool_], tuple[int, int]]
"""A mask, (y, x), and the position of its first pixel, (y, x), pixels."""

TOLERANCE_UNITS = 1.2
TOLERANCE_PX = 0.25
"""Largest distance of a simplified outline from the smooth one: the larger of the two."""
SMOOTHING_ROUNDS = 2


def outline_path(
    mask: NDArray[np.bool_], corner: tuple[int, int], units_per_px: tuple[float, float]
) -> str:
    """Return the outline of one mask, see `outline_paths`."""
    return outline_paths([(mask, corner)], units_per_px)[0]


def outline_paths(masks: Sequence[PlacedMask], units_per_px: tuple[float, float]) -> list[str]:
    """Return the outlines of masks as SVG paths, to be filled by the even-odd rule.

    Args:
        masks: In the same plane; they may overlap.
        units_per_px: Scale of the paths, (y, x).

    Returns:
        For each mask one closed subpath per boundary, holes too; "" for an empty mask.
    """
    tolerance = max(TOLERANCE_UNITS, TOLERANCE_PX * min(units_per_px))
    owners, outlines = [], []
    for number, (mask, corner) in enumerate(masks):
        for loop in boundaries(mask):
            owners.append(number)
            outlines.append((_smoothed(loop) + corner) * units_per_px)
    paths = [""] * len(masks)
    for number, points in zip(owners, simplified(outlines, tolerance), strict=True):
        paths[number] += _subpath(points)
    return paths


def boundaries(mask: NDArray[np.bool_]) -> list[Points]:
    """Return the closed boundaries of a mask, halfway between pixels inside and outside.

    Args:
        mask: (y, x).

    Returns:
        For each boundary its points in order, (N, 2), (y, x), mask pixels; the last is joined
        to the first.
    """
    rimmed = np.zeros(np.add(mask.shape, 2))
    rimmed[1:-1, 1:-1] = mask
    # Contours are (x, y), closed by their first point, and count from the centre of the rim.
    lines = contour_generator(z=rimmed, line_type=LineType.Separate).lines(0.5)
    return [np.asarray(line)[:-1, ::-1] - 0.5 for line in lines]


def _smoothed(loop: Points) -> Points:
    """Return a boundary without the corners of its pixels, by averaging neighbours.

    Fewer rounds for small boundaries, which would shrink.
    """
    rounds = min(SMOOTHING_ROUNDS, len(loop) // 8)
    loop = np.concatenate((loop, loop[:rounds]))
    for _ in range(rounds):
        loop = (loop[:-1] + loop[1:]) / 2.0
    return loop


def simplified(polygons: Sequence[Points], tolerance: float) -> list[Points]:
    """Return closed polygons with fewer points, by Ramer, Douglas and Peucker.

    A span between two kept points is split at its furthest point while that is further off
    than the tolerance. The spans of all polygons are processed together, round by round.

    Args:
        polygons: (N, 2) each, the last point joined to the first.
        tolerance: Largest distance of a dropped point from the polygon that remains.

    Returns:
        At least three of the points of each if it has that many.
    """
    if not polygons:
        return []
    rings = np.concatenate([part for points in polygons for part in (points, points[:1])])
    sizes = np.array([len(points) + 1 for points in polygons])
    end = np.cumsum(sizes) - 1
    begin = end - sizes + 1
    far = _peaks(np.linalg.norm(rings - np.repeat(rings[begin], sizes, axis=0), axis=1), sizes)
    kept = np.zeros(len(rings), bool)
    kept[begin] = kept[far] = True
    first, last = np.concatenate((begin, far)), np.concatenate((far, end))
    # A polygon of two points would vanish, so a third is kept whatever its distance.
    third = np.where(end - far > 1, len(far), 0) + np.arange(len(far))
    limit = np.full(len(first), tolerance)
    limit[third] = -1.0
    while (parts := last - first > 1).any():
        first, last = first[parts], last[parts]
        middle, distance = _furthest(rings, first, last)
        over = distance > limit[parts]
        first, middle, last = first[over], middle[over], last[over]
        kept[middle] = True
        first, last = np.concatenate((first, middle)), np.concatenate((middle, last))
        limit = np.full(len(first), tolerance)
    return [rings[b:e][kept[b:e]] for b, e in zip(begin.tolist(), end.tolist(), strict=True)]


def _furthest(points: Points, first: Indices, last: Indices) -> tuple[Indices, Points]:
    """Return the point of each span that is furthest from the line through its ends.

    Spans run from `first` to `last`, (S,) each, rows of `points`, (N, 2), and have points
    between. Returns rows and distances, (S,) each.
    """
    counts = last - first - 1
    span = np.repeat(np.arange(len(first)), counts)
    at = np.arange(len(span)) + (first + 1 - np.cumsum(counts) + counts)[span]
    along = points[last] - points[first]
    length = np.hypot(along[:, 0], along[:, 1])[span]
    along, offsets = along[span], points[at] - points[first[span]]
    distance = np.abs(along[:, 0] * offsets[:, 1] - along[:, 1] * offsets[:, 0])
    # The ends are one point only where all points of a polygon are.
    np.divide(distance, length, out=distance, where=length > 0)
    peaks = _peaks(distance, counts)
    return at[peaks], distance[peaks]


def _peaks(values: Points, counts: Indices) -> Indices:
    """Return where each run of values has its first maximum; `counts` are the runs' lengths."""
    starts = np.cumsum(counts) - counts
    largest = np.maximum.reduceat(values, starts)
    where = np.flatnonzero(values == np.repeat(largest, counts))
    return where[np.searchsorted(where, starts)]


def _subpath(points: Points) -> str:
    """Return points, (N, 2), (y, x), as a closed subpath: absolute start, relative steps."""
    whole = np.rint(points[:, ::-1]).astype(int)
    steps = np.diff(whole, axis=0).ravel().tolist()
    text = "".join(f"{step}" if step < 0 else f" {step}" for step in steps)
    return f"M{whole[0, 0]} {whole[0, 1]}l{text.lstrip()}z"
