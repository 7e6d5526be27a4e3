"""Outlines of masks as SVG paths, which the browser can draw, recolour and hit-test.

Pure numpy, (y, x) in, path text with (x, y) out. A path is in "units" of the page,
whole numbers; how many units a pixel has is the caller's choice. Pixel (0, 0)
covers the square from 0 to 1, so its centre is at one half.

Cells are small and many, so a call of numpy for all of them costs little more than one for each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Indices = NDArray[np.int64]
PlacedMask = tuple[NDArray[np.bool_], tuple[int, int]]
"""A mask, (y, x), and the position of its first pixel, (y, x), pixels."""

TOLERANCE_UNITS = 1.2
TOLERANCE_PX = 0.25
"""How far a simplified outline may be from the smooth one, whichever is larger."""
SMOOTHING_ROUNDS = 4


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
    """Return the closed boundaries of a mask along its pixel edges.

    Args:
        mask: (y, x).

    Returns:
        For each boundary its pixel corners in order, (N, 2), (y, x), mask pixels;
        the last is joined to the first.
    """
    starts, ends = _edges(mask)
    after = dict(zip(starts, ends, strict=True))
    # Where two pixels touch at a corner, two edges start: the later one is followed first.
    touching = len(after) < len(starts)
    other = {s: e for s, e in zip(starts, ends, strict=True) if after[s] != e} if touching else {}
    loops = []
    while after:
        at = first = next(iter(after))
        loop: list[int] = []
        while True:
            loop.append(at)
            onward = after[at]
            if at in other:
                after[at] = other.pop(at)
            else:
                del after[at]
            at = onward
            if at == first:
                break
        loops.append(np.stack(np.divmod(loop, mask.shape[1] + 2), axis=1) - 1.0)
    return loops


def _edges(mask: NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Return the pixel edges between inside and outside, as their first and second corners.

    All run clockwise around the inside, so the boundaries are found by following them.
    A corner is the number of the pixel to its lower right, in the mask with a rim of one pixel.
    """
    height, width = mask.shape
    below = width + 2
    rimmed = np.zeros((height + 2, below), bool)
    rimmed[1:-1, 1:-1] = mask
    inside = rimmed.ravel()
    # The pixels whose neighbour on that side is outside. Rows end in the rim, so that where
    # one goes over into the next nothing is inside.
    top = (inside[below:] > inside[:-below]).nonzero()[0] + below
    right = (inside[:-1] > inside[1:]).nonzero()[0]
    bottom = (inside[:-below] > inside[below:]).nonzero()[0]
    left = (inside[1:] > inside[:-1]).nonzero()[0] + 1
    starts = np.concatenate((top, right + 1, bottom + below + 1, left + below))
    ends = np.concatenate((top + 1, right + below + 1, bottom + below, left))
    return starts.tolist(), ends.tolist()


def _smoothed(loop: Points) -> Points:
    """Return a boundary without the staircase of its pixels, by averaging neighbours.

    Fewer rounds for small boundaries, which would shrink; a single pixel becomes a diamond.
    """
    rounds = min(SMOOTHING_ROUNDS, len(loop) // 4)
    loop = np.concatenate((loop, loop[:rounds]))
    for _ in range(rounds):
        loop = (loop[:-1] + loop[1:]) / 2.0
    return loop


def simplified(polygons: Sequence[Points], tolerance: float) -> list[Points]:
    """Return closed polygons with fewer points, none dropped that is further off.

    The method of Ramer, Douglas and Peucker: spans between points that are kept are parted
    at their furthest point, while that is too far off. The spans of all polygons are looked at
    together, round by round.

    Args:
        polygons: (N, 2) each, the last point joined to the first.
        tolerance: Largest distance of a dropped point from the polygon that remains.

    Returns:
        At least three of the points of each if there are so many.
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
    """Return for each span the point that is furthest from the line through its ends.

    Args:
        points: (N, 2).
        first: Where each span begins, (S,).
        last: Where it ends, (S,); there are points between.

    Returns:
        Which point that is, (S,), and its distance, (S,).
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
    """Return where each of several runs, all in one array, has its (first) largest value.

    Args:
        values: (N,), the runs one after the other.
        counts: How many values each run has, (R,); none is empty.
    """
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
