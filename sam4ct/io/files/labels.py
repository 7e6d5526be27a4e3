"""Label frames: what may be one, and which labels are in it.

Any whole numbers from 0 on may be labels, as long as a result can hold the cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.lineage import MAX_LABEL

LARGEST_INPUT_LABEL = int(np.iinfo(np.int32).max)


def refuse_label_type(path: Path, dtype: np.dtype[np.generic]) -> None:
    """Refuse a file whose type is not that of labels.

    Raises:
        SequenceError: They are booleans or complex. Floats may be whole numbers: those are
            for `label_frames` to see.
    """
    if dtype.kind == "b":
        raise SequenceError(
            f"{path}: the mask is only yes or no. Label your cells first, one number a cell."
        )
    if dtype.kind not in "uif":
        raise SequenceError(
            f"{path}: the mask has the type {dtype}. Save labels as integers, e.g. uint16."
        )


def refuse_negative_label(path: Path, lowest: int) -> None:
    """Refuse a file whose lowest label is below the background's 0."""
    if lowest < 0:
        raise SequenceError(
            f"{path}: the mask has the negative label {lowest}. Use 0 for the background and"
            " positive labels for cells."
        )


def refuse_non_labels(path: Path, labels: NDArray[np.generic]) -> None:
    """Refuse a frame of labels, ([z,] y, x), that cannot be tracked.

    Raises:
        SequenceError: It is of another type, a label is negative or too large, or there
            are more labels than a 16-bit result can hold.
    """
    refuse_label_type(path, labels.dtype)
    low, high = int(labels.min()), int(labels.max())
    refuse_negative_label(path, low)
    if high > LARGEST_INPUT_LABEL:
        raise SequenceError(
            f"{path}: the mask has the label {high}. Renumber its labels, at most"
            f" {LARGEST_INPUT_LABEL}."
        )
    if high > MAX_LABEL and len(np.unique(labels)) - (low == 0) > MAX_LABEL:
        raise SequenceError(
            f"{path}: the mask has more than {MAX_LABEL} labels, more than a 16-bit result"
            " can hold. Remove specks, or crop the frames."
        )


def refuse_track_label(path: Path, largest: int) -> None:
    """Refuse a label of a track that a result cannot have."""
    if largest > MAX_LABEL:
        raise SequenceError(
            f"{path}: has the label {largest}. Renumber its labels, at most {MAX_LABEL}: masks"
            " are of 16 bits."
        )


def labels_in(planes: Iterable[NDArray[np.generic]]) -> list[int]:
    """Return the labels of a frame, given plane by plane, in increasing order, without 0."""
    found: set[int] = set()
    for plane in planes:
        # Most of a plane is background, which need not be sorted.
        found.update(np.unique(plane[plane != 0]).tolist())
    return sorted(found)
