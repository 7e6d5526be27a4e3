"""Read label frames from TIFF files as integers.

The file may hold integers, or floats that are whole numbers, but no compression with loss.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import COMPRESSION

from sam4ct.errors import SequenceError
from sam4ct.io.files import FrameInfo, refuse_label_type
from sam4ct.io.tiff.frame import opened, read_frame, read_info, read_planes

logger = logging.getLogger(__name__)

Labels = NDArray[np.integer]

_JPEG = (COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.JPEG_99, COMPRESSION.ALT_JPEG)
_JPEG_LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)
"""Markers of lossless JPEG frames; those of other frames are also in 0xC0 to 0xCE."""
_NO_FRAMES = (0xC4, 0xC8, 0xCC)
_JPEG2000 = (COMPRESSION.JPEG2000, COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.APERIO_JP2000_RGB)
_COD, _TRANSFORM = b"\xff\x52", 13
"""Where a JPEG 2000 stream names its wavelet transform: 0 is the irreversible one (ISO 15444-1)."""
_LOSSY = (COMPRESSION.JPEG_LOSSY, COMPRESSION.JPEG_2000_LOSSY)
_EITHER = (
    *(COMPRESSION.JPEGXR, COMPRESSION.JPEGXR_NDPI, COMPRESSION.JPEGXL, COMPRESSION.JPEGXL_DNG),
    *(COMPRESSION.LERC, COMPRESSION.JETRAW, COMPRESSION.WEBP, COMPRESSION.WEBP_DEPRECATED),
)
"""These exist with and without loss, and the file does not easily tell which."""


def read_label_info(path: Path) -> FrameInfo:
    """Return the shape and type of a label frame without reading its pixels.

    Raises:
        SequenceError: The file is not a frame, its type cannot hold labels, or its compression
            has loss.
    """
    info = read_info(path)
    refuse_label_type(path, info.dtype)
    with opened(path) as tif:
        refuse_lossy(path, tif)
    return info


def read_label_frame(path: Path) -> Labels:
    """Return a label frame, ([z,] y, x), as integers.

    Raises:
        SequenceError: As `read_label_info`, or a float is not a whole number.
    """
    read_label_info(path)
    return whole_numbers(path, read_frame(path))


def read_label_planes(path: Path) -> Iterator[Labels]:
    """Yield the planes (y, x) of a label frame in order of z, as integers.

    Raises:
        SequenceError: As `read_label_frame`.
    """
    read_label_info(path)
    for plane in read_planes(path):
        yield whole_numbers(path, plane)


def whole_numbers(path: Path, values: NDArray[np.generic]) -> Labels:
    """Return labels as integers: floats as int64, integers unchanged.

    Args:
        path: Named in errors.
        values: Integers or floats.

    Raises:
        SequenceError: A float is not a whole number, or too large for its type to be exact.
    """
    if values.dtype.kind != "f":
        return values  # type: ignore[return-value]
    floats: NDArray[np.floating] = values  # type: ignore[assignment]
    exact = 2.0 ** (np.finfo(floats.dtype).nmant + 1)
    # NaN is not equal to itself, and infinity is above the limit.
    wrong = floats[(floats != np.rint(floats)) | (np.abs(floats) > exact)]
    if len(wrong):
        raise SequenceError(
            f"{path}: the mask has the type {floats.dtype} and the value {wrong[0]:g}; floats must"
            f" be whole numbers up to {exact:.0f} to be labels. Save labels as integers, e.g."
            " uint16, one number a cell."
        )
    return floats.astype(np.int64)


def refuse_lossy(path: Path, tif: tifffile.TiffFile) -> None:
    """Refuse labels whose compression has changed them, and warn where it may have.

    Raises:
        SequenceError: It is one with loss.
    """
    page = tif.pages.first
    name = COMPRESSION(page.compression).name
    if page.compression in _EITHER:
        _warn(path.parent, name)
    if _is_lossy(tif, page):
        raise SequenceError(
            f"{path}: is compressed with loss ({name}), which changes labels: their edges get"
            " other numbers. Export the labels again from the program that made them, uncompressed"
            " or with zlib or LZW."
        )


@cache
def _warn(folder: Path, compression: str) -> None:
    """Warn once a folder: the labels of each file are read more than once."""
    logger.warning(
        "%s: masks there are compressed as %s, which may have changed the labels. Save them"
        " uncompressed, or with zlib or LZW.",
        folder,
        compression,
    )


def _is_lossy(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> bool:
    """Whether a compression surely has loss, where needed by the first strip or tile."""
    if page.compression in _LOSSY:
        return True
    if page.compression not in _JPEG + _JPEG2000 or not page.dataoffsets:
        return False
    tif.filehandle.seek(page.dataoffsets[0])
    data = tif.filehandle.read(page.databytecounts[0])
    if page.compression in _JPEG:
        return _jpeg_frame(data) not in _JPEG_LOSSLESS
    at = data.find(_COD)
    return at >= 0 and data[at + _TRANSFORM : at + _TRANSFORM + 1] == b"\0"


def _jpeg_frame(data: bytes) -> int:
    """Return the marker of a JPEG frame, which says how it is coded; 0 without one."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            return marker
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0
