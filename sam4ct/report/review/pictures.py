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
    """Most of one picture."""

    pixels: int
    """Of a side."""
    bytes: int
    """Of the JPEG file."""


LARGE = Size(pixels=400, bytes=11_000)
"""Of an image that is shown large."""
SLICE = Size(pixels=300, bytes=4_600)
"""Of one of the slices of a volume that is shown large."""
SMALL = Size(pixels=220, bytes=4_000)
"""Of the frames around."""


def pictures_of(
    volumes: VolumeReader, t: int, slices: tuple[int, ...], window: Window, size: Size
) -> list[str]:
    """Return a window of the slices of a frame as `data:` URIs, all with one contrast.

    Args:
        volumes: The images.
        t: The frame.
        slices: (0,) in 2D.
        window: (y, x), pixels; black where it reaches out of the frame.
        size: Most of each picture.
    """
    planes = [() if len(volumes.shape) == 2 else (z,) for z in slices]
    crops = [cropped(volumes, t, plane, window) for plane in planes]
    seen = [crop[part] for crop, part in crops]
    if not seen[0].size:
        return [limited_uri(np.zeros(crop.shape, np.uint8), size) for crop, _ in crops]
    contrast = Contrast.of(seen)
    return [limited_uri(_grey(crop, part, contrast), size) for crop, part in crops]


def _grey(crop: Plane, part: Window, contrast: Contrast) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = np.zeros(crop.shape, np.uint8)
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
