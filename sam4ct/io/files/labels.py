"""Check label frames, and list the labels in them.

Any whole numbers from 0 may be labels, as long as a 16-bit result can hold the cells.
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
    """Refuse a file whose type cannot hold labels.

    Raises:
        SequenceError: The type is boolean or complex. Floats pass: `tiff.label_frames` checks
            whether they are whole numbers.
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
    """Refuse a label frame, ([z,] y, x), that cannot be tracked.

    Raises:
        SequenceError: It has another type, a negative label, one that is too large, or more
            labels than a 16-bit result can hold.
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
    """Refuse a track label that is too large for a 16-bit result."""
    if largest > MAX_LABEL:
        raise SequenceError(
            f"{path}: has the label {largest}. Renumber its labels, at most {MAX_LABEL}: masks"
            " are of 16 bits."
        )


def labels_in(planes: Iterable[NDArray[np.generic]]) -> list[int]:
    """Return the labels of a frame in increasing order, without 0; the frame is given by planes."""
    found: set[int] = set()
    for plane in planes:
        # Most of a plane is background: leave it out before sorting.
        found.update(np.unique(plane[plane != 0]).tolist())
    return sorted(found)
