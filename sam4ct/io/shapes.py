"""Why the shape of a frame may differ from that of the others, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from sam4ct.io.tiff import FrameInfo
from sam4ct.io.tiff_axes import MOST_CHANNELS

AXES = ("z", "y", "x")


def unlike(path: Path, info: FrameInfo, first: Path, common: FrameInfo) -> str:
    """Return the message that a frame is unlike the first one of its movie."""
    if info.shape != common.shape:
        remedy = remedy_for_shape(info.shape, common.shape)
    else:
        remedy = "Save all frames with one type."
    return (
        f"{path}: is {info.dtype} of shape {info.shape}, but {first.name} is {common.dtype} of"
        f" shape {common.shape}. {remedy}"
    )


def remedy_for_shape(shape: Sequence[int], expected: Sequence[int]) -> str:
    """Return the likely reason for a shape, and the remedy.

    Args:
        shape: Of a frame, ([z,] y, x) as its file says.
        expected: Of all the others.
    """
    axes = AXES[-len(expected) :]
    if order := _order(shape, expected):
        return (
            f"Its axes seem to be in the order ({', '.join(order)})."
            f" Save all images and masks in the order ({', '.join(axes)})."
        )
    if len(shape) != len(expected):
        few = max(shape, expected, key=len)[0] <= MOST_CHANNELS
        channels = "; if it has channels, keep one" if few else ""
        return (
            "One is a plane, the other a volume. Save all images and masks as (y, x), or all"
            f" as (z, y, x){channels}."
        )
    if list(shape[1:]) == list(expected[1:]) and len(axes) == len(AXES):
        return (
            "Only the number of slices differs. Save all images and masks with the same"
            " slices; add empty ones where some are missing."
        )
    return "Crop or export all frames and masks to one shape."


def _order(shape: Sequence[int], expected: Sequence[int]) -> tuple[str, ...] | None:
    """The order in which a shape has the axes of the expected one; None if it has others.

    Of several orders that fit, the one with y before x: few programs turn a plane.
    """
    axes = AXES[-len(expected) :]
    lengths = dict(zip(axes, expected, strict=True))
    orders = permutations(axes)
    next(orders)  # the right one
    return next((o for o in orders if [lengths[axis] for axis in o] == list(shape)), None)
