"""Simulated movies: cells that crawl, push, divide and vanish, with their exact lineage.

All randomness comes from the generator passed in: equal seeds give equal movies. Frames are made
one at a time; a movie is never in memory as a whole. Array order ([z,] y, x).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sam4ct.intensity import Image
from sam4ct.simulate.cells.cell import Cell, CellLaw, Float, advance, divide, spawn
from sam4ct.simulate.cells.populations import Population, SettingLaw
from sam4ct.simulate.imaging.camera import Camera, CameraLaw
from sam4ct.simulate.imaging.optics import Fields, Optics
from sam4ct.simulate.imaging.render import Stage, image

Labels = NDArray[np.int32]

MIN_VISIBLE = 12
"""A cell with fewer pixels in the frame counts as out of view."""


@dataclass(frozen=True, kw_only=True)
class MovieLaw:
    """Everything that defines a simulated movie, except the seed."""

    shape: tuple[int, ...]
    """Frame shape ([z,] y, x), voxels."""
    frames: int
    cells: int
    """About how many cells are in view at the start."""
    law: CellLaw
    optics: Optics = field(default_factory=Optics)
    spacing: tuple[float, ...] | None = None
    """Voxel size relative to the finest axis, ([z,] y, x); isotropic if None."""
    drift: float = 0.0
    """Common displacement per frame, in radii."""
    contact: float = 0.85
    """Cells push apart if their centres are nearer than this times the sum of their radii."""
    setting: SettingLaw | None = None
    """Where cells are and how they move together; None: blobs that wander by themselves."""
    camera: CameraLaw | None = None
    """What images show besides cells, and how they are degraded; None: nothing."""

    def scale(self) -> Float:
        return np.asarray(self.spacing or (1.0,) * len(self.shape), dtype=float)


@dataclass(frozen=True)
class Frame:
    """One simulated frame: image (float32), labels (int32; cell labels, 0 background)."""

    image: Image
    labels: Labels
    cells: dict[int, Cell]


class Colony:
    """The cells of a movie and how they change from frame to frame."""

    def __init__(self, rng: np.random.Generator, movie: MovieLaw) -> None:
        self._rng = rng
        self._movie = movie
        self._next = 1
        self._size = np.asarray(movie.shape) * movie.scale()
        self._margin = 2.0 * movie.law.radius
        self.shift = np.zeros(len(movie.shape))
        """How far the stage has moved the sample: not at all, drift here is motion of the cells."""
        heading = rng.normal(size=len(movie.shape))
        self._drift = heading / np.linalg.norm(heading) * movie.drift * movie.law.radius
        self.cells: list[Cell] = []
        wanted = round(movie.cells * float(np.prod(1.0 + 2.0 * self._margin / self._size)))
        for position in self._free_places(wanted):
            self.cells.append(spawn(rng, movie.law, self._label(), position))
        self._room = len(self.cells)

    def _label(self) -> int:
        self._next += 1
        return self._next - 1

    def _free_places(self, wanted: int) -> list[Float]:
        """Return random positions in view and margin, no two nearer than about a diameter."""
        apart = 2.0 * self._movie.contact * self._movie.law.radius
        places: list[Float] = []
        for _ in range(12 * wanted):
            if len(places) >= wanted:
                break
            at = self._rng.uniform(-self._margin, self._size + self._margin)
            if not places or np.linalg.norm(np.array(places) - at, axis=1).min() > apart:
                places.append(at)
        return places

    def step(self) -> None:
        """Advance by one frame: cells divide, die, move and push apart, and new ones enter."""
        rng, law = self._rng, self._movie.law
        after: list[Cell] = []
        for cell in self.cells:
            if rng.random() < law.death:
                continue
            if cell.age >= cell.lifetime:
                after.extend(divide(rng, law, cell, (self._label(), self._label())))
            else:
                after.append(advance(rng, law, cell, self._drift))
        pushed = pushed_apart(after, self._movie.contact)
        self.cells = [c for c in pushed if self._near_view(c)]
        self._enter()

    def _near_view(self, cell: Cell) -> bool:
        outside = np.maximum(-cell.position, cell.position - self._size)
        return bool(outside.max() < 1.5 * self._margin)

    def _enter(self) -> None:
        """Add a cell at the margin if there are fewer cells than at the start."""
        if len(self.cells) >= self._room:
            return
        at = self._rng.uniform(-self._margin, self._size + self._margin)
        side = int(self._rng.integers(len(at)))
        low = self._rng.random() < 0.5
        at[side] = -self._margin if low else self._size[side] + self._margin
        self.cells.append(spawn(self._rng, self._movie.law, self._label(), at))


def pushed_apart(cells: list[Cell], contact: float) -> list[Cell]:
    """Return cells after pushing apart those that are too near each other.

    Args:
        cells: In any number of dimensions.
        contact: Smallest distance of two centres, in sums of their radii; reached about.
    """
    if len(cells) < 2:
        return cells
    positions = np.array([c.position for c in cells])
    radii = np.array([c.radius for c in cells])
    for _ in range(3):
        tree = cKDTree(positions)
        pairs = tree.query_pairs(2.0 * float(radii.max()), output_type="ndarray")
        if not len(pairs):
            break
        a, b = pairs[:, 0], pairs[:, 1]
        between = positions[b] - positions[a]
        distance = np.linalg.norm(between, axis=1)
        overlap = np.clip(contact * (radii[a] + radii[b]) - distance, 0.0, None)
        push = between / np.maximum(distance, 1e-6)[:, None] * (0.5 * overlap)[:, None]
        np.add.at(positions, a, -push)
        np.add.at(positions, b, push)
    return [replace(c, position=position) for c, position in zip(cells, positions, strict=True)]


def box_around(cell: Cell, shape: tuple[int, ...], scale: Float, reach: float) -> tuple[slice, ...]:
    """Return the box of a frame's voxels within `reach`, units, of a cell's centre.

    Outside the frame, a slice is empty: its stop is its start.
    """
    low = np.floor((cell.position - reach) / scale).astype(int)
    high = np.ceil((cell.position + reach) / scale).astype(int) + 1
    starts = np.maximum(low, 0)
    stops = np.maximum(starts, np.minimum(high, shape))
    return tuple(slice(int(a), int(b)) for a, b in zip(starts, stops, strict=True))


def draw_fields(cells: list[Cell], shape: tuple[int, ...], scale: Float) -> Fields:
    """Draw all cells into fields; a voxel belongs to the cell in which it is deepest."""
    rho = np.full(shape, 3.0, np.float32)
    second = np.full(shape, 3.0, np.float32)
    texture = np.zeros(shape, np.float32)
    brightness = np.zeros(shape, np.float32)
    mitotic = np.zeros(shape, np.float32)
    labels = np.zeros(shape, np.int32)
    for cell in cells:
        box = box_around(cell, shape, scale, 1.5 * cell.extent() + 2.0)
        if any(s.stop <= s.start for s in box):
            continue
        grid = np.stack(
            np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), axis=-1
        )
        offsets = grid * scale - cell.position
        depth = cell.depth(offsets)
        mine = depth < rho[box]
        second[box] = np.minimum(second[box], np.where(mine, rho[box], depth))
        rho[box][mine] = depth[mine]
        within = mine & (depth < 1.0)
        texture[box][within] = cell.texture(offsets[within])
        brightness[box][mine] = cell.brightness
        mitotic[box][mine] = cell.mitotic
        labels[box][mine] = np.where(depth[mine] < 1.0, cell.label, 0)
    return Fields(rho, second, texture, brightness, mitotic, labels)


def simulate(rng: np.random.Generator, movie: MovieLaw) -> Iterator[Frame]:
    """Yield the frames of a movie, one at a time."""
    colony = _population(rng, movie)
    stage = Stage.draw(rng, movie.shape, movie.optics)
    camera = _camera(rng, movie)
    for t in range(movie.frames):
        if t:
            colony.step()
        fields = draw_fields(colony.cells, movie.shape, movie.scale())
        seen = np.bincount(fields.labels.ravel(), minlength=1)
        cells = {
            c.label: c for c in colony.cells if c.label < len(seen) and seen[c.label] >= MIN_VISIBLE
        }
        hidden = (seen > 0) & ~np.isin(np.arange(len(seen)), [0, *cells])
        labels = np.where(hidden[fields.labels], 0, fields.labels).astype(np.int32)
        if camera is None:
            picture = image(rng, fields, movie.optics, stage)
        else:
            optics = replace(movie.optics, blur_px=camera.blur(movie.optics.blur_px))
            backdrop = camera.backdrop(colony.shift)
            picture = camera.taken(image(rng, fields, optics, stage, backdrop))
        yield Frame(picture, labels, cells)


def _population(rng: np.random.Generator, movie: MovieLaw) -> Colony | Population:
    if movie.setting is None:
        return Colony(rng, movie)
    size = np.asarray(movie.shape) * movie.scale()
    return Population(rng, movie.law, movie.setting, size, movie.cells, movie.drift, movie.contact)


def _camera(rng: np.random.Generator, movie: MovieLaw) -> Camera | None:
    if movie.camera is None:
        return None
    channels = movie.setting.channels if movie.setting else None
    return Camera(rng, movie.camera, movie.shape, movie.scale(), channels)
