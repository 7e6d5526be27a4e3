"""The cells of one label frame: where they are and how large, a plane at a time.

Owns what may be given for such a frame, and which frame it is by its name. That labels
fit a result is not asked here: any positive whole numbers are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.files import frame_pattern, refuse_negative_label
from sam4ct.io.tiff import read_label_planes

FIRST_FRAME = 0
"""Where tracks begin if the file's name does not say: with the sequence."""
ALIKE = 0.8
"""Least share of equal values among neighbouring labelled pixels. Labels have nearly 1,
noise-free images of 8 bits up to 0.7, and others below 0.3."""
_FRAME = frame_pattern("mask", "man_track", "man_seg")


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
        path: ([z,] y, x), any whole numbers; 0 is background. One plane is in memory at a time.

    Raises:
        SequenceError: The file is not a label frame, looks like an image, or has no labels.
    """
    refuse_image(path, read_label_planes(path))
    cells = cells_in_planes(path, read_label_planes(path))
    if not cells:
        raise SequenceError(
            f"{path}: has no labels, all is background. Give a frame in which cells are labelled."
        )
    return cells


def frame_of(path: Path) -> int:
    """Return the frame that the name of a label file says, e.g. 5 of `man_track005.tif`, or 0."""
    found = _FRAME.fullmatch(path.name)
    return int(found[1]) if found else FIRST_FRAME


def refuse_image(path: Path, planes: Iterable[NDArray[Any]]) -> None:
    """Refuse an image given for labels: its neighbouring pixels differ, as those of cells do not.

    Labels of single pixels, apart from each other, are fine.

    Args:
        path: Named in errors.
        planes: Planes (y, x), integers.

    Raises:
        SequenceError: Too many neighbours have different values.
    """
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
    """Return the cells of label planes by increasing label.

    Args:
        path: Named in errors.
        planes: Label planes (y, x), integers, in order of z.

    Raises:
        SequenceError: A label is negative.
    """
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
