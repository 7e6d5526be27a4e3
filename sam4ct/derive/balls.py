"""Balls: how large the bright objects at given places of a frame are.

Pure numpy. A ball answers most to a difference of Gaussians (DoG) as wide as itself, wherever
its neighbours are: answers are compared over a wide range of sizes, but at a few points around
each place only. So they are sums over a window, with weights that are separable, and no window
is ever filtered as a whole. Places of cells that nobody knows yet are left to `stages`.
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
"""So many places are looked at, evenly taken from all: a median needs no more."""
SCALE_RATIO = 2.0**0.25
"""Between two sizes that are tried; the parabola through the best three finds what lies between."""
SIZES = 4.0 * SCALE_RATIO ** np.arange(18)
"""Diameters that are tried, 4 to 76 pixels along x."""
TRUNCATE = 3.0
"""Gaussians end after so many standard deviations."""
OFF = 0.2
"""Answers are taken so far around a place along each axis, too, in diameters: places are not
exact. A share, as noise finds a peak of a small size wherever it may look for one."""
SOFT_EDGE = 1.12
"""Diameter of a cell over that of a sharp ball that answers alike: between that of sharp cells
(1.0) and of those whose light fades from the middle on (1.25)."""
_LEAST_SIGMA = 0.3
"""Voxels; a narrower Gaussian would miss all voxels if its middle lies between two."""


@dataclass(frozen=True)
class _Part:
    """A window of a frame."""

    image: NDArray[np.float32]
    start: Sequence[int]
    """Its first voxel."""

    def means(self, points: Sequence[Floats], sigmas: Floats) -> NDArray[np.float32]:
        """Return the means under Gaussians at a grid of points.

        Args:
            points: Along each axis, voxels of the frame.
            sigmas: Widths along each axis, voxels.
        """
        inside = [at - first for at, first in zip(points, self.start, strict=True)]
        near = _window(inside, sigmas, self.image.shape)
        means = self.image[near]
        # The first axis gives way to its points, which become the last one; three times.
        for at, part, sigma in zip(inside, near, sigmas, strict=True):
            far = np.arange(part.start, part.stop) - at[:, None]
            weights = np.exp(-0.5 * (far / max(sigma, _LEAST_SIGMA)) ** 2)
            weights /= weights.sum(axis=1, keepdims=True)
            means = np.tensordot(means, weights.astype(np.float32), axes=(0, 1))
        return np.asarray(means, dtype=np.float32)


def ball_diameter(volumes: VolumeReader, places: Floats, scale: Floats) -> float:
    """Return the median diameter of the bright objects at places in frame 0.

    Some 30 windows are read, of up to 170 pixels along each axis.

    Args:
        volumes: The movie.
        places: (n, 3), voxels, each about in the middle of an object.
        scale: Size of a voxel (z, y, x) in pixels along x.

    Returns:
        Pixels along x; nan where nothing is brighter than its surroundings.
    """
    chosen = np.linspace(0, len(places) - 1, min(len(places), MOST_PLACES)).round().astype(int)
    found = [_diameter(volumes, place, scale) for place in places[chosen]]
    known = [diameter for diameter in found if diameter is not None]
    return float(np.median(known)) if known else float("nan")


def _diameter(volumes: VolumeReader, place: Floats, scale: Floats) -> float | None:
    """Return the diameter of the object at one place; None if it is not bright."""
    window = _window(_points(place, SIZES[-1], scale), _sigmas(SIZES[-1])[1] / scale, volumes.shape)
    image = volumes.window(0, window).astype(np.float32)
    # What is darkest is 0, so that rounding leaves no answer where all is alike.
    part = _Part(image - image.min(), [along.start for along in window])
    answers = np.array([_answer(part, place, size, scale) for size in SIZES])
    best = int(answers.argmax())
    if not answers[best] > 0:
        return None
    return float(SOFT_EDGE * SIZES[0] * SCALE_RATIO ** (best + _offset(answers, best)))


def _answer(part: _Part, place: Floats, size: float, scale: Floats) -> float:
    """Return the highest answer of a DoG of a size near a place."""
    points = _points(place, size, scale)
    fine, coarse = (part.means(points, sigma / scale) for sigma in _sigmas(size))
    # As the widths of all DoGs have one ratio, balls of all sizes answer alike.
    return float((fine - coarse).max())


def _sigmas(size: float) -> tuple[float, float]:
    """Return the widths of the two Gaussians that answer most to a ball of a diameter."""
    # A ball of radius r answers most to a width of r / sqrt(3); the two are half a step off.
    middle = size / 2.0 / sqrt(3.0)
    return middle / sqrt(SCALE_RATIO), middle * sqrt(SCALE_RATIO)


def _points(place: Floats, size: float, scale: Floats) -> list[Floats]:
    """Return where answers are taken along each axis, voxels."""
    off = np.array([-OFF, 0.0, OFF]) * size
    return [at + off / step for at, step in zip(place, scale, strict=True)]


def _window(points: Sequence[Floats], sigmas: Floats, shape: Sequence[int]) -> tuple[slice, ...]:
    """Return the voxels that Gaussians (of so many voxels an axis) at points see of a frame."""
    return tuple(
        slice(
            min(n - 1, max(0, int(at[0] - TRUNCATE * sigma))),
            max(1, min(n, ceil(at[-1] + TRUNCATE * sigma) + 1)),
        )
        for at, sigma, n in zip(points, sigmas, shape, strict=True)
    )


def _offset(answers: Floats, best: int) -> float:
    """Return how far beside the best of equally spaced answers the parabola is highest."""
    if best in (0, len(answers) - 1):
        return 0.0
    before, middle, after = answers[best - 1 : best + 2].tolist()
    bend = before - 2.0 * middle + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
