"""The pictures of a question, as JPEG files of a strict size, so that a page's size is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam4ct.report.frames.crop import Window, cropped
from sam4ct.report.frames.projection import Contrast, Plane, jpeg_uri
from sam4ct.types import VolumeReader

SHRINK = 0.8


@dataclass(frozen=True)
class Size:
    """How large one picture may be."""

    pixels: int
    """Side of the picture."""
    bytes: int
    """Size of the JPEG file."""


LARGE = Size(pixels=360, bytes=7_200)
"""Of an image that can be shown large."""
SLICE = Size(pixels=300, bytes=3_600)
"""Of one of the slices of a volume that can be shown large."""
SMALL = Size(pixels=220, bytes=2_600)
"""Of the frames around."""


def pictures_of(
    volumes: VolumeReader,
    t: int,
    slices: tuple[int, ...],
    window: Window,
    size: Size,
    contrast: Contrast | None = None,
) -> tuple[list[str], Contrast | None]:
    """Return a window of the slices of a frame as `data:` URIs, and their contrast.

    Args:
        volumes: The images.
        t: The frame.
        slices: (0,) in 2D.
        window: (y, x), pixels; black where it reaches out of the frame.
        size: Most of each picture.
        contrast: Of the frames before, so that they can be compared; None: chosen here, and None
            again if all pixels are alike.
    """
    planes = [() if len(volumes.shape) == 2 else (z,) for z in slices]
    crops = [cropped(volumes, t, plane, window) for plane in planes]
    seen = [crop[part] for crop, part in crops]
    if contrast is None and any(np.ptp(part) for part in seen if part.size):
        contrast = Contrast.of(seen)
    greys = [_grey(crop, part, contrast) for crop, part in crops]
    return [limited_uri(grey, size) for grey in greys], contrast


def _grey(crop: Plane, part: Window, contrast: Contrast | None) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = np.zeros(crop.shape, np.uint8)
    if contrast is not None:
        grey[part] = contrast.apply(crop[part])
    return grey


def limited_uri(grey: NDArray[np.uint8], size: Size) -> str:
    """Return a square picture as a `data:` URI that is never larger than its budget.

    Where the lowest quality is not enough, as with noise, the picture is made smaller.
    """
    side = min(grey.shape[0], size.pixels)
    most = len("data:image/jpeg;base64,") + 4 * (size.bytes // 3 + 1)
    while len(uri := jpeg_uri(grey, (side, side), size.bytes)) > most:
        side = max(1, int(SHRINK * side))
    return uri
