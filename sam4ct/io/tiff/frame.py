"""TIFF frames: read whole, by window or by header only; written the same way every time.

Owns what a file on disk is: one grayscale frame, 2D (y, x) or 3D (z, y, x). `tiff.axes` decides
which axes it has, `files.tiff_faults` what is wrong with it, and the readers in `io.ctc` what its
values mean.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.files import (
    UNREADABLE,
    refuse_broken_chain,
    refuse_lost_planes,
    refuse_missing_data,
    refuse_other_kinds,
    replacing,
)
from sam4ct.io.tiff.axes import axes_of, names_other_planes

Frame = NDArray[np.generic]

PLAIN: Mapping[str, Any] = {
    "byteorder": "<",
    "photometric": "minisblack",
    "compression": "zlib",
    "metadata": None,
    "software": False,
}
"""How label frames are written: nothing in the file but pixels."""
TIFF_BYTES = 2**32 - 2**25
"""Most bytes of pixels in a TIFF that is no BigTIFF, with room for its tags."""


@dataclass(frozen=True)
class FrameInfo:
    """What the header of a frame says."""

    shape: tuple[int, ...]
    """([z,] y, x)"""
    dtype: np.dtype[np.generic]
    """In the byte order of this machine."""


def read_info(path: Path) -> FrameInfo:
    """Return the shape and dtype of a frame without reading its pixels.

    Raises:
        SequenceError: The file is not one grayscale 2D or 3D TIFF frame.
    """
    with opened(path) as tif:
        return _info(path, tif)


def names_z(path: Path) -> bool:
    """Whether the header of a frame says that it is a volume, (z, y, x).

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


def read_window(path: Path, window: Sequence[slice]) -> Frame:
    """Return a part of a frame; it equals `read_frame(path)[window]`.

    Uncompressed files are mapped, so only the pages of memory under the window are
    read; of compressed ones, only the z planes that the window touches.

    Args:
        path: The file.
        window: One slice per axis, ([z,] y, x), with steps of one.

    Raises:
        SequenceError: The file is missing, damaged, or has another number of axes.
    """
    with opened(path) as tif:
        info = _info(path, tif)
        if len(window) != len(info.shape):
            raise SequenceError(
                f"{path}: the frame has {len(info.shape)} axes, but a window of {len(window)}"
                " was asked for. Use 2D or 3D files throughout."
            )
        refuse_missing_data(path, tif)
        part = _window(path, tif, info, tuple(window))
        return np.ascontiguousarray(part.astype(info.dtype, copy=False))


def read_planes(path: Path) -> Iterator[Frame]:
    """Yield the planes (y, x) of a frame in order of z; one alone of a 2D frame.

    Holds one plane in memory, but files in tiles that span several planes are decoded
    whole. Closing the iterator closes the file.

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


def write_planes(
    path: Path,
    planes: Iterator[NDArray[np.uint16]] | Iterator[bytes],
    shape: Sequence[int],
    options: Mapping[str, Any] = PLAIN,
) -> None:
    """Write a volume in one step, holding one plane at a time; the bytes are `encode_frame`'s.

    Only a volume of more bytes than a TIFF can hold becomes a BigTIFF.

    Args:
        path: The file.
        planes: All planes (y, x), uint16, in order of z; or all their strips, encoded.
        shape: ([z,] y, x)
        options: Of the file; by default those of label frames.

    Raises:
        WorkError: The disk is full, read-only or forbidden.
    """
    big = prod(shape) * np.dtype(np.uint16).itemsize > TIFF_BYTES
    with replacing(path) as file:
        tifffile.imwrite(file, planes, shape=tuple(shape), dtype=np.uint16, bigtiff=big, **options)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF file; whatever goes wrong inside becomes a SequenceError.

    Where its OME-XML is of other files, too, the file is opened without it: its own planes count.
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


def _window(
    path: Path, tif: tifffile.TiffFile, info: FrameInfo, window: tuple[slice, ...]
) -> Frame:
    series = tif.series[0]
    if series.dataoffset is not None:
        stored = np.dtype(info.dtype).newbyteorder(tif.byteorder)
        mapped: Frame = np.memmap(path, stored, "r", series.dataoffset, info.shape)
        return np.array(mapped[window])
    if len(info.shape) == 3 and len(tif.pages) == info.shape[0]:
        planes = range(*window[0].indices(info.shape[0]))
        parts = [tif.pages[z].asarray()[window[1:]] for z in planes]
        if parts:
            return np.stack(parts)
    return np.asarray(series.asarray().reshape(info.shape)[window])


def _planes(tif: tifffile.TiffFile, info: FrameInfo) -> Iterator[Frame]:
    series, (height, width) = tif.series[0], info.shape[-2:]
    planes = prod(info.shape[:-2])
    if series.dataoffset is not None:
        # Read, not mapped: mapped pages would count as this process's memory.
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
