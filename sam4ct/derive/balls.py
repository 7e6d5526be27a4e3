"""Size of the bright, round objects at given places of a frame.

The size is the scale of the strongest response of a difference of Gaussians (DoG), after
Lindeberg (1998). Responses are computed over a wide range of sizes, but at a few points around
each place only: as weighted sums over a window, with separable weights, without filtering the
window. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from sam4ct.tables import Floats
from sam4ct.types import VolumeReader

MOST_PLACES = 30
"""Number of places measured, evenly chosen from all: a median needs no more."""
SCALE_RATIO = 2.0**0.25
"""Ratio of neighbouring sizes; a parabola through the best three finds the size in between."""
SIZES = 4.0 * SCALE_RATIO ** np.arange(18)
"""Diameters tried, 4 to 76 pixels along x."""
TRUNCATE = 3.0
"""Standard deviations after which a Gaussian is cut off."""
OFF = 0.2
"""Distance from the place of further points along each axis, in diameters: places are not exact.
Relative to the size: further away, small sizes would find peaks of noise."""
SOFT_EDGE = 1.12
"""Diameter of a cell, divided by that of a sharp ball with the same response: between sharp cells
(1.0) and cells whose light fades from the centre on (1.25)."""
_LEAST_SIGMA = 0.3
"""Voxels; a narrower Gaussian between two voxels would miss both."""


@dataclass(frozen=True)
class _Part:
    """A window of a frame."""

    image: NDArray[np.float32]
    start: Sequence[int]
    """First voxel of the window."""

    def means(self, points: Sequence[Floats], sigmas: Floats) -> NDArray[np.float32]:
        """Return the means under Gaussians at a grid of points.

        Args:
            points: Coordinates along each axis, voxels of the frame.
            sigmas: Standard deviations along each axis, voxels.
        """
        inside = [at - first for at, first in zip(points, self.start, strict=True)]
        near = _window(inside, sigmas, self.image.shape)
        means = self.image[near]
        # Each step replaces the first axis by its points, as the last axis.
        for at, part, sigma in zip(inside, near, sigmas, strict=True):
            far = np.arange(part.start, part.stop) - at[:, None]
            weights = np.exp(-0.5 * (far / max(sigma, _LEAST_SIGMA)) ** 2)
            weights /= weights.sum(axis=1, keepdims=True)
            means = np.tensordot(means, weights.astype(np.float32), axes=(0, 1))
        return np.asarray(means, dtype=np.float32)


def ball_diameter(volumes: VolumeReader, places: Floats, scale: Floats) -> float:
    """Return the median diameter of the bright objects at places in frame 0.

    Reads up to 30 windows, of up to 170 pixels along each axis.

    Args:
        volumes: The movie.
        places: (n, 3), voxels, each near the centre of an object.
        scale: Size of a voxel (z, y, x) in pixels along x.

    Returns:
        Pixels along x; nan if no object is brighter than its surroundings.
    """
    chosen = np.linspace(0, len(places) - 1, min(len(places), MOST_PLACES)).round().astype(int)
    found = [_diameter(volumes, place, scale) for place in places[chosen]]
    known = [diameter for diameter in found if diameter is not None]
    return float(np.median(known)) if known else float("nan")


def _diameter(volumes: VolumeReader, place: Floats, scale: Floats) -> float | None:
    """Return the diameter of the object at one place; None if it is not bright."""
    window = _window(_points(place, SIZES[-1], scale), _sigmas(SIZES[-1])[1] / scale, volumes.shape)
    image = volumes.window(0, window).astype(np.float32)
    # The darkest voxel is 0, so that a constant window has no response from rounding.
    part = _Part(image - image.min(), [along.start for along in window])
    responses = np.array([_response(part, place, size, scale) for size in SIZES])
    best = int(responses.argmax())
    if not responses[best] > 0:
        return None
    return float(SOFT_EDGE * SIZES[0] * SCALE_RATIO ** (best + _offset(responses, best)))


def _response(part: _Part, place: Floats, size: float, scale: Floats) -> float:
    """Return the strongest response near a place of the DoG for a size."""
    points = _points(place, size, scale)
    fine, coarse = (part.means(points, sigma / scale) for sigma in _sigmas(size))
    # All DoGs have the same ratio of widths, so balls of all sizes have the same response.
    return float((fine - coarse).max())


def _sigmas(size: float) -> tuple[float, float]:
    """Return the two standard deviations whose DoG responds most to a ball of a diameter."""
    # The strongest response to a ball of radius r is at r / sqrt(3) (Lindeberg 1998).
    middle = size / 2.0 / sqrt(3.0)
    return middle / sqrt(SCALE_RATIO), middle * sqrt(SCALE_RATIO)


def _points(place: Floats, size: float, scale: Floats) -> list[Floats]:
    """Return the coordinates of the points along each axis, voxels."""
    off = np.array([-OFF, 0.0, OFF]) * size
    return [at + off / step for at, step in zip(place, scale, strict=True)]


def _window(points: Sequence[Floats], sigmas: Floats, shape: Sequence[int]) -> tuple[slice, ...]:
    """Return the part of a frame under Gaussians at points; `sigmas` along each axis, voxels."""
    return tuple(
        slice(
            min(n - 1, max(0, int(at[0] - TRUNCATE * sigma))),
            max(1, min(n, ceil(at[-1] + TRUNCATE * sigma) + 1)),
        )
        for at, sigma, n in zip(points, sigmas, shape, strict=True)
    )


def _offset(responses: Floats, best: int) -> float:
    """Return where the parabola through the best response and its neighbours has its maximum.

    In steps from the best one.
    """
    if best in (0, len(responses) - 1):
        return 0.0
    before, middle, after = responses[best - 1 : best + 2].tolist()
    bend = before - 2.0 * middle + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
