"""Rods, like many bacteria: straight or slightly bent, with round ends.

The first axis of `axes` is the long one. Lengths are units. The same code for 2D and 3D.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2, pi, sqrt

import numpy as np

from sam4ct.simulate.cells.cell import Cell, CellLaw, Float, heir, spawn


@dataclass(frozen=True)
class Rod(Cell):
    """A straight or slightly bent rod with round ends, like many bacteria."""

    half_width: float
    born: float
    """Length from end to end at birth."""
    cycle: float
    """Frames in which it doubles its length."""
    bend: float
    """Sideways shift of its ends, in half widths."""

    @property
    def mitotic(self) -> float:
        """0: a rod neither rounds up nor gets brighter before it divides."""
        return 0.0

    @property
    def length(self) -> float:
        """Length from end to end: it grows exponentially."""
        return float(self.born * 2.0 ** (self.age / self.cycle))

    def extent(self) -> float:
        return self.length / 2.0 + self.half_width * (0.7 + abs(self.bend))

    def depth(self, offsets: Float) -> Float:
        local = (offsets @ self.axes.T).astype(np.float32)
        along, straight = local[..., 0], self.length / 2.0 - self.half_width
        if self.bend:
            local[..., 1] -= self.bend * self.half_width * (2.0 * along / self.length) ** 2
        width = self.half_width * (1.0 - self._waist() * np.exp(-((along / self.half_width) ** 2)))
        across = (local[..., 1:] ** 2).sum(-1)
        ends = np.clip(np.abs(along) - straight, 0.0, None)
        return np.asarray(np.sqrt(ends**2 + across) / width)

    def _waist(self) -> float:
        """Return how much narrower the middle is: a rod constricts before it divides."""
        return 0.4 * float(np.clip(5.0 * (self.age / self.lifetime) - 4.0, 0.0, 1.0))

    def discs(self) -> tuple[Float, Float]:
        straight = max(0.0, self.length / 2.0 - self.half_width)
        count = ceil(straight / self.half_width) + 1 if straight else 1
        centres = np.zeros((count, len(self.position)))
        centres[:, 0] = np.linspace(-straight, straight, count) if count > 1 else 0.0
        if count > 1 and self.bend:
            centres[:, 1] = self.bend * self.half_width * (2.0 * centres[:, 0] / self.length) ** 2
        return centres, np.full(count, self.half_width)


def rod(rng: np.random.Generator, law: CellLaw, cell: Cell) -> Cell:
    """Return a cell of any age as a rod."""
    half_width = rod_half_width(law)
    usual = 2.0 * half_width * law.slenderness / 1.44  # at birth: the mean over its life is longer
    return _sized_rod(rng, law, cell, usual * rng.uniform(0.85, 1.15), cell.age / cell.lifetime)


def rod_half_width(law: CellLaw) -> float:
    """Return the half width at which a rod of mean length has the area of the law's radius."""
    return law.radius / 2.0 * sqrt(pi / (max(1.2, law.slenderness) - 1.0 + pi / 4.0))


def _sized_rod(rng: np.random.Generator, law: CellLaw, cell: Cell, born: float, age: float) -> Rod:
    """Return a rod, given its length at birth and its age as a share of its lifetime.

    It divides at about twice the usual length at birth.
    """
    half_width = rod_half_width(law)
    born = max(born, 2.1 * half_width)
    usual = 2.0 * half_width * law.slenderness / 1.44
    ratio = max(1.3, 2.0 * usual * float(np.exp(rng.normal(0.0, 0.1))) / born)
    lifetime = law.cycle * log2(ratio)
    own = {**vars(cell), "age": age * lifetime, "lifetime": lifetime}
    return Rod(
        **own,
        half_width=half_width * float(np.exp(rng.normal(0.0, 0.04))),
        born=born,
        cycle=law.cycle,
        bend=float(rng.normal(0.0, law.bumpiness)),
    )


def halved_rod(
    rng: np.random.Generator, law: CellLaw, mother: Cell, labels: tuple[int, int]
) -> tuple[Cell, Cell]:
    """Return the two halves of a rod, end to end."""
    assert isinstance(mother, Rod)
    share = float(np.clip(rng.normal(0.5, 0.04), 0.35, 0.65))
    halves = []
    for label, part, sign in zip(labels, (share, 1.0 - share), (1.0, -1.0), strict=True):
        centre = mother.position + sign * mother.axes[0] * mother.length * (1.0 - part) / 2.0
        cell = heir(spawn(rng, law, label, centre, parent=mother.label), mother, rng, law)
        halves.append(_sized_rod(rng, law, cell, mother.length * part, 0.0))
    return halves[0], halves[1]
