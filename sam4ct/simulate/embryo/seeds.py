"""Errors of a simulated seed detector: turns true centres into imperfect seeds.

Lengths are in radii of the cells unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.simulate.cells.cell import Cell, Float

TWIN = 0.5
"""Distance of the second seed of a cell from its centre."""
ASTRAY = (1.5, 4.0)
"""Range of the distance of a spurious seed from the centre of some cell."""
CLEAR = 1.2
"""Smallest distance of a spurious seed from the centre of every cell."""
PLACES_TRIED = 20
"""Random positions tried for one spurious seed."""


@dataclass(frozen=True, kw_only=True)
class SeedErrors:
    """Error rates of a simulated seed detector."""

    missed: float = 0.1
    """Share of cells without a seed."""
    doubled: float = 0.03
    """Share of the cells not missed that get two seeds."""
    spurious: float = 0.1
    """Seeds outside cells, per cell."""
    noise: float = 0.15
    """Standard deviation of a seed's position along each axis."""


def damaged_seeds(
    rng: np.random.Generator,
    cells: Sequence[Cell],
    shape: Sequence[int],
    scale: Float,
    errors: SeedErrors,
) -> Float:
    """Return the imperfect seeds of a frame.

    Args:
        rng: Source of all randomness.
        cells: All cells of the frame.
        shape: Shape of the frame, (z, y, x), voxels.
        scale: Size of a voxel in units, (3,).
        errors: The error rates.

    Returns:
        Positions in voxels (n, 3), inside the frame, in random order.
    """
    centres = np.array([cell.position for cell in cells]).reshape(-1, 3)
    radii = np.array([cell.radius for cell in cells])
    seen = rng.random(len(cells)) >= errors.missed
    twice = seen & (rng.random(len(cells)) < errors.doubled)
    twins = centres + TWIN * radii[:, None] * _directions(rng, len(cells))
    found = np.concatenate([centres[seen], twins[twice]])
    size = np.concatenate([radii[seen], radii[twice]])
    found = found + rng.normal(size=found.shape) * errors.noise * size[:, None]
    astray = _astray(rng, centres, radii, int(rng.binomial(len(cells), errors.spurious)))
    places = np.concatenate([found, astray]) / scale
    inside = np.clip(places, 0.0, np.asarray(shape) - 1.0)
    return np.asarray(rng.permutation(inside))


def _directions(rng: np.random.Generator, number: int) -> Float:
    drawn = rng.normal(size=(number, 3))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def _astray(rng: np.random.Generator, centres: Float, radii: Float, number: int) -> Float:
    """Return positions near the tissue but in no cell, (number or fewer, 3)."""
    places = []
    for _ in range(number):
        for _ in range(PLACES_TRIED):
            near = int(rng.integers(len(centres)))
            far = rng.uniform(*ASTRAY) * radii[near]
            place = centres[near] + far * _directions(rng, 1)[0]
            if np.all(np.linalg.norm(centres - place, axis=1) > CLEAR * radii):
                places.append(place)
                break
    return np.array(places).reshape(-1, 3)
