"""One simulated cell: its shape, and how it moves, grows and divides.

The same code for 2D and 3D. Lengths are in pixels of the finest axis ("units"); `movie` converts
voxels of coarser axes to units before it asks a cell for its shape. Array order ([z,] y, x).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

N_BUMPS = 5
N_WAVES = 4


@dataclass(frozen=True, kw_only=True)
class CellLaw:
    """How the cells of one movie look and behave; lengths in units, times in frames."""

    radius: float
    """Mean radius of a grown cell."""
    radius_spread: float = 0.15
    """Relative standard deviation of the radius between cells."""
    elongation: float = 0.7
    """Smallest ratio of an axis to the longest one."""
    bumpiness: float = 0.08
    """Relative amplitude of the outline's bumps."""
    deformation: float = 0.15
    """Share of the outline's bumps that is drawn again every frame."""
    motion: float = 0.15
    """Standard deviation of the step per frame, in radii."""
    persistence: float = 0.5
    """Correlation of a step with the one before, 0 (Brownian) to 1 (straight)."""
    turning: float = 0.08
    """Standard deviation of the rotation per frame, in radians."""
    cycle: float = 30.0
    """Mean time between divisions."""
    death: float = 0.0
    """Probability per frame that a cell vanishes."""
    rounding: float = 2.0
    """Number of frames before a division over which a cell rounds up."""
    separation: float = 0.75
    """Distance of a new daughter from the mother's centre, in mother radii."""
    dimmest: float = 0.5
    """Brightness of the dimmest cells; the brightest have 1.1."""
    inherited: float = 1.0
    """Share of a daughter's brightness that comes from her mother; the rest is random."""
    shape: str = "blob"
    """One of `shapes.FAMILIES`."""
    slenderness: float = 3.5
    """Mean length of a rod over its width."""
    bud: float = 0.6
    """Radius of a bud when it becomes a cell, in radii of the mother."""


@dataclass(frozen=True)
class Cell:
    """State of one cell in one frame."""

    label: int
    parent: int
    position: Float
    """Centre in units, (D,)."""
    step: Float
    """Last displacement without drift, units per frame, (D,)."""
    axes: Float
    """Orthonormal principal axes as rows, (D, D)."""
    aspect: Float
    """Length of each axis relative to the radius, (D,)."""
    radius: float
    full_radius: float
    """Radius when grown."""
    bumps: Float
    """Relative amplitudes of the outline's bumps, (N_BUMPS,)."""
    bump_directions: Float
    """Wave vectors of the bumps on the unit sphere, (N_BUMPS, D)."""
    phases: Float
    """Phases of the bumps, then of the texture waves, (N_BUMPS + N_WAVES,)."""
    waves: Float
    """Texture wave vectors per unit length, in the cell's own axes, (N_WAVES, D)."""
    brightness: float
    age: float
    lifetime: float

    @property
    def mitotic(self) -> float:
        """How near its division the cell is: 0 (two frames or more) to 1 (now)."""
        return float(np.clip(1.0 - (self.lifetime - self.age) / 2.0, 0.0, 1.0))

    def extent(self) -> float:
        """Return the radius of a ball around the centre that holds the whole cell, units."""
        return self.radius * float(self.aspect.max()) * (1.0 + float(np.abs(self.bumps).sum()))

    def depth(self, offsets: Float) -> Float:
        """Return the relative depth at points around the cell: below 1 inside, 1 on the outline.

        Args:
            offsets: Points minus the cell's centre, units, (..., D).
        """
        scaled = offsets @ self.axes.T / self.aspect
        distance = np.linalg.norm(scaled, axis=-1)
        direction = scaled / np.maximum(distance, 1e-9)[..., None]
        outline = np.ones_like(distance)
        for amplitude, wave, phase in zip(
            self.bumps, self.bump_directions, self.phases[:N_BUMPS], strict=True
        ):
            outline += amplitude * np.sin(direction @ wave + phase)
        return np.asarray(distance / (self.radius * np.maximum(outline, 0.3)))

    def texture(self, offsets: Float) -> Float:
        """Return the texture, about -1 to 1, which turns with the cell; arguments as in `depth`."""
        local = offsets @ self.axes.T
        texture = np.zeros(local.shape[:-1])
        for wave, phase in zip(self.waves, self.phases[N_BUMPS:], strict=True):
            texture += np.sin(local @ wave + phase)
        return np.asarray(texture / N_WAVES)

    def discs(self) -> tuple[Float, Float]:
        """Return discs (balls in 3D) that fill the cell: offsets in its own axes, and radii.

        Returns:
            (n, D) from its centre, and (n,), units.
        """
        return np.zeros((1, len(self.position))), np.array([self.radius])


def _random_axes(rng: np.random.Generator, ndim: int) -> Float:
    q, _ = np.linalg.qr(rng.normal(size=(ndim, ndim)))
    return np.asarray(q, dtype=float)


def _turned(rng: np.random.Generator, axes: Float, angle: float) -> Float:
    skew = rng.normal(scale=angle, size=axes.shape)
    q, r = np.linalg.qr(np.eye(len(axes)) + (skew - skew.T) / 2.0)
    return np.asarray((q * np.sign(np.diag(r))) @ axes, dtype=float)


def spawn(
    rng: np.random.Generator, law: CellLaw, label: int, position: Float, parent: int = 0
) -> Cell:
    """Draw a cell of any age at a position."""
    ndim = len(position)
    full = law.radius * float(np.exp(rng.normal(0.0, law.radius_spread)))
    lifetime = law.cycle * float(rng.uniform(0.7, 1.3))
    age = float(rng.uniform(0.0, lifetime))
    directions = rng.normal(size=(N_BUMPS, ndim))
    directions *= np.arange(1, N_BUMPS + 1)[:, None] / np.linalg.norm(
        directions, axis=1, keepdims=True
    )
    return Cell(
        label=label,
        parent=parent,
        position=np.asarray(position, dtype=float),
        step=rng.normal(0.0, law.motion * law.radius, ndim),
        axes=_random_axes(rng, ndim),
        aspect=rng.uniform(law.elongation, 1.0, ndim),
        radius=full * _grown(age, lifetime),
        full_radius=full,
        bumps=rng.normal(0.0, law.bumpiness, N_BUMPS) / np.arange(1, N_BUMPS + 1) ** 0.5,
        bump_directions=directions,
        phases=rng.uniform(0.0, 2.0 * np.pi, N_BUMPS + N_WAVES),
        waves=rng.normal(size=(N_WAVES, ndim)) * rng.uniform(1.0, 5.0, (N_WAVES, 1)) / full,
        brightness=float(rng.uniform(law.dimmest, 1.1)),
        age=age,
        lifetime=lifetime,
    )


def _grown(age: float, lifetime: float) -> float:
    """Return the relative radius at an age: 0.78 at birth, 1 from mid-cycle on."""
    return min(1.0, 0.78 + 0.44 * age / lifetime)


def advance(rng: np.random.Generator, law: CellLaw, cell: Cell, drift: Float) -> Cell:
    """Return the cell one frame later: moved, turned, deformed and grown."""
    ndim = len(cell.position)
    kick = rng.normal(0.0, law.motion * law.radius, ndim)
    keep = law.persistence
    step = keep * cell.step + np.sqrt(1.0 - keep**2) * kick
    fresh = rng.normal(0.0, law.bumpiness, N_BUMPS) / np.arange(1, N_BUMPS + 1) ** 0.5
    bumps = (1.0 - law.deformation) * cell.bumps + np.sqrt(
        1.0 - (1.0 - law.deformation) ** 2
    ) * fresh
    age = cell.age + 1.0
    rounded = float(np.clip(1.0 - (cell.lifetime - age) / max(law.rounding, 1e-6), 0.0, 1.0))
    aspect = np.clip(
        cell.aspect + rng.normal(0.0, 0.15 * law.deformation, ndim), law.elongation, 1.0
    )
    return replace(
        cell,
        position=cell.position + step + drift,
        step=step,
        axes=_turned(rng, cell.axes, law.turning),
        aspect=aspect + (1.0 - aspect) * 0.7 * rounded,
        radius=cell.full_radius * _grown(age, cell.lifetime) * (1.0 - 0.12 * rounded),
        bumps=bumps * (1.0 - 0.7 * rounded),
        phases=cell.phases + rng.normal(0.0, 0.2 * law.deformation, len(cell.phases)),
        age=age,
    )


def divide(
    rng: np.random.Generator, law: CellLaw, mother: Cell, labels: tuple[int, int]
) -> tuple[Cell, Cell]:
    """Return the two daughters of a cell, side by side along a random axis."""
    ndim = len(mother.position)
    axis = rng.normal(size=ndim)
    axis /= np.linalg.norm(axis)
    offset = axis * mother.radius * law.separation * rng.uniform(0.8, 1.2)
    sides = []
    for label, sign in zip(labels, (1.0, -1.0), strict=True):
        born = spawn(rng, law, label, mother.position + sign * offset, parent=mother.label)
        full = mother.full_radius * float(np.exp(rng.normal(0.0, 0.06)))
        sides.append(
            replace(
                born,
                age=0.0,
                full_radius=full,
                radius=full * _grown(0.0, born.lifetime) * rng.uniform(0.85, 1.0),
                step=mother.step * 0.5 + sign * offset * 0.15,
                brightness=law.inherited * mother.brightness * rng.uniform(0.85, 1.2)
                + (1.0 - law.inherited) * born.brightness,
                waves=born.waves * born.full_radius / full,
            )
        )
    return sides[0], sides[1]


def heir(cell: Cell, mother: Cell, rng: np.random.Generator, law: CellLaw) -> Cell:
    """Return a new cell with its mother's axes, half her step, and about her brightness."""
    brightness = mother.brightness * float(rng.uniform(0.9, 1.1))
    return replace(
        cell,
        axes=mother.axes,
        step=mother.step * 0.5,
        brightness=law.inherited * brightness + (1.0 - law.inherited) * cell.brightness,
    )
