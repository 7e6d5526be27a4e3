"""Masks that are no labels, or unusual ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuzz_faults.cases import Case, Frames
from fuzz_faults.changes import LABELLED, change_all, change_one
from fuzz_faults.registry import (
    EITHER,
    FINE,
    GIVEN,
    MASKS,
    REFUSED,
    WARNED,
    Blame,
    fault,
)
from fuzz_faults.scenes import draw_movie, relabelled


@fault("pixels", GIVEN[1:], FINE)
def labels_of_other_type(case: Case, part: Frames) -> Blame:
    """Labels are stored in another type of integers."""
    kind = [np.uint8, np.int16, np.int32, np.uint32, np.int64][int(case.rng.integers(5))]
    return change_all(part, lambda frame: frame.astype(kind))


@fault("pixels", LABELLED, FINE)
def labels_of_floats(case: Case, part: Frames) -> Blame:
    """Labels are whole floating point numbers."""
    kind = [np.float32, np.float64][int(case.rng.integers(2))]
    return change_all(part, lambda frame: frame.astype(kind))


@fault("pixels", LABELLED, FINE)
def sparse_labels(case: Case, part: Frames) -> Blame:
    """Labels have gaps."""
    return change_all(part, lambda frame: frame * np.uint16(397))


@fault("pixels", LABELLED, REFUSED)
def labels_between(case: Case, part: Frames) -> Blame:
    """Labels are no whole numbers: interpolated."""
    return change_all(part, lambda frame: (frame * 0.75).astype(np.float32))


@fault("pixels", LABELLED, REFUSED)
def nan_labels(case: Case, part: Frames) -> Blame:
    """The background of masks has no value."""
    return change_all(part, lambda frame: np.where(frame == 0, np.nan, frame).astype(np.float32))


@fault("pixels", LABELLED, REFUSED)
def negative_labels(case: Case, part: Frames) -> Blame:
    """The background of masks is -1."""
    return change_all(part, lambda frame: frame.astype(np.int32) - 1)


@fault("pixels", LABELLED, EITHER)
def huge_labels(case: Case, part: Frames) -> Blame:
    """Labels do not fit into 16 bits."""
    return change_all(part, lambda frame: frame.astype(np.int32) * 70000)


@fault("pixels", MASKS, REFUSED)
def binary_masks(case: Case, part: Frames) -> Blame:
    """All cells of the masks have one label."""
    value = int(case.rng.choice([1, 255]))
    return change_all(part, lambda frame: (frame > 0).astype(np.uint8) * np.uint8(value))


@fault("pixels", MASKS, REFUSED)
def masks_of_truth_values(case: Case, part: Frames) -> Blame:
    """Masks say where cells are, not which."""
    return change_all(part, lambda frame: frame > 0)


@fault("pixels", MASKS, WARNED, prepare=EITHER)
def background_has_a_label(case: Case, part: Frames) -> Blame:
    """The background has a label like cells."""
    case.unknown()
    value = int(case.rng.choice([40, 65535]))
    return change_all(part, lambda frame: np.where(frame == 0, value, frame).astype(np.uint16))


@fault("pixels", MASKS, WARNED, prepare=EITHER)
def one_label_twice(case: Case, part: Frames) -> Blame:
    """Two cells that lie apart share a label, in every frame."""
    case.unknown()
    truth = case.movie.truth
    return [
        *part.names,
        part.folder,
        *(_merge(part, t, truth[t]) for t in range(len(part.arrays))),
    ]


def _merge(part: Frames, t: int, truth: NDArray[Any]) -> str:
    part.arrays[t][truth == 2] = part.arrays[t][truth == 6].max()
    return part.names[t]


@fault("pixels", MASKS, FINE)
def one_empty_mask(case: Case, part: Frames) -> Blame:
    """One mask has no cell."""
    case.unknown()
    return change_one(case, part, np.zeros_like)


@fault("pixels", MASKS, REFUSED)
def empty_masks(case: Case, part: Frames) -> Blame:
    """No mask has a cell."""
    return change_all(part, np.zeros_like)


@fault("pixels", ("labels",), REFUSED)
def no_labels(case: Case, part: Frames) -> Blame:
    """The labels to begin with are all background."""
    return change_all(part, np.zeros_like)


@fault("pixels", MASKS, FINE)
def specks(case: Case, part: Frames) -> Blame:
    """Single pixels have labels of their own."""

    def change(frame: NDArray[Any]) -> NDArray[Any]:
        free = np.flatnonzero(frame == 0)
        frame.flat[case.rng.choice(free, 5, replace=False)] = np.arange(101, 106)
        return frame

    case.unknown()
    return change_all(part, change)


@fault("pixels", MASKS, FINE, apart=("pixels",))
def cells_that_stay(case: Case, part: Frames) -> Blame:
    """No cell moves or changes."""
    return _redrawn(case, resize=0.0, step=0.0)


@fault("pixels", MASKS, FINE, apart=("pixels",))
def cells_that_keep_their_size(case: Case, part: Frames) -> Blame:
    """Cells move, but their masks never change."""
    return _redrawn(case, resize=0.0)


def _redrawn(case: Case, **law: float) -> Blame:
    case.movie = draw_movie(case.rng, case.ndim, **law)
    case.truth = list(case.movie.truth)
    for part in case.parts.values():
        if isinstance(part, Frames):
            images = part.kind == "images"
            movie = case.movie
            part.arrays = list(movie.images) if images else relabelled(case.rng, movie.truth)
    return []
