"""A simulated embryo: a curved sheet of nuclei in a large, mostly empty volume, by light sheet.

A frame is never in memory as a whole: it comes in tiles around the cells, and everything else is
0. Equal seeds give equal voxels. Array order (z, y, x); units are pixels of the finest axis.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import ceil

import numpy as np
from scipy import ndimage

from sam4ct.errors import SequenceError
from sam4ct.intensity import Image
from sam4ct.regions import Region
from sam4ct.simulate.cells.cell import Cell, CellLaw, Float
from sam4ct.simulate.embryo.tissue import Tissue
from sam4ct.simulate.imaging.looks import LOOKS
from sam4ct.simulate.imaging.optics import Optics
from sam4ct.simulate.movie import MIN_VISIBLE, box_around, draw_fields

Box = Sequence[slice]

TILE = (32, 128, 128)
"""Voxels of a tile. Noise is drawn tile by tile, so that its values depend on this size."""
BLUR_REACH = 4.0
"""Cut-off of the blur, in standard deviations."""
HAZE_RADII = 1.6
"""Standard deviation of the scattered light around a cell, in mean radii."""
HAZE_REACH = 3.0
"""Cut-off of the scattered light, in standard deviations."""

NUCLEI = CellLaw(
    radius=7.0,
    radius_spread=0.1,
    elongation=0.7,
    bumpiness=0.04,
    motion=0.15,
    cycle=60.0,
    dimmest=0.6,
)
LIGHT_SHEET = Optics(look="nucleus", texture=0.25, softness=5.0, blur_px=1.2, noise=0.12)


@dataclass(frozen=True, kw_only=True)
class EmbryoLaw:
    """Everything that defines a simulated embryo, except the seed."""

    shape: tuple[int, int, int] = (32, 512, 512)
    """Frame (z, y, x), voxels."""
    frames: int = 40
    cells: int = 400
    """Number of cells at the start."""
    followed: int = 30
    """How many of them, drawn at random, are to be followed with all their descendants."""
    anisotropy: float = 3.0
    """Distance of the slices, in pixels."""
    distance: float = 2.6
    """Approximate distance of neighbours at the start, in mean radii."""
    flow: float = 0.35
    """Root-mean-square speed of the tissue, in mean radii per frame."""
    law: CellLaw = NUCLEI
    optics: Optics = LIGHT_SHEET
    """Only `look`, `texture`, `softness`, `blur_px` and `noise` are used. All noise is shot noise:
    where there is no light, there is no noise."""
    haze: float = 0.06
    """Brightness of the light scattered by a cell of brightness 1, at its centre."""
    dimming: float = 0.4
    """Share of the light that is lost from the first slice to the last."""

    def __post_init__(self) -> None:
        if self.followed > self.cells:
            raise SequenceError(
                f"{self.followed} cells of {self.cells} cannot be followed. Ask for fewer to be"
                " followed, or for more cells."
            )

    def scale(self) -> Float:
        """Size of a voxel in units, (3,)."""
        return np.array([self.anisotropy, 1.0, 1.0])


@dataclass(frozen=True)
class EmbryoFrame:
    """One frame of an embryo: its cells, and on demand image and regions."""

    t: int
    cells: tuple[Cell, ...]
    followed: frozenset[int]
    """Labels of the cells to follow: those chosen at the start, and all their descendants."""
    law: EmbryoLaw
    noise: np.random.SeedSequence
    """Seed of this frame's noise."""

    def tiles(self) -> Iterator[tuple[tuple[slice, ...], Image]]:
        """Yield the parts of the image that are not empty, in order of (z, y, x).

        Yields:
            The slices of a tile in the frame, and its float32 voxels: 0 without light, about 1 in
            a cell. Tiles do not overlap.
        """
        for tile, cells in self._cells_by_tile().items():
            place = tuple(
                slice(i * n, min(i * n + n, whole))
                for i, n, whole in zip(tile, TILE, self.law.shape, strict=True)
            )
            signal = self._light(cells, place) + self._haze(cells, place)
            yield place, self._seen(signal, tile, place[0])

    def regions(self) -> dict[int, Region]:
        """Return the visible regions of the cells to follow, by label.

        Where two cells overlap, a voxel belongs to the one in which it is deeper. Cells with
        fewer than `MIN_VISIBLE` voxels are left out.
        """
        found = {c.label: self._region(c) for c in self.cells if c.label in self.followed}
        return {label: region for label, region in found.items() if region.size >= MIN_VISIBLE}

    def _cells_by_tile(self) -> dict[tuple[int, ...], list[Cell]]:
        """Return the cells whose light reaches a tile, by index in the grid of tiles."""
        law, scale = self.law, self.law.scale()
        haze = HAZE_REACH * HAZE_RADII * law.law.radius
        blur = BLUR_REACH * law.optics.blur_px * law.anisotropy  # upper limit for every axis
        found: dict[tuple[int, ...], list[Cell]] = defaultdict(list)
        for cell in self.cells:
            box = box_around(cell, law.shape, scale, max(haze, cell.extent() + blur))
            steps = (
                range(s.start // n, -(-s.stop // n)) if s.stop > s.start else ()
                for s, n in zip(box, TILE, strict=True)
            )
            for tile in product(*steps):
                found[tile].append(cell)
        return dict(sorted(found.items()))

    def _light(self, cells: list[Cell], place: Box) -> Image:
        """Return the blurred cells of a part of the frame, with light from around it."""
        optics, scale = self.law.optics, self.law.scale()
        sigma = [0.5 * optics.blur_px, optics.blur_px, optics.blur_px]
        halo = [ceil(BLUR_REACH * s) for s in sigma]
        around = [slice(s.start - h, s.stop + h) for s, h in zip(place, halo, strict=True)]
        shape = tuple(s.stop - s.start for s in around)
        fields = draw_fields(_seen_from(around, scale, cells), shape, scale)
        sharp = LOOKS[optics.look](fields, optics)
        blurred = ndimage.gaussian_filter(sharp, sigma, truncate=BLUR_REACH)
        return np.asarray(blurred[tuple(slice(h, -h or None) for h in halo)])

    def _haze(self, cells: list[Cell], place: Box) -> Image:
        """Return the light scattered around the cells in a part of the frame."""
        scale, width = self.law.scale(), HAZE_RADII * self.law.law.radius
        shape = tuple(s.stop - s.start for s in place)
        haze = np.zeros(shape, np.float32)
        for cell in _seen_from(place, scale, cells):
            box = box_around(cell, shape, scale, HAZE_REACH * width)
            z, y, x = (
                np.exp(-0.5 * ((np.arange(s.start, s.stop) * step - at) / width) ** 2)
                for s, step, at in zip(box, scale, cell.position, strict=True)
            )
            strength = self.law.haze * cell.brightness
            haze[box] += strength * z[:, None, None] * y[:, None] * x
        return haze

    def _seen(self, signal: Image, tile: tuple[int, ...], depth: slice) -> Image:
        """Return the light of a tile after dimming, with shot noise."""
        lost = self.law.dimming * np.arange(depth.start, depth.stop) / self.law.shape[0]
        left = np.asarray(signal * (1.0 - lost)[:, None, None], dtype=np.float32)
        own = np.random.SeedSequence(self.noise.entropy, spawn_key=(*self.noise.spawn_key, *tile))
        drawn = np.random.default_rng(own).standard_normal(left.shape, dtype=np.float32)
        noisy = left + self.law.optics.noise * drawn * np.sqrt(left)
        return np.asarray(np.clip(noisy, 0.0, None), dtype=np.float32)

    def _region(self, cell: Cell) -> Region:
        law, scale, reach = self.law, self.law.scale(), cell.extent()
        box = box_around(cell, law.shape, scale, reach)
        distance = np.linalg.norm(self._positions - cell.position, axis=1)
        near = [self.cells[i] for i in np.flatnonzero(distance < self._extents + reach)]
        shape = tuple(s.stop - s.start for s in box)
        labels = draw_fields(_seen_from(box, scale, near), shape, scale).labels
        return Region(labels == cell.label, tuple(s.start for s in box)).tight()

    @cached_property
    def _positions(self) -> Float:
        return np.array([cell.position for cell in self.cells])

    @cached_property
    def _extents(self) -> Float:
        return np.array([cell.extent() for cell in self.cells])


def _seen_from(box: Box, scale: Float, cells: list[Cell]) -> list[Cell]:
    """Return cells with positions relative to the first voxel of a box."""
    origin = np.array([s.start for s in box]) * scale
    return [replace(cell, position=cell.position - origin) for cell in cells]


def simulate_embryo(seed: np.random.SeedSequence, law: EmbryoLaw) -> Iterator[EmbryoFrame]:
    """Yield the frames of an embryo.

    Raises:
        SequenceError: The volume is too small for the cells.
    """
    life, noise = seed.spawn(2)
    rng = np.random.default_rng(life)
    radius = law.law.radius
    tissue = Tissue(
        rng,
        law.law,
        np.array(law.shape) * law.scale(),
        law.cells,
        distance=law.distance * radius,
        speed=law.flow * radius,
    )
    chosen = rng.choice([cell.label for cell in tissue.cells], law.followed, replace=False)
    followed = set(chosen.tolist())
    for t, noise_of_frame in enumerate(noise.spawn(law.frames)):
        if t:
            tissue.step()
        followed |= {cell.label for cell in tissue.cells if cell.parent in followed}
        yield EmbryoFrame(t, tuple(tissue.cells), frozenset(followed), law, noise_of_frame)
