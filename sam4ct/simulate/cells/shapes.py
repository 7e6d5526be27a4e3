"""Shapes of cells other than the blob: rods, budding cells, cells with protrusions.

Each is a `Cell` with another outline, made from a cell of `cells.spawn`; it moves and ages like
any cell. The first axis of `axes` is a cell's long one. Lengths are units. The same code for 2D
and 3D.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, log2, pi, sqrt

import numpy as np

from sam4ct.simulate.cells.cell import N_BUMPS, Cell, CellLaw, Float, divide, spawn

EMERGES = 0.25
"""Age at which a bud appears, as a share of the lifetime."""
BUD_START = 0.2
"""Radius of a new bud, in radii of the mother."""


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


def _rod(rng: np.random.Generator, law: CellLaw, cell: Cell) -> Cell:
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


def _halved(
    rng: np.random.Generator, law: CellLaw, mother: Cell, labels: tuple[int, int]
) -> tuple[Cell, Cell]:
    """Return the two halves of a rod, end to end."""
    assert isinstance(mother, Rod)
    share = float(np.clip(rng.normal(0.5, 0.04), 0.35, 0.65))
    halves = []
    for label, part, sign in zip(labels, (share, 1.0 - share), (1.0, -1.0), strict=True):
        centre = mother.position + sign * mother.axes[0] * mother.length * (1.0 - part) / 2.0
        cell = _heir(spawn(rng, law, label, centre, parent=mother.label), mother, rng, law)
        halves.append(_sized_rod(rng, law, cell, mother.length * part, 0.0))
    return halves[0], halves[1]


def _heir(cell: Cell, mother: Cell, rng: np.random.Generator, law: CellLaw) -> Cell:
    """Return a new cell with its mother's axes, half her step, and about her brightness."""
    brightness = mother.brightness * float(rng.uniform(0.9, 1.1))
    return replace(
        cell,
        axes=mother.axes,
        step=mother.step * 0.5,
        brightness=law.inherited * brightness + (1.0 - law.inherited) * cell.brightness,
    )


def _budding(rng: np.random.Generator, law: CellLaw, cell: Cell) -> Cell:
    return Budding(**vars(cell), leaves=law.bud * rng.uniform(0.8, 1.2), start=1.0)


def _separated(
    rng: np.random.Generator, law: CellLaw, mother: Cell, labels: tuple[int, int]
) -> tuple[Cell, Cell]:
    """Return mother and daughter after budding; the mother is a new cell of the same size."""
    assert isinstance(mother, Budding)
    again = spawn(rng, law, labels[0], mother.position, parent=mother.label)
    again = replace(
        _heir(again, mother, rng, law),
        full_radius=mother.body_radius,
        aspect=mother.aspect,
        age=0.0,
        axes=again.axes,
    )
    place = mother.position + mother.axes[0] * mother.bud_offset()
    born = spawn(rng, law, labels[1], place, parent=mother.label)
    radius = max(mother.bud, BUD_START) * mother.body_radius
    born = replace(
        _heir(born, mother, rng, law), age=0.0, full_radius=max(born.full_radius, radius)
    )
    leaves = law.bud * rng.uniform(0.8, 1.2, 2)
    return (
        Budding(**vars(again), leaves=leaves[0], start=1.0),
        Budding(**vars(born), leaves=leaves[1], start=radius / born.full_radius),
    )


def _crawler(rng: np.random.Generator, law: CellLaw, cell: Cell) -> Cell:
    lobes = rng.normal(size=(N_BUMPS, len(cell.position)))
    lobes /= np.linalg.norm(lobes, axis=1, keepdims=True)
    lobes[1] = -lobes[0]  # opposite lobes make a spindle, the most common shape
    return Crawler(**vars(cell), lobes=lobes, sharpness=np.exp(rng.uniform(0.7, 3.4, N_BUMPS)))


def _crawlers(
    rng: np.random.Generator, law: CellLaw, mother: Cell, labels: tuple[int, int]
) -> tuple[Cell, Cell]:
    first, second = divide(rng, law, mother, labels)
    return _crawler(rng, law, first), _crawler(rng, law, second)


@dataclass(frozen=True)
class Family:
    """How cells of one shape are made."""

    shaped: Callable[[np.random.Generator, CellLaw, Cell], Cell]
    """Gives a cell of `cells.spawn`, of any age, this shape."""
    divide: Callable[[np.random.Generator, CellLaw, Cell, tuple[int, int]], tuple[Cell, Cell]]
    """Returns the two cells after a division, with the labels given."""


FAMILIES = {
    "blob": Family(lambda rng, law, cell: cell, divide),
    "rod": Family(_rod, _halved),
    "budding": Family(_budding, _separated),
    "crawler": Family(_crawler, _crawlers),
}
