"""A curved sheet of cells, as on the surface of an embryo: where cells are, and how they flow.

Positions are (z, y, x) in units, pixels of the finest axis; times are frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi, sqrt

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.simulate.cells.cell import Cell, CellLaw, Float, advance, divide, spawn
from sam4ct.simulate.movie import pushed_apart

MARGIN = 1.5
"""Cells keep this far from the edges of the volume, in radii."""
ROOM = 1.25
"""Semi-axes of the shell over those of the part covered at the start: cells need room to divide."""
CONTACT = 0.9
"""See `pushed_apart`."""
PULL = 0.5
"""Share of its distance to the shell that a cell moves back in a frame."""
JITTER = 0.15
"""Standard deviation of first positions from a regular pattern, in neighbour distances."""
WAVES = 5
PERIODS = (20.0, 45.0)
"""Range of the periods of a flow's waves, in frames."""


@dataclass(frozen=True)
class Shell:
    """Half the surface of an ellipsoid, open towards high z, in the middle of a volume."""

    size: Float
    """Size of the volume, (3,)."""
    margin: float
    axes: Float
    """Semi-axes, (3,)."""

    @classmethod
    def fitting(cls, size: Float, margin: float, area: float) -> Shell:
        """Return the shell for cells that cover an area at the start.

        It has the volume's proportion of y to x, and is as deep as the volume allows, but not
        deeper than wide.

        Raises:
            SequenceError: The volume is too small.
        """
        inner = size - 2.0 * margin
        mean = ROOM * sqrt(area / pi)
        longer = sqrt(max(0.2, min(5.0, size[1] / size[2])))
        y, x = mean * longer, mean / longer
        if inner[0] <= 0 or 2.0 * y > inner[1] or 2.0 * x > inner[2]:
            needed = [2.0 * margin + 1.0, 2.0 * (y + margin), 2.0 * (x + margin)]
            raise SequenceError(
                f"The sheet of cells needs a volume of {' x '.join(f'{n:.0f}' for n in needed)}"
                f" pixels (z y x), and this one has {' x '.join(f'{n:.0f}' for n in size)}."
                " Ask for a larger size, fewer cells, or a smaller distance between them."
            )
        return cls(size, margin, np.array([min(inner[0], y, x), y, x]))

    @property
    def centre(self) -> Float:
        """Centre of the ellipsoid, (3,)."""
        return np.asarray(self.size / 2.0 + [self.axes[0] / 2.0, 0.0, 0.0])

    def places(self, number: int) -> Float:
        """Return positions around the apex, (n, 3), as regular as sunflower seeds (Vogel 1979)."""
        turn = np.arange(number) * pi * (3.0 - sqrt(5.0))
        out = np.sqrt((np.arange(number) + 0.5) / number) / ROOM
        height = -np.sqrt(1.0 - out**2)
        unit = np.stack([height, out * np.sin(turn), out * np.cos(turn)], axis=1)
        return np.asarray(self.centre + unit * self.axes)

    def pulled(self, position: Float, share: float) -> Float:
        """Return a position (3,), moved by a share of its way to the shell, in the volume."""
        off = position - self.centre
        depth = max(float(np.linalg.norm(off / self.axes)), 1e-6)
        moved = self.centre + off * (1.0 + share * (1.0 / depth - 1.0))
        return np.clip(moved, self.margin, self.size - self.margin)


@dataclass(frozen=True)
class Flow:
    """A smooth velocity field: neighbours move alike, and nothing drifts away for good.

    A sum of waves in space that oscillate in time; the first has infinite wavelength, and moves
    everything alike.
    """

    directions: Float
    """Velocity at the peak of each wave, units per frame, in the plane, (WAVES, 3)."""
    vectors: Float
    """Wave vectors, (WAVES, 3)."""
    rates: Float
    """Radians per frame, (WAVES,)."""
    phases: Float

    @classmethod
    def draw(cls, rng: np.random.Generator, speed: float, length: float) -> Flow:
        """Draw a flow of a root-mean-square speed (units per frame) and a wavelength (units)."""
        angle = rng.uniform(0.0, 2.0 * pi, WAVES)
        plane = np.stack([np.zeros(WAVES), np.sin(angle), np.cos(angle)], axis=1)
        vectors = rng.normal(size=(WAVES, 3))
        vectors *= 2.0 * pi / (length * np.linalg.norm(vectors, axis=1, keepdims=True))
        vectors[0] = 0.0
        return cls(
            directions=speed * sqrt(2.0 / WAVES) * plane,
            vectors=vectors,
            rates=2.0 * pi / rng.uniform(*PERIODS, WAVES),
            phases=rng.uniform(0.0, 2.0 * pi, WAVES),
        )

    def at(self, position: Float, t: int) -> Float:
        """Return the velocity at a position, both (3,)."""
        wave = np.sin(self.vectors @ position + self.rates * t + self.phases)
        return np.asarray(wave @ self.directions)


class Tissue:
    """The cells of a sheet and how they change from frame to frame; none leaves it."""

    def __init__(
        self,
        rng: np.random.Generator,
        law: CellLaw,
        size: Float,
        cells: int,
        distance: float,
        speed: float,
    ) -> None:
        """Lay out the sheet.

        Args:
            rng: Source of all randomness.
            law: Law of the cells.
            size: Size of the volume (z, y, x), units.
            cells: At the start.
            distance: Approximate distance of neighbours at the start, units.
            speed: Speed of the flow, units per frame.

        Raises:
            SequenceError: The volume is too small for the sheet.
        """
        self._rng, self._law = rng, law
        area = cells * distance**2 * sqrt(3.0) / 2.0  # each in a hexagon
        self._shell = Shell.fitting(size, MARGIN * law.radius, area)
        self._flow = Flow.draw(rng, speed, length=2.0 * float(self._shell.axes[1:].min()))
        self._t = self._last = 0
        places = self._shell.places(cells)
        places += rng.normal(0.0, JITTER * distance, places.shape)
        self.cells = self._settled(
            [spawn(rng, law, self._label(), place) for place in places], share=1.0
        )

    def _label(self) -> int:
        self._last += 1
        return self._last

    def step(self) -> None:
        """Advance by one frame: cells divide, or flow and crawl, and push apart."""
        rng, law = self._rng, self._law
        after: list[Cell] = []
        for cell in self.cells:
            drift = self._flow.at(cell.position, self._t)
            if cell.age >= cell.lifetime:
                carried = replace(cell, position=cell.position + drift)
                after.extend(divide(rng, law, carried, (self._label(), self._label())))
            else:
                after.append(advance(rng, law, cell, drift))
        self.cells = self._settled(after, PULL)
        self._t += 1

    def _settled(self, cells: list[Cell], share: float) -> list[Cell]:
        """Return the cells pulled to the shell, pushed apart, and inside the volume."""
        shell = self._shell
        pulled = [replace(c, position=shell.pulled(c.position, share)) for c in cells]
        return [
            replace(c, position=shell.pulled(c.position, 0.0))
            for c in pushed_apart(pulled, CONTACT)
        ]
