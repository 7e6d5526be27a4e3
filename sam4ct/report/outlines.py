"""Outlines of masks as SVG paths, which the browser can draw, recolour and hit-test.

Pure numpy, (y, x) in, path text with (x, y) out. A path is in "units" of the page,
whole numbers; how many units a pixel has is the caller's choice. Pixel (0, 0)
covers the square from 0 to 1, so its centre is at one half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Corner = tuple[int, int]

TOLERANCE_UNITS = 1.2
TOLERANCE_PX = 0.25
"""How far a simplified outline may be from the smooth one, whichever is larger."""
SMOOTHING_ROUNDS = 4


def outline_path(
    mask: NDArray[np.bool_], corner: tuple[int, int], units_per_px: tuple[float, float]
) -> str:
    """Return the outline of a mask as an SVG path, to be filled by the even-odd rule.

    Args:
        mask: (y, x).
        corner: Position of the mask's first pixel, (y, x), pixels.
        units_per_px: Scale of the path, (y, x).

    Returns:
        One closed subpath per boundary, holes too; "" for an empty mask.
    """
    tolerance = max(TOLERANCE_UNITS, TOLERANCE_PX * min(units_per_px))
    subpaths = []
    for loop in boundaries(mask):
        units = (_smoothed(loop) + np.asarray(corner)) * units_per_px
        subpaths.append(_subpath(simplified(units, tolerance)))
    return "".join(subpaths)


def boundaries(mask: NDArray[np.bool_]) -> list[Points]:
    """Return the closed boundaries of a mask along its pixel edges.

    Args:
        mask: (y, x).

    Returns:
        For each boundary its pixel corners in order, (N, 2), (y, x), mask pixels;
        the last is joined to the first.
    """
    after = _edges(mask)
    loops = []
    while after:
        at = first = next(iter(after))
        loop: list[Corner] = []
        while True:
            loop.append(at)
            ways = after[at]
            onward = ways.pop()
            if not ways:
                del after[at]
            at = onward
            if at == first:
                break
        loops.append(np.array(loop, dtype=float))
    return loops


def _edges(mask: NDArray[np.bool_]) -> dict[Corner, list[Corner]]:
    """Return the pixel edges between inside and outside, each from its first corner.

    All run clockwise around the inside, so the boundaries are found by following them.
    """
    inside = np.pad(mask, 1)
    after: dict[Corner, list[Corner]] = {}
    # For each side of a pixel: its neighbour there, and the side's two corners.
    for neighbour, start, end in (
        (inside[:-2, 1:-1], (0, 0), (0, 1)),
        (inside[1:-1, 2:], (0, 1), (1, 1)),
        (inside[2:, 1:-1], (1, 1), (1, 0)),
        (inside[1:-1, :-2], (1, 0), (0, 0)),
    ):
        for y, x in np.argwhere(mask & ~neighbour).tolist():
            after.setdefault((y + start[0], x + start[1]), []).append((y + end[0], x + end[1]))
    return after


def _smoothed(loop: Points) -> Points:
    """Return a boundary without the staircase of its pixels, by averaging neighbours.

    Fewer rounds for small boundaries, which would shrink; a single pixel becomes a diamond.
    """
    for _ in range(min(SMOOTHING_ROUNDS, len(loop) // 4)):
        loop = (loop + np.roll(loop, -1, axis=0)) / 2.0
    return loop


def simplified(points: Points, tolerance: float) -> Points:
    """Return a closed polygon with fewer points, none dropped that is further off.

    The method of Ramer, Douglas and Peucker.

    Args:
        points: (N, 2), the last joined to the first.
        tolerance: Largest distance of a dropped point from the polygon that remains.

    Returns:
        At least three of the points if there are so many.
    """
    far = int(np.linalg.norm(points - points[0], axis=1).argmax())
    ring = np.vstack([points, points[:1]])
    keep = [0, far]
    spans = [(0, far), (far, len(points))]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        distance = _from_line(ring[first + 1 : last], ring[first], ring[last])
        worst = int(distance.argmax())
        # A polygon of two points would vanish, so a third is kept whatever its distance.
        if distance[worst] > tolerance or len(keep) < 3:
            middle = first + 1 + worst
            keep.append(middle)
            spans += [(first, middle), (middle, last)]
    return points[sorted(keep)]


def _from_line(points: Points, start: Points, end: Points) -> NDArray[np.float64]:
    """Return the distances of points, (N, 2), from the straight line through two others."""
    along = end - start
    length = float(np.hypot(*along))
    offsets = points - start
    if length == 0.0:
        return np.asarray(np.hypot(offsets[:, 0], offsets[:, 1]))
    return np.asarray(np.abs(along[0] * offsets[:, 1] - along[1] * offsets[:, 0]) / length)


def _subpath(points: Points) -> str:
    """Return points, (N, 2), (y, x), as a closed subpath: absolute start, relative steps."""
    whole = np.rint(points[:, ::-1]).astype(int)
    steps = np.diff(whole, axis=0).ravel().tolist()
    text = "".join(f"{step}" if step < 0 else f" {step}" for step in steps)
    return f"M{whole[0, 0]} {whole[0, 1]}l{text.lstrip()}z"
