"""Where cells are and how they move together: scattered, in colonies, sheets or channels.

These are the cells of a movie with a `SettingLaw`; without one they are a `movie.Colony`. Cells
have positions in the sample, and the stage moves the sample: what is in view drifts and jumps
together. Around the view lies a margin; where the stage brings in new sample, new cells come with
it. Lengths are units. The same code for 2D and 3D.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from sam4ct.simulate.cells.cell import Cell, CellLaw, Float, advance, spawn
from sam4ct.simulate.cells.channels import Channels
from sam4ct.simulate.cells.pushing import apart, settled
from sam4ct.simulate.cells.shapes import FAMILIES

PACKED = 0.82
"""Share of a colony's area that its cells fill."""
ROUNDS_AT_FIRST = 20
"""Rounds of pushing apart before the first frame."""


@dataclass(frozen=True, kw_only=True)
class SettingLaw:
    """Where cells are and how they move together; lengths in radii, times in frames."""

    kind: str = "scattered"
    """"scattered"; "colonies" that grow outward; a "sheet" side by side; or "channels"."""
    colonies: int = 1
    """Number of colonies in view."""
    off_centre: float = 0.3
    """Share of the view, around its centre, in which the colonies' centres are."""
    aligned: float = 0.5
    """How similar the directions of neighbours in a colony are, 0 to 1."""
    strain: float = 0.0
    """Standard deviation of the tissue's stretching and shearing per frame."""
    jolts: float = 0.0
    """Probability per frame that the stage jumps."""
    jolt: float = 3.0
    """Largest jump of the stage."""
    channels: Channels | None = None
    """The channels, for that kind."""


class Population:
    """The cells of a movie and how they change from frame to frame."""

    def __init__(
        self,
        rng: np.random.Generator,
        law: CellLaw,
        setting: SettingLaw,
        size: Float,
        cells: int,
        drift: float,
        contact: float,
    ) -> None:
        """Place the cells.

        Args:
            rng: Source of all randomness.
            law: Law of the cells.
            setting: Where they are.
            size: Size of the view ([z,] y, x), units.
            cells: About how many are in view at the start.
            drift: Drift of the stage, radii per frame.
            contact: See `pushing.settled`.
        """
        self._rng, self._law, self._setting = rng, law, setting
        self._size, self._contact, self._count = size, contact, cells
        self._last = 0
        heading = rng.normal(size=len(size))
        if len(size) == 3:
            heading[0] = 0.0  # the stage moves in the plane only
        self._drift = heading / np.linalg.norm(heading) * drift * law.radius
        stretch = rng.normal(0.0, setting.strain, (len(size), len(size)))
        self._strain = (stretch + stretch.T) / 2.0
        self._margin = law.radius * (3.0 + drift + (setting.jolt if setting.jolts else 0.0))
        self.shift = np.zeros(len(size))
        """How far the stage has moved the sample since the first frame."""
        self._centres: list[Float] = []
        place = {
            "scattered": self._scattered,
            "colonies": self._in_colonies,
            "sheet": self._in_sheet,
            "channels": self._in_channels,
        }
        self._cells = place[setting.kind]()

    @property
    def cells(self) -> list[Cell]:
        """The cells, at their positions in view."""
        return [replace(cell, position=cell.position + self.shift) for cell in self._cells]

    def step(self) -> None:
        """Advance by one frame: cells divide, die, move and push apart; the stage moves."""
        rng, law = self._rng, self._law
        after: list[Cell] = []
        for cell in self._cells:
            if rng.random() < law.death:
                continue
            if cell.age >= cell.lifetime:
                labels = (self._label(), self._label())
                after.extend(FAMILIES[law.shape].divide(rng, law, cell, labels))
            else:
                after.append(advance(rng, law, cell, self._carried(cell.position)))
        channels = self._setting.channels
        if channels is not None:
            self._cells = channels.packed(rng, after, law.radius)
        else:
            self._cells = settled(after, self._contact)
        self._move_stage()

    def _carried(self, position: Float) -> Float:
        """Return how far the tissue, or the growth of a colony, moves a position in a frame."""
        if self._setting.kind == "colonies":
            offsets = position - np.array(self._centres)
            nearest = offsets[int(np.argmin(np.linalg.norm(offsets, axis=1)))]
            return np.asarray(nearest * (2.0 ** (1.0 / (len(position) * self._law.cycle)) - 1.0))
        return np.asarray(self._strain @ (position - self._size / 2.0))

    def _move_stage(self) -> None:
        """Move the sample; cells that leave the margin give way to new ones on the other side."""
        rng, setting = self._rng, self._setting
        move = self._drift
        if rng.random() < setting.jolts:
            heading = rng.normal(size=len(self._size))
            heading[: len(self._size) - 2] = 0.0
            move = move + heading / np.linalg.norm(heading) * (
                rng.uniform(0.3, 1.0) * setting.jolt * self._law.radius
            )
        self.shift = self.shift + move
        if setting.kind == "channels":
            self._refill_channels()
            return
        low = -self._margin - self.shift
        span = self._size + 2.0 * self._margin
        kept: list[Cell] = []
        for cell in self._cells:
            beyond = np.floor((cell.position - low) / span)
            if not beyond.any():
                kept.append(cell)
            elif setting.kind != "colonies":
                kept.append(self._new(cell.position - beyond * span))
        self._cells = kept

    def _label(self) -> int:
        self._last += 1
        return self._last

    def _new(self, position: Float) -> Cell:
        cell = spawn(self._rng, self._law, self._label(), position)
        return FAMILIES[self._law.shape].shaped(self._rng, self._law, cell)

    def _around_view(self, count: int) -> Float:
        """Return random positions in view and margin (n, D), about `count` of them in view."""
        share = float(np.prod(1.0 + 2.0 * self._margin / self._size))
        low, high = -self._margin, self._size + self._margin
        return self._rng.uniform(low, high, (round(count * share), len(self._size)))

    def _scattered(self) -> list[Cell]:
        cells = [self._new(place) for place in self._around_view(self._count)]
        return self._laid_out(cells)

    def _in_sheet(self) -> list[Cell]:
        """Return cells at the positions of a jittered hexagonal grid."""
        dims = len(self._size)
        pitch = float((self._size.prod() / (sqrt(0.75) * self._count)) ** (1.0 / dims))
        steps = np.array([pitch] * (dims - 2) + [pitch * sqrt(0.75), pitch])
        counts = np.ceil((self._size + 2.0 * self._margin) / steps).astype(int)
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), -1)
        places = grid.reshape(-1, len(steps)) * steps - self._margin
        places[:, -1] += 0.5 * pitch * (grid.reshape(-1, len(steps))[:, -2] % 2)
        places += self._rng.normal(0.0, 0.13 * pitch, places.shape)
        return [self._new(place) for place in places]

    def _in_colonies(self) -> list[Cell]:
        """Return cells side by side in discs around a few centres, neighbours aligned."""
        rng, dims = self._rng, len(self._size)
        each = max(1, round(self._count / self._setting.colonies))
        reach = self._law.radius * (each / PACKED) ** (1.0 / dims)
        cells = []
        for _ in range(self._setting.colonies):
            off = 0.5 * self._setting.off_centre
            centre = rng.uniform(0.5 - off, 0.5 + off, dims) * self._size
            self._centres.append(centre)
            stream = rng.normal(size=dims)
            bent = rng.normal(0.0, 1.5 * (1.0 - self._setting.aligned), (dims, dims))
            for n in range(each):
                way = rng.normal(size=dims)
                way *= ((n + 0.5) / each) ** (1.0 / dims) / np.linalg.norm(way)
                along = stream + bent @ way + rng.normal(0.0, 0.1, dims)
                cell = replace(self._new(centre + reach * way), axes=_axes_along(rng, along))
                cells.append(cell)
        return self._laid_out(cells)

    def _laid_out(self, cells: list[Cell]) -> list[Cell]:
        """Return cells pushed apart, without those that still overlap another one."""
        return apart(settled(cells, self._contact, ROUNDS_AT_FIRST))

    def _in_channels(self) -> list[Cell]:
        channels = self._setting.channels
        assert channels is not None
        self._filled: set[int] = set()
        self._cells = []
        self._refill_channels()
        return self._cells

    def _refill_channels(self) -> None:
        """Fill the channels that came into the margin, and drop those that left it."""
        channels = self._setting.channels
        assert channels is not None
        low = (-self._margin - self.shift)[-1]
        near = set(channels.between(low, low + self._size[-1] + 2.0 * self._margin))
        self._cells = [c for c in self._cells if channels.number(c.position[-1]) in near]
        usual = self._count / max(1.0, self._size[-1] / channels.pitch)
        for number in sorted(near - self._filled):
            count = max(0, round(usual * self._rng.normal(1.0, 0.25)))
            self._cells += channels.filled(number, self._size, count, self._new)
        self._filled = near


def _axes_along(rng: np.random.Generator, first: Float) -> Float:
    """Return orthonormal axes as rows, (D, D), the first along a direction."""
    rest = rng.normal(size=(len(first), len(first)))
    rest[:, 0] = first
    q, r = np.linalg.qr(rest)
    return np.asarray((q * np.sign(np.diag(r))).T)
