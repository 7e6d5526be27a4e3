"""Narrow channels with one closed end, in which cells stand in a row: a mother machine.

After Wang et al. (2010). Channels run along y, closed at the small end, side by side along x.
Cells that grow push the cells between them and the open end, until these are washed away. Lengths
are in units, pixels of the finest axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from sam4ct.intensity import Image
from sam4ct.simulate.cells.cell import Cell, Float


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Geometry and looks of the channels of a movie."""

    pitch: float
    """Distance of neighbouring channels."""
    width: float
    closed: float
    """Position of the closed end along y."""
    length: float
    offset: float = 0.0
    """Position of the first channel along x."""
    slip: float = 0.05
    """Probability per frame that the outer cells of a channel slide outward."""
    light: float = 0.5
    """Brightness in the channels, in units of a cell's contrast."""
    rim: float = 0.4
    """Brightness of their walls."""
    trench: float = 0.3
    """Brightness beyond the open end."""

    def number(self, x: float) -> int:
        """Return the number of the channel nearest to a position along x."""
        return round((x - self.offset) / self.pitch)

    def between(self, low: float, high: float) -> range:
        """Return the numbers of the channels between two positions along x."""
        return range(
            int(np.ceil((low - self.offset) / self.pitch)),
            int(np.floor((high - self.offset) / self.pitch)) + 1,
        )

    def filled(
        self, number: int, size: Float, count: int, new: Callable[[Float], Cell]
    ) -> list[Cell]:
        """Return new cells that fill a channel from its closed end.

        Args:
            number: Number of the channel.
            size: Size of the view, ([z,] y, x); cells stand in its middle slice.
            count: How many at most; fewer if the channel is full.
            new: Makes a cell at a position.
        """
        cells: list[Cell] = []
        end = self.closed
        for _ in range(count):
            place = size / 2.0
            place[-1] = self.offset + number * self.pitch
            cell = new(place)
            place[-2] = end + 0.51 * _length(cell)
            end += 1.02 * _length(cell)
            if end > self.closed + self.length:
                break
            cells.append(replace(cell, position=place, axes=_upright(cell.axes)))
        return cells

    def packed(self, rng: np.random.Generator, cells: list[Cell], radius: float) -> list[Cell]:
        """Return cells in rows without overlap, without those that were washed away.

        Args:
            rng: Source of all randomness.
            cells: At positions that ignore the channels.
            radius: Mean radius of the cells; outer cells slide by 0.3 to 3 radii.
        """
        rows: dict[int, list[Cell]] = {}
        for cell in cells:
            rows.setdefault(self.number(cell.position[-1]), []).append(cell)
        kept = []
        for number, row in sorted(rows.items()):
            row.sort(key=lambda cell: float(cell.position[-2]))
            slides = rng.random() < self.slip
            first = int(rng.integers(len(row))) if slides else len(row)
            end = self.closed
            for n, cell in enumerate(row):
                half = _length(cell) / 2.0
                end += radius * rng.uniform(0.3, 3.0) if n == first else 0.0
                place = cell.position.copy()
                place[-2] = max(place[-2], end + half)
                place[-1] = self.offset + number * self.pitch + rng.normal(0.0, 0.03 * self.width)
                end = place[-2] + half
                if end - half < self.closed + self.length:
                    kept.append(replace(cell, position=place, axes=_upright(cell.axes)))
        return kept

    def picture(self, shape: tuple[int, ...], scale: Float, shift: Float) -> Image:
        """Return an image of the empty channels.

        Args:
            shape: Shape of the frame, ([z,] y, x).
            scale: Voxel size, units.
            shift: How far the stage has moved the sample, units.
        """
        y = np.arange(shape[-2]) * scale[-2] - shift[-2]
        x = np.arange(shape[-1]) * scale[-1] - shift[-1]
        across = np.abs((x - self.offset + self.pitch / 2.0) % self.pitch - self.pitch / 2.0)
        soft = 0.08 * self.width
        within = expit((self.width / 2.0 - across) / soft)
        along = expit((y - self.closed) / soft) * expit((self.closed + self.length - y) / soft)
        wall = np.exp(-(((across - self.width / 2.0) / (1.5 * soft)) ** 2))
        cap = np.exp(-(((y - self.closed) / (1.5 * soft)) ** 2))
        plane = along[:, None] * (self.light * within + self.rim * wall)
        plane += self.rim * cap[:, None] * within
        plane += self.trench * expit((y - self.closed - self.length) / soft)[:, None]
        return np.broadcast_to(plane, shape).astype(np.float32)


def _length(cell: Cell) -> float:
    """Return the length of a cell along the channel."""
    centres, radii = cell.discs()
    return float(np.ptp(centres[:, 0]) + 2.0 * radii.max())


def _upright(axes: Float) -> Float:
    """Return axes whose first one is along y, in the direction nearest to its own."""
    dims = len(axes)
    order = [dims - 2, *(n for n in range(dims) if n != dims - 2)]
    upright = np.eye(dims)[order]
    upright[0] *= 1.0 if axes[0, dims - 2] >= 0 else -1.0
    return upright
