"""Types, values and shapes of images, and of frames at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuzz_faults.cases import Case, Frames
from fuzz_faults.changes import change_all, change_one
from fuzz_faults.registry import (
    EITHER,
    FINE,
    FRAMES,
    IMAGES,
    MASKS,
    REFUSED,
    SKIP,
    WARNED,
    Blame,
    fault,
)

# Images


@fault("pixels", IMAGES, FINE)
def images_of_8_bits(case: Case, part: Frames) -> Blame:
    """Images of 8 bits."""
    return change_all(part, lambda frame: (frame // 4).clip(0, 255).astype(np.uint8))


@fault("pixels", IMAGES, FINE)
def images_of_floats(case: Case, part: Frames) -> Blame:
    """Images of floating point numbers between 0 and 1."""
    return change_all(part, lambda frame: (frame / 1000).astype(np.float32))


@fault("pixels", IMAGES, FINE)
def images_of_doubles(case: Case, part: Frames) -> Blame:
    """Images of 64-bit floating point numbers, some below zero."""
    return change_all(part, lambda frame: frame - 150.5)


@fault("pixels", IMAGES, FINE)
def images_with_sign(case: Case, part: Frames) -> Blame:
    """Images of integers with a sign, some below zero."""
    kind = [np.int16, np.int32][int(case.rng.integers(2))]
    return change_all(part, lambda frame: (frame.astype(int) - 150).astype(kind))


@fault("pixels", IMAGES, REFUSED, convert=EITHER)
def complex_images(case: Case, part: Frames) -> Blame:
    """Images of complex numbers."""
    return change_all(part, lambda frame: frame.astype(np.complex64))


@fault("pixels", IMAGES, REFUSED, convert=EITHER, validate=FINE, report=EITHER)
def nan_in_a_frame(case: Case, part: Frames) -> Blame:
    """One frame of floats has a margin without values."""

    def change(frame: NDArray[Any]) -> NDArray[Any]:
        frame[..., :5, :] = np.nan
        return frame

    part.change(lambda frame: frame.astype(np.float32))
    case.same = False
    return change_one(case, part, change)


@fault("pixels", IMAGES, REFUSED, convert=EITHER, validate=FINE, report=EITHER)
def infinity_in_a_frame(case: Case, part: Frames) -> Blame:
    """One pixel of a frame of floats is infinite."""

    def change(frame: NDArray[Any]) -> NDArray[Any]:
        frame.flat[int(case.rng.integers(frame.size))] = np.inf
        return frame

    part.change(lambda frame: frame.astype(np.float32))
    case.same = False
    return change_one(case, part, change)


@fault("pixels", IMAGES, FINE, seeds=WARNED, follow=EITHER, check_follow=EITHER, prepare=EITHER)
def constant_images(case: Case, part: Frames) -> Blame:
    """All pixels of all images have one value."""
    value = int(case.rng.choice([0, 7, 65535]))
    if "masks" not in case.parts:
        case.unknown()
        case.same = True
    return [*change_all(part, lambda frame: np.full_like(frame, value)), "seeds"]


@fault("pixels", IMAGES, FINE, follow=EITHER, check_follow=EITHER)
def one_black_image(case: Case, part: Frames) -> Blame:
    """One image is black: a shutter was closed."""
    if "masks" not in case.parts:
        case.truth = None
    return change_one(case, part, np.zeros_like)


@fault("pixels", IMAGES, FINE)
def saturated_images(case: Case, part: Frames) -> Blame:
    """Cells are as bright as a pixel can be."""
    return change_all(part, lambda frame: np.where(frame > 300, 65535, frame).astype(np.uint16))


@fault("pixels", IMAGES, REFUSED)
def other_type_of_one_image(case: Case, part: Frames) -> Blame:
    """One image has another type."""
    case.same = False
    return change_one(case, part, lambda frame: frame.astype(np.float32))


# Shapes


@fault("pixels", ("images", "masks", "result", "truth"), REFUSED)
def transposed_frame(case: Case, part: Frames) -> Blame:
    """One frame has its axes y and x swapped."""
    return change_one(case, part, lambda frame: np.ascontiguousarray(frame.swapaxes(-1, -2)))


@fault("pixels", ("images", "masks", "result", "truth"), REFUSED)
def cropped_frame(case: Case, part: Frames) -> Blame:
    """One frame lacks a row."""
    return change_one(case, part, lambda frame: frame[..., 1:, :])


@fault("pixels", MASKS, REFUSED)
def transposed_masks(case: Case, part: Frames) -> Blame:
    """All masks have their axes y and x swapped."""
    return change_all(part, lambda frame: np.ascontiguousarray(frame.swapaxes(-1, -2)))


@fault("pixels", ("images", "masks"), REFUSED, ndim=3, convert=SKIP, seeds=SKIP)
def slices_last(case: Case, part: Frames) -> Blame:
    """All volumes have z as their last axis."""
    blame = change_all(part, lambda frame: np.ascontiguousarray(np.moveaxis(frame, 0, -1)))
    return [*blame, *(name for other in case.parts.values() for name in other.names)]


@fault("pixels", ("images", "masks", "result", "truth"), REFUSED, ndim=3)
def missing_slice(case: Case, part: Frames) -> Blame:
    """One volume lacks its last slice."""
    return change_one(case, part, lambda frame: frame[:-1])


@fault("pixels", FRAMES, REFUSED)
def frame_of_nothing(case: Case, part: Frames) -> Blame:
    """One frame is a single pixel."""
    return change_one(case, part, lambda frame: frame[..., :1, :1])
