"""Budding cells, like yeast: a round cell from which a smaller one grows.

The first axis of `axes` points to the bud. Lengths are units. The same code for 2D and 3D.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sam4ct.simulate.cells.cell import Cell, CellLaw, Float, heir, spawn

EMERGES = 0.25
"""Age at which a bud appears, as a share of the lifetime."""
BUD_START = 0.2
"""Radius of a new bud, in radii of the mother."""


@dataclass(frozen=True)
class Budding(Cell):
    """A round cell from which a smaller one grows, like yeast."""

    leaves: float
    """Radius of the bud when it becomes a cell, in radii of the mother."""
    start: float
    """Radius of this cell at birth, relative to its grown radius."""

    @property
    def mitotic(self) -> float:
        """0: it does not get brighter before it divides."""
        return 0.0

    @property
    def body_radius(self) -> float:
        """Radius without the bud: a daughter grows, a mother keeps hers."""
        return self.full_radius * min(1.0, self.start + 1.2 * self.age / self.lifetime)

    @property
    def bud(self) -> float:
        """Radius of the bud, in radii of the body; 0 before it appears."""
        grown = (self.age / self.lifetime - EMERGES) / (1.0 - EMERGES)
        return BUD_START + (self.leaves - BUD_START) * min(1.0, grown) if grown > 0 else 0.0

    def bud_offset(self) -> float:
        """Return the distance between the centres of bud and body, along the first axis."""
        return self.body_radius * (0.85 + 0.9 * self.bud)

    def extent(self) -> float:
        return self.bud_offset() + self.bud * self.body_radius if self.bud else self.body_radius

    def depth(self, offsets: Float) -> Float:
        local = (offsets @ self.axes.T).astype(np.float32)
        round_ = self.aspect / self.aspect.max()
        depth = np.linalg.norm(local / round_.astype(np.float32), axis=-1) / self.body_radius
        if self.bud:
            local[..., 0] -= self.bud_offset()
            depth = np.minimum(
                depth, np.linalg.norm(local, axis=-1) / (self.bud * self.body_radius)
            )
        return np.asarray(depth)

    def discs(self) -> tuple[Float, Float]:
        centres = np.zeros((2 if self.bud else 1, len(self.position)))
        if self.bud:
            centres[1, 0] = self.bud_offset()
        return centres, self.body_radius * np.array([1.0, self.bud][: len(centres)])


def budding(rng: np.random.Generator, law: CellLaw, cell: Cell) -> Cell:
    """Return a grown cell that will bud."""
    return Budding(**vars(cell), leaves=law.bud * rng.uniform(0.8, 1.2), start=1.0)


def separated(
    rng: np.random.Generator, law: CellLaw, mother: Cell, labels: tuple[int, int]
) -> tuple[Cell, Cell]:
    """Return mother and daughter after budding; the mother is a new cell of the same size."""
    assert isinstance(mother, Budding)
    again = spawn(rng, law, labels[0], mother.position, parent=mother.label)
    again = replace(
        heir(again, mother, rng, law),
        full_radius=mother.body_radius,
        aspect=mother.aspect,
        age=0.0,
        axes=again.axes,
    )
    place = mother.position + mother.axes[0] * mother.bud_offset()
    born = spawn(rng, law, labels[1], place, parent=mother.label)
    radius = max(mother.bud, BUD_START) * mother.body_radius
    born = replace(heir(born, mother, rng, law), age=0.0, full_radius=max(born.full_radius, radius))
    leaves = law.bud * rng.uniform(0.8, 1.2, 2)
    return (
        Budding(**vars(again), leaves=leaves[0], start=1.0),
        Budding(**vars(born), leaves=leaves[1], start=radius / born.full_radius),
    )
