"""Movies to damage: a few well separated cells, drawn exactly, with masks and truth.

Each cell moves by at most two pixels a frame within a square of its own and changes its size a
little, so that there is one right lineage. Arrays are (y, x) or (z, y, x); a movie is a list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Labels = NDArray[np.uint16]
Image = NDArray[np.uint16]

FRAMES = 5
PITCH = 22
"""Side of the square that a cell never leaves, in pixels."""
GRIDS = {2: (3, 4), 3: (2, 3)}
"""Cells along y and x of planes and volumes; no frame is square, so that swapped axes show."""
DEPTH = 12
RADIUS = (4.5, 6.5)
BACKGROUND, BRIGHTNESS, NOISE = 100, 400, 5


@dataclass(frozen=True)
class Movie:
    """What was drawn."""

    images: list[Image]
    truth: list[Labels]
    """A cell has one label in all frames; daughters have labels of their own."""
    tracks: list[tuple[int, int, int, int]]
    """Label, first frame, last frame, parent or 0."""
    places: list[dict[int, tuple[float, ...]]]
    """Centre of each cell by label, for each frame."""


def draw_movie(
    rng: Generator, ndim: int, *, divide: bool = False, resize: float = 0.4, step: float = 2.0
) -> Movie:
    """Draw a movie of (66, 88) pixels, or of 12 slices of (44, 66).

    Args:
        rng: Of all that is drawn.
        ndim: 2 or 3.
        divide: Whether the first cell has two daughters from the frame in the middle on.
        resize: Largest change of a radius between frames, in pixels.
        step: Largest movement along an axis between frames, in pixels.
    """
    shape = (*(() if ndim == 2 else (DEPTH,)), *(PITCH * cells for cells in GRIDS[ndim]))
    squares = [
        (PITCH * (i + 0.5), PITCH * (j + 0.5))
        for i in range(GRIDS[ndim][0])
        for j in range(GRIDS[ndim][1])
    ]
    radii = rng.uniform(*RADIUS, len(squares))
    offsets = rng.uniform(-2, 2, (len(squares), 2))
    depths = rng.uniform(DEPTH / 2 - 1, DEPTH / 2 + 1, len(squares))
    first, last = len(squares) + 1, FRAMES - 1
    movie = Movie([], [], [(label, 0, last, 0) for label in range(1, first)], [])
    if divide:
        half = FRAMES // 2
        movie.tracks[0] = (1, 0, half - 1, 0)
        movie.tracks.extend((label, half, last, 1) for label in (first, first + 1))
    for t in range(FRAMES):
        at = {i + 1: np.add(square, offsets[i]) for i, square in enumerate(squares)}
        size = {
            i + 1: float(r) for i, r in enumerate(radii + rng.uniform(-resize, resize, len(radii)))
        }
        if divide and t >= FRAMES // 2:
            mother, radius = at.pop(1), size.pop(1)
            for sign in (-1, 1):
                at[first + (sign > 0)] = np.add(mother, (0, sign * 4.5))
                size[first + (sign > 0)] = min(0.75 * radius, 4.0)
        places = {
            label: tuple(
                map(float, place if ndim == 2 else (depths[(label - 1) % len(depths)], *place))
            )
            for label, place in at.items()
        }
        truth = _balls(shape, places, size)
        image = BACKGROUND + rng.normal(0, NOISE, shape)
        image += np.where(truth > 0, BRIGHTNESS + 15.0 * (truth % 9), 0)
        movie.images.append(image.clip(0, 60000).astype(np.uint16))
        movie.truth.append(truth)
        movie.places.append(places)
        offsets = (offsets + rng.uniform(-step, step, offsets.shape)).clip(-3.5, 3.5)
    return movie


def _balls(
    shape: tuple[int, ...], places: dict[int, tuple[float, ...]], size: dict[int, float]
) -> Labels:
    grid = np.moveaxis(np.indices(shape), 0, -1)
    labels = np.zeros(shape, np.uint16)
    for label, place in places.items():
        labels[((grid - place) ** 2).sum(-1) <= size[label] ** 2] = label
    return labels


def relabelled(rng: Generator, truth: list[Labels]) -> list[Labels]:
    """Give the cells of every frame other labels, as a segmentation does."""
    most = max(int(frame.max()) for frame in truth)
    return [np.r_[0, rng.permutation(most) + 1].astype(np.uint16)[frame] for frame in truth]
