"""Read the cells to follow in frame 0, from a JSON of centroids or a label TIFF, and check them.

Centroids say where cells are; labels also say how large they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.files import frame_pattern, is_tiff, refuse_negative_label, refuse_track_label
from sam4ct.io.follow.centroids import AXES, read_centroids
from sam4ct.io.tiff import Frame, read_info, read_label_planes, remedy_for_shape
from sam4ct.types import VolumeReader

AROUND = (1, 2, 2)
"""Voxels (z, y, x) to either side of a centroid that must not all have one value."""
NEAR = (2, 16, 16)
"""If they have, where a darker voxel must be: cells may be saturated."""
FIRST_FRAME = 0
"""The frame of a label file whose name does not say one."""
ALIKE = 0.8
"""Least share of equal values among neighbouring labelled pixels. Labels have nearly 1,
noise-free images of 8 bits up to 0.7, and others below 0.3."""
_FRAME = frame_pattern("mask", "man_track", "man_seg")
_LOST = (
    "Do initial tracks and images belong together? Give places in voxels, from 0, in the order"
    " (z, y, x)."
)

_Found = tuple[int, Mapping[int, tuple[float, ...]], NDArray[np.int64] | None]


@dataclass(frozen=True, eq=False)
class InitialCells:
    """The cells to follow, by increasing label."""

    labels: tuple[int, ...]
    """Labels of their tracks, 1 to `MAX_LABEL`."""
    places: NDArray[np.float64]
    """(n, 3): centroids in frame 0, (z, y, x) in voxels."""
    sizes: NDArray[np.int64] | None
    """(n,): numbers of voxels; None if the file does not say."""

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.places.shape != (n, 3) or (self.sizes is not None and self.sizes.shape != (n,)):
            raise ValueError(f"{n} labels, places of shape {self.places.shape}, other sizes")
        if list(self.labels) != sorted(set(self.labels)):
            raise ValueError("labels are not in increasing order, each once")

    def __len__(self) -> int:
        return len(self.labels)


def read_initial(path: Path, shape: Sequence[int]) -> InitialCells:
    """Read the cells to follow.

    Args:
        path: A label TIFF, by its name, or a JSON of centroids. Of a TIFF, one plane is in
            memory at a time.
        shape: Of the movie's frames, (z, y, x).

    Raises:
        SequenceError: The file cannot be used or has no cells; cells are not in frame 0 or
            outside the volume; or labels do not fit into 16 bits.
    """
    labelled = is_tiff(path.name)
    frame, places, sizes = _from_labels(path, shape) if labelled else _from_centroids(path)
    if frame != 0:
        raise SequenceError(
            f"{path}: its tracks begin in frame {frame}, but cells are followed from frame 0 on."
            " Give the cells of frame 0."
        )
    refuse_track_label(path, max(places))
    cells = InitialCells(tuple(places), np.array(list(places.values()), np.float64), sizes)
    _refuse_outside(path, cells, shape)
    _refuse_same_place(path, cells)
    return cells


def _refuse_same_place(path: Path, cells: InitialCells) -> None:
    """Refuse two cells in one voxel."""
    first: dict[tuple[int, ...], int] = {}
    voxels = np.floor(cells.places + 0.5).astype(int).tolist()  # as for clicks
    for label, voxel in zip(cells.labels, voxels, strict=True):
        if (other := first.setdefault(tuple(voxel), label)) != label:
            raise SequenceError(
                f"{path}: the tracks {other} and {label} begin in the same voxel, {tuple(voxel)}"
                " (z, y, x). Remove one of the two."
            )


def refuse_background(path: Path, cells: InitialCells, volumes: VolumeReader) -> None:
    """Refuse cells at places where the image of frame 0 is empty.

    Raises:
        SequenceError: All voxels around a centroid have one value, and none near is darker.
    """
    lost = [
        (label, place)
        for label, place in zip(cells.labels, cells.places, strict=True)
        if _is_nothing(volumes, place)
    ]
    if not lost:
        return
    label, place = lost[0]
    more = f" (and those of {len(lost) - 1} more)" if len(lost) > 1 else ""
    raise SequenceError(
        f"{path}: the initial centroid of track {label} at {_told(place)}{more} lies in the"
        f" background: all voxels around it have the same value. {_LOST}"
    )


def _from_labels(path: Path, shape: Sequence[int]) -> _Found:
    """Return the frame of a label TIFF, and the centroids by label and sizes of its cells."""
    info = read_info(path)
    if info.shape != tuple(shape):
        raise SequenceError(
            f"{path}: has the shape {info.shape}, but the movie's frames have {tuple(shape)}."
            f" {remedy_for_shape(info.shape, shape)}"
        )
    cells = read_label_cells(path)
    sizes = np.array([cell.size for cell in cells.values()], np.int64)
    return frame_of(path), {label: cell.centroid for label, cell in cells.items()}, sizes


def _from_centroids(path: Path) -> _Found:
    """Return the frame and the centroids by label of a JSON; it has no sizes."""
    centroids = read_centroids(path)
    axes = len(next(iter(centroids.tracks.values())))
    if axes != len(AXES):
        raise SequenceError(
            f"{path}: its centroids are of images ({', '.join(AXES[-axes:])}), but the movie is"
            f" one of volumes. Give centroids ({', '.join(AXES)})."
        )
    return centroids.frame, centroids.tracks, None


def _refuse_outside(path: Path, cells: InitialCells, shape: Sequence[int]) -> None:
    """Refuse cells beyond the outer faces of the outermost voxels."""
    inside = (cells.places >= -0.5) & (cells.places <= np.array(shape) - 0.5)
    outside = np.flatnonzero(~inside.all(axis=1))
    if len(outside):
        first = outside[0]
        raise SequenceError(
            f"{path}: {len(outside)} of {len(cells)} initial centroids lie outside the volume of"
            f" {' x '.join(map(str, shape))} voxels (z, y, x), the first is that of track"
            f" {cells.labels[first]} at {_told(cells.places[first])}. {_LOST}"
        )


def _is_nothing(volumes: VolumeReader, place: NDArray[np.float64]) -> bool:
    at = _window(volumes, place, AROUND)
    if at.min() != at.max():
        return False
    return bool(_window(volumes, place, NEAR).min() == at.min())


def _window(volumes: VolumeReader, place: NDArray[np.float64], reach: Sequence[int]) -> Frame:
    centre = np.clip(np.rint(place).astype(int), 0, np.array(volumes.shape) - 1)
    return volumes.window(
        0, [slice(max(0, c - r), c + r + 1) for c, r in zip(centre.tolist(), reach, strict=True)]
    )


def _told(place: NDArray[np.float64]) -> str:
    return f"({', '.join(f'{c:g}' for c in place)})"


@dataclass(frozen=True)
class LabelCell:
    """One cell of a label frame."""

    centroid: tuple[float, ...]
    """(z, y, x) in voxels; z is 0 in an image."""
    size: int
    """Number of its voxels."""


def read_label_cells(path: Path) -> dict[int, LabelCell]:
    """Return the cells of a label TIFF by increasing label.

    Args:
        path: ([z,] y, x), whole numbers; 0 is background. One plane is in memory at a time.

    Raises:
        SequenceError: The file is not a label frame, looks like an image, or has no labels.
    """
    _refuse_image(path, read_label_planes(path))
    cells = cells_in_planes(path, read_label_planes(path))
    if not cells:
        raise SequenceError(
            f"{path}: has no labels, all is background. Give a frame in which cells are labelled."
        )
    return cells


def frame_of(path: Path) -> int:
    """Return the frame in the name of a label file, 5 for `man_track005.tif`; 0 without one."""
    found = _FRAME.fullmatch(path.name)
    return int(found[1]) if found else FIRST_FRAME


def _refuse_image(path: Path, planes: Iterable[NDArray[Any]]) -> None:
    """Refuse planes (y, x) of an image: its neighbouring pixels differ, those of cells do not."""
    equal = pairs = 0
    for plane in planes:
        left, right = plane[:, :-1], plane[:, 1:]
        labelled = (left != 0) & (right != 0)
        pairs += int(np.count_nonzero(labelled))
        equal += int(np.count_nonzero(labelled & (left == right)))
    if equal < ALIKE * pairs:
        raise SequenceError(
            f"{path}: looks like an image, not labels: only {equal / pairs:.0%} of neighbouring"
            " pixels have the same value. Give a file in which every cell has one number."
        )


def cells_in_planes(path: Path, planes: Iterable[NDArray[Any]]) -> dict[int, LabelCell]:
    """Return the cells of label planes (y, x), in order of z, by increasing label."""
    # Voxels and the sums of z, y and x: whole numbers far below 2**53, so floats add exactly.
    sums: dict[int, NDArray[np.float64]] = defaultdict(lambda: np.zeros(4))
    for z, plane in enumerate(planes):
        refuse_negative_label(path, int(plane.min()))
        y, x = np.nonzero(plane)
        labels, which = np.unique(plane[y, x], return_inverse=True)
        size = np.bincount(which)
        rows = np.stack([size, size * z, np.bincount(which, y), np.bincount(which, x)], axis=1)
        for label, row in zip(labels.tolist(), rows, strict=True):
            sums[label] += row
    return {
        label: LabelCell(tuple((row[1:] / row[0]).tolist()), int(row[0]))
        for label, row in sorted(sums.items())
    }
