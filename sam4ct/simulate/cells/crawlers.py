"""Crawling cells, with protrusions that come and go.

The same code for 2D and 3D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.simulate.cells.cell import N_BUMPS, Cell, CellLaw, Float, divide


@dataclass(frozen=True)
class Crawler(Cell):
    """A cell with up to five protrusions that come and go: its bumps, made long and narrow."""

    lobes: Float
    """Direction of each protrusion in the cell's own axes, unit length, (N_BUMPS, D)."""
    sharpness: Float
    """How narrow each is, (N_BUMPS,)."""

    def _reaches(self) -> Float:
        return np.asarray(np.clip(self.bumps, 0.0, None))

    def extent(self) -> float:
        return self.radius * (1.0 + float(self._reaches().sum()))

    def depth(self, offsets: Float) -> Float:
        local = (offsets @ self.axes.T / self.aspect).astype(np.float32)
        distance = np.linalg.norm(local, axis=-1)
        direction = local / np.maximum(distance, 1e-6)[..., None]
        outline = np.ones_like(distance)
        for reach, lobe, sharp in zip(self._reaches(), self.lobes, self.sharpness, strict=True):
            if reach > 0:
                outline += reach * np.exp(sharp * (direction @ lobe.astype(np.float32) - 1.0))
        return np.asarray(distance / (self.radius * outline))


def crawler(rng: np.random.Generator, law: CellLaw, cell: Cell) -> Cell:
    """Return a cell of any age as a crawling cell, with protrusions in random directions."""
    lobes = rng.normal(size=(N_BUMPS, len(cell.position)))
    lobes /= np.linalg.norm(lobes, axis=1, keepdims=True)
    lobes[1] = -lobes[0]  # opposite lobes make a spindle, the most common shape
    return Crawler(**vars(cell), lobes=lobes, sharpness=np.exp(rng.uniform(0.7, 3.4, N_BUMPS)))


def divided_crawler(
    rng: np.random.Generator, law: CellLaw, mother: Cell, labels: tuple[int, int]
) -> tuple[Cell, Cell]:
    """Return the two daughters of a crawling cell."""
    first, second = divide(rng, law, mother, labels)
    return crawler(rng, law, first), crawler(rng, law, second)
