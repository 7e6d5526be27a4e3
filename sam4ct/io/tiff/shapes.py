"""Say why a frame may have another shape than the others, and what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import permutations
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.files import FrameInfo
from sam4ct.io.tiff.axes import MOST_CHANNELS, importing, stacking
from sam4ct.io.tiff.frame import names_z, read_info

logger = logging.getLogger(__name__)

AXES = ("z", "y", "x")


def unlike(path: Path, info: FrameInfo, first: Path, common: FrameInfo) -> str:
    """Return the message for a frame whose shape or type differs from the first one's."""
    if info.shape != common.shape:
        remedy = remedy_for_shape(info.shape, common.shape)
    else:
        remedy = "Save all frames with one type."
    return (
        f"{path}: is {info.dtype} of shape {info.shape}, but {first.name} is {common.dtype} of"
        f" shape {common.shape}. {remedy}"
    )


def remedy_for_shape(shape: Sequence[int], expected: Sequence[int]) -> str:
    """Return the likely reason for a wrong shape, and the remedy.

    Args:
        shape: Of one frame, ([z,] y, x) by its file.
        expected: Of the other frames.
    """
    axes = AXES[-len(expected) :]
    if order := _order(shape, expected):
        return (
            f"Its axes seem to be in the order ({', '.join(order)})."
            f" Save all images and masks in the order ({', '.join(axes)})."
        )
    if len(shape) != len(expected):
        count = max(shape, expected, key=len)[0]
        few = count <= MOST_CHANNELS
        channels = f"; if its {count} planes are channels, save one of them alone" if few else ""
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


def refuse_unsaid_stack(path: Path) -> None:
    """Refuse the only frame of a sequence if it may be a whole movie.

    Raises:
        SequenceError: It may be, or the file is not one grayscale 2D or 3D TIFF frame.
    """
    if unsaid := _unsaid_stack(path):
        raise SequenceError(unsaid)


def warn_of_unsaid_stack(files: Iterable[Path]) -> None:
    """Warn if there is one frame only, which is taken for a volume but may be a whole movie.

    Raises:
        SequenceError: The file is not one grayscale 2D or 3D TIFF frame.
    """
    alone, *others = files
    if not others and (unsaid := _unsaid_stack(alone)):
        logger.warning("%s It is taken for a volume.", unsaid)


def _unsaid_stack(path: Path) -> str | None:
    """Return the message for a single file that may be a movie; None if it is 2D, or names z."""
    shape = read_info(path).shape
    if len(shape) != len(AXES) or names_z(path):
        return None
    return (
        f"{path}: is the only frame, has {shape[0]} planes, and its header does not say whether"
        " they are slices or time points. If it is a movie, split it together with its"
        " masks:"
        f" {importing(path)} --axes TYX. If it is one volume, {stacking()}."
    )


def _order(shape: Sequence[int], expected: Sequence[int]) -> tuple[str, ...] | None:
    """Return the order of the axes in a shape, if it has the expected lengths; else None.

    Of several orders that fit, the one with y before x: few programs transpose a plane.
    """
    axes = AXES[-len(expected) :]
    lengths = dict(zip(axes, expected, strict=True))
    orders = permutations(axes)
    next(orders)  # the expected one
    return next((o for o in orders if [lengths[axis] for axis in o] == list(shape)), None)
