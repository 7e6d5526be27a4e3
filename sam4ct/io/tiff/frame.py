"""Read and write TIFF frames: one grayscale image (y, x) or volume (z, y, x) a file.

A frame is read whole, plane by plane, or by its header only. Equal frames give equal bytes.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.files import (
    UNREADABLE,
    Frame,
    FrameInfo,
    refuse_broken_chain,
    refuse_lost_planes,
    refuse_missing_data,
    refuse_other_kinds,
    replacing,
)
from sam4ct.io.tiff.axes import axes_of, names_other_planes

PLAIN: Mapping[str, Any] = {
    "byteorder": "<",
    "photometric": "minisblack",
    "compression": "zlib",
    "metadata": None,
    "software": False,
}
"""Options of label frames: the file holds nothing but pixels."""
TIFF_BYTES = 2**32 - 2**25
"""Most bytes of pixels in a TIFF that is not a BigTIFF; the rest is for tags."""


def read_info(path: Path) -> FrameInfo:
    """Return the shape and dtype of a frame without reading its pixels.

    Raises:
        SequenceError: The file is not one grayscale 2D or 3D TIFF frame.
    """
    with opened(path) as tif:
        return _info(path, tif)


def names_z(path: Path) -> bool:
    """Whether the header of a frame names it a volume, (z, y, x).

    Raises:
        SequenceError: The file is not one grayscale 2D or 3D TIFF frame.
    """
    with opened(path) as tif:
        return axes_of(path, tif).z_is_named


def read_frame(path: Path) -> Frame:
    """Return a frame, ([z,] y, x), in its own dtype and this machine's byte order.

    Raises:
        SequenceError: The file is missing, damaged, or not one grayscale frame.
    """
    with opened(path) as tif:
        info = _info(path, tif)
        refuse_missing_data(path, tif)
        return tif.series[0].asarray().reshape(info.shape).astype(info.dtype, copy=False)


def read_planes(path: Path) -> Iterator[Frame]:
    """Yield the planes (y, x) of a frame in order of z; a 2D frame has one.

    One plane is in memory at a time, or the whole frame if its tiles span several planes.
    Closing the iterator closes the file.

    Raises:
        SequenceError: The file is missing, damaged, or not one grayscale frame.
    """
    with opened(path) as tif:
        info = _info(path, tif)
        refuse_missing_data(path, tif)
        for plane in _planes(tif, info):
            yield plane.astype(info.dtype, copy=False)


def encode_frame(frame: NDArray[np.uint16]) -> memoryview:
    """Return the bytes of a label frame as a zlib-compressed TIFF.

    The bytes depend on the pixels only: no time, no software tag, fixed byte order.

    Args:
        frame: ([z,] y, x), uint16; the z planes become pages.
    """
    if frame.dtype != np.uint16 or frame.ndim not in (2, 3):
        raise ValueError(f"frame is {frame.ndim}D {frame.dtype}, not 2D or 3D uint16")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, frame, **PLAIN)
    return buffer.getbuffer()


def write_frame(path: Path, frame: NDArray[np.uint16]) -> None:
    """Write a label frame, ([z,] y, x), uint16, in one step (see `encode_frame`).

    Raises:
        WorkError: The disk is full, read-only or forbidden.
    """
    with replacing(path) as file:
        file.write(encode_frame(frame))


def write_image(path: Path, image: NDArray[Any]) -> None:
    """Write an image or volume, ([z,] y, x), with the values and the type that it has.

    Raises:
        WorkError: The disk is full, read-only or forbidden.
    """
    with replacing(path) as file:
        tifffile.imwrite(file, image, **PLAIN)


def write_planes(
    path: Path,
    planes: Iterator[NDArray[np.uint16]] | Iterator[bytes],
    shape: Sequence[int],
    options: Mapping[str, Any] = PLAIN,
) -> None:
    """Write a volume atomically, with one plane in memory; the bytes are those of `encode_frame`.

    Only a volume with more bytes than a TIFF can hold becomes a BigTIFF.

    Args:
        path: The file.
        planes: All planes (y, x), uint16, in order of z; or all their strips, encoded.
        shape: ([z,] y, x)
        options: For tifffile; by default those of label frames.

    Raises:
        WorkError: The disk is full, read-only or forbidden.
    """
    big = prod(shape) * np.dtype(np.uint16).itemsize > TIFF_BYTES
    with replacing(path) as file:
        tifffile.imwrite(file, planes, shape=tuple(shape), dtype=np.uint16, bigtiff=big, **options)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF file; errors of the block become a SequenceError.

    If its OME-XML describes other files, too, it is ignored: only the planes in the file count.
    """
    with tiff_errors(path), open_tiff(path) as tif:
        yield tif


def open_tiff(path: Path) -> tifffile.TiffFile:
    """Open a TIFF file as `opened` does; the caller closes it, and calls this in `tiff_errors`."""
    if path.stat().st_size == 0:
        raise SequenceError(f"{path}: the file is empty. Copy or export it again.")
    with contextlib.ExitStack() as stack:
        tif = stack.enter_context(tifffile.TiffFile(path))
        refuse_broken_chain(path, tif)
        if not names_other_planes(tif):
            stack.pop_all()
            return tif
    return tifffile.TiffFile(path, is_ome=False)


@contextlib.contextmanager
def tiff_errors(path: Path) -> Iterator[None]:
    """Turn what reading a TIFF file raises into a SequenceError."""
    try:
        yield
    except OSError as error:
        raise SequenceError(
            f"{path}: cannot be read ({error.strerror or error})."
            " Check that the file is there and that you may read it."
        ) from error
    except tifffile.TiffFileError as error:
        raise SequenceError(
            f"{path}: is not a TIFF file, or only the start of one. Copy or export it again."
        ) from error
    except UNREADABLE as error:
        raise SequenceError(
            f"{path}: cannot be decoded ({error}). Copy it again, or save it as a plain"
            " grayscale TIFF, uncompressed or zlib."
        ) from error


def _info(path: Path, tif: tifffile.TiffFile) -> FrameInfo:
    refuse_other_kinds(path, tif)
    shape = axes_of(path, tif).shape
    refuse_lost_planes(path, tif, shape)
    return FrameInfo(shape, np.dtype(tif.series[0].dtype).newbyteorder("="))


def _planes(tif: tifffile.TiffFile, info: FrameInfo) -> Iterator[Frame]:
    series, (height, width) = tif.series[0], info.shape[-2:]
    planes = prod(info.shape[:-2])
    if series.dataoffset is not None:
        # Not mapped: mapped pages would count as memory of this process.
        stored = np.dtype(info.dtype).newbyteorder(tif.byteorder)
        tif.filehandle.seek(series.dataoffset)
        for _ in range(planes):
            plane: Frame = tif.filehandle.read_array(stored, height * width)
            yield plane.reshape(height, width)
    elif len(tif.pages) == planes:
        for page in tif.pages:
            yield page.asarray().reshape(height, width)
    else:
        yield from series.asarray().reshape(planes, height, width)
