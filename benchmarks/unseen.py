"""Movies of looks, shapes and motions that no network was trained on and no cost fitted to.

What is trained and fitted on is drawn in sam4ct/finetune/compact,
fit_cases.py and fit_track_cases.py. Here are crescents and bent filaments, stains of
cytoplasmic nets and of grains, bleaching, a vortex, and dashes of single cells. Uneven light
and jumps of the stage, which are here too, are trained on by laws.py.
Cells, optics, masks' errors and files are those of sam4ct.simulate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from unittest import mock

import numpy as np

from sam4ct.intensity import Image
from sam4ct.io.simulated import write_dataset
from sam4ct.simulate import Frame, MovieLaw, SegmentationErrors
from sam4ct.simulate.cells.cell import Cell, Float
from sam4ct.simulate.imaging.looks import LOOKS
from sam4ct.simulate.imaging.optics import Fields, Optics
from sam4ct.simulate.imaging.render import Stage, image
from sam4ct.simulate.movie import MIN_VISIBLE, Colony, draw_fields, pushed_apart


@dataclass(frozen=True, kw_only=True)
class UnseenLaw(MovieLaw):
    """A movie with what is only found here; its `optics.look` may be "net" or "grains"."""

    outline: str = "blob"
    """One of `OUTLINES`."""
    vortex: float = 0.0
    """Turn per frame in the middle of the frame, radians; less and less further out."""
    jump_every: int | None = None
    """Frames between jumps of the stage."""
    stage_jump: float = 2.5
    """How far, in radii."""
    dashes: float = 0.0
    """Probability per cell and frame of a dash."""
    dash: float = 2.2
    """How far, in radii."""
    vignette: float = 0.0
    """Share of the light that is missing in one corner; none is in the opposite one."""
    bleaching: float = 0.0
    """Share of the light that is lost by the last frame."""


class Crescent(Cell):
    """A cell with a bay, as stained cytoplasm around a dark nucleus at its side."""

    def depth(self, offsets: Float) -> Float:
        bay = offsets @ self.axes.T
        bay[..., 0] -= 0.8 * self.radius
        out = 2.0 - np.linalg.norm(bay, axis=-1) / (0.75 * self.radius)
        return np.maximum(super().depth(offsets), out)


class Filament(Cell):
    """A bent rod, five times as long as wide."""

    def extent(self) -> float:
        return 3.0 * self.radius

    def depth(self, offsets: Float) -> Float:
        local = offsets @ self.axes.T / self.radius
        local[..., 1] -= 0.2 * local[..., 0] ** 2 * np.sign(self.bumps[0])
        local[..., 0] = np.maximum(np.abs(local[..., 0]) - 1.6, 0.0)
        return np.asarray(np.linalg.norm(local, axis=-1) / 0.4)


OUTLINES: dict[str, type[Cell]] = {"blob": Cell, "crescent": Crescent, "filament": Filament}


def _net(f: Fields, o: Optics) -> Image:
    """Threads in the cytoplasm around a dark nucleus."""
    threads = np.exp(-((f.texture / 0.1) ** 2))
    nucleus = np.exp(-((f.rho / 0.45) ** 4))
    body = f.inside * (0.25 + o.texture * threads) * (1.0 - 0.9 * nucleus)
    return np.asarray(f.brightness * body * (1.0 + 0.5 * f.mitotic), dtype=np.float32)


def _grains(f: Fields, o: Optics) -> Image:
    """A few bright grains in a body that hardly stands out."""
    spots = np.clip(4.0 * (f.texture - 0.3), 0.0, 1.5)
    body = f.inside * (0.12 + o.texture * spots)
    return np.asarray(f.brightness * body * (1.0 + f.mitotic), dtype=np.float32)


# Looks are found by name in this table; it is the place to enter more.
LOOKS["net"] = _net
LOOKS["grains"] = _grains


class RestlessColony(Colony):
    """The cells of a movie by `UnseenLaw`."""

    def __init__(self, rng: np.random.Generator, law: UnseenLaw) -> None:
        super().__init__(rng, law)
        self._law = law
        self._t = 0
        self.cells = [self._shaped(cell) for cell in self.cells]

    def step(self) -> None:
        """Advance as any colony does, then jump, dash and swirl."""
        super().step()
        rng, law = self._rng, self._law
        self._t += 1
        jumps = law.jump_every is not None and self._t % law.jump_every == 0
        jump = self._leap(law.stage_jump) if jumps else np.zeros(len(law.shape))
        moved = []
        for cell in self.cells:
            at = self._swirled(cell.position) + jump
            if rng.random() < law.dashes:
                at = at + self._leap(law.dash)
            moved.append(replace(self._shaped(cell), position=at))
        self.cells = pushed_apart(moved, law.contact)

    def _shaped(self, cell: Cell) -> Cell:
        kind = OUTLINES[self._law.outline]
        return kind(**{f.name: getattr(cell, f.name) for f in fields(cell)})

    def _leap(self, radii: float) -> Float:
        heading = self._rng.normal(size=len(self._law.shape))
        return heading / np.linalg.norm(heading) * radii * self._law.law.radius

    def _swirled(self, position: Float) -> Float:
        """Turn a position around the middle of the plane; at its edge hardly anything moves."""
        middle = self._size[-2:] / 2.0
        y, x = position[-2:] - middle
        angle = self._law.vortex * np.exp(-(y**2 + x**2) / (0.35 * self._size[-1]) ** 2)
        sine, cosine = np.sin(angle), np.cos(angle)
        turned = middle + np.array([cosine * y - sine * x, sine * y + cosine * x])
        return np.concatenate([position[:-2], turned])


def light(law: UnseenLaw, t: int) -> Image:
    """The light that reaches each voxel in a frame, 1 where nothing is lost."""
    y, x = (np.linspace(0.0, 0.5, n) for n in law.shape[-2:])
    plane = (1.0 - law.vignette * (y[:, None] + x)) * (1.0 - law.bleaching * t / law.frames)
    return np.broadcast_to(plane, law.shape).astype(np.float32)


def simulate(rng: np.random.Generator, law: UnseenLaw) -> Iterator[Frame]:
    """Yield the frames of a movie, one at a time."""
    colony = RestlessColony(rng, law)
    stage = Stage.draw(rng, law.shape, law.optics)
    for t in range(law.frames):
        if t:
            colony.step()
        seen = draw_fields(colony.cells, law.shape, law.scale())
        seen = replace(seen, brightness=seen.brightness * light(law, t))
        sizes = np.bincount(seen.labels.ravel())
        large = set(np.flatnonzero(sizes >= MIN_VISIBLE).tolist())
        cells = {cell.label: cell for cell in colony.cells if cell.label in large}
        labels = np.where(np.isin(seen.labels, list(cells)), seen.labels, 0).astype(np.int32)
        yield Frame(image(rng, seen, law.optics, stage), labels, cells)


def write_unseen(
    folder: Path, dataset: str, law: UnseenLaw, errors: SegmentationErrors, seed: int
) -> Path:
    """Write a movie as `write_dataset` does; return the dataset's folder."""
    with mock.patch("sam4ct.io.simulated.movie.simulate", simulate):
        return write_dataset(folder, dataset, law, errors, seed)
