"""Movies held in memory or mapped: NumPy files, Cellpose's `_seg.npy`, and pictures (PNG, JPEG)."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from sam4ct.errors import SequenceError
from sam4ct.io.files import reading
from sam4ct.io.formats.cellpose import masks_of, reading_numpy
from sam4ct.io.formats.movie import UNNAMED, Facts, without
from sam4ct.io.tiff import Frame

_LOSSY = frozenset({".jpg", ".jpeg"})
_GREY = frozenset({"1", "L", "P", "I", "F", "I;16", "I;16B", "I;16L"})
"""Pillow's modes with one number a pixel."""


class ArrayFile:
    """A `Movie` that is an array, mapped or in memory."""

    def __init__(
        self, path: Path, array_of: Callable[[], Frame], axes: str, channels: tuple[str, ...] = ()
    ) -> None:
        """Take an array.

        Args:
            path: Its file.
            array_of: Gives it. A file is mapped each time again: what is mapped for long counts
                as memory of this process.
            axes: As in `Facts`.
            channels: Names of the colours.

        Raises:
            SequenceError: Its elements are no numbers.
        """
        array = array_of()
        if array.dtype.kind not in "buif":
            raise SequenceError(
                f"{path}: has the type {array.dtype}. Save it as integers or floats."
            )
        self.path, self._array_of = path, array_of
        dtype = array.dtype.newbyteorder("=")
        self.facts = Facts(axes, array.shape, dtype, channels)

    def read(self, at: Mapping[int, int]) -> Frame:
        """See `Movie`."""
        with reading(self.path), reading_numpy(self.path):
            part = self._array_of()[without(at, len(self.facts.shape))]
            return np.array(part, dtype=self.facts.dtype)

    def tiff_of(self, t: int) -> Path | None:
        """See `Movie`."""
        return None

    def refuse_lossy(self) -> None:
        """See `Movie`."""
        if self.path.suffix.lower() in _LOSSY:
            raise SequenceError(
                f"{self.path}: is compressed with loss (JPEG), which changes labels. Export the"
                " labels again as PNG or TIFF."
            )


def open_npy(path: Path) -> ArrayFile:
    """Open an array, or what Cellpose saves as `_seg.npy`, of which the masks are taken.

    Raises:
        SequenceError: It is damaged, or a pickle of anything else.
    """
    if (masks := masks_of(path)) is not None:
        return ArrayFile(path, lambda: masks, "YX" if masks.ndim == 2 else "ZYX")
    with reading(path), reading_numpy(path):
        return _plain(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False))


def open_npz(path: Path) -> ArrayFile:
    """Open the only array of an archive, from an unpacked copy that is removed at the end.

    Raises:
        SequenceError: It is damaged, or holds several arrays.
    """
    with reading(path), reading_numpy(path), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise SequenceError(
                f"{path}: holds the arrays {', '.join(n.removesuffix('.npy') for n in names)}."
                " Save the one to track alone, with numpy.save."
            )
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the movie is
        with archive.open(names[0]) as packed:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        return _plain(path, lambda: _mapped(unpacked))


def open_picture(path: Path) -> ArrayFile:
    """Open a PNG, JPEG or BMP file: (y, x), or with colours (y, x, c).

    Raises:
        SequenceError: It is damaged.
    """
    with reading(path):
        try:
            with Image.open(path) as picture:
                colours = () if picture.mode in _GREY else picture.getbands()
                pixels = np.asarray(picture)
        except (UnidentifiedImageError, SyntaxError, ValueError) as error:
            raise SequenceError(
                f"{path}: cannot be decoded ({error}). Copy or export it again."
            ) from error
    return ArrayFile(path, lambda: pixels, "YXC"[: pixels.ndim], colours)


def _mapped(file: IO[bytes]) -> Frame:
    """Map an unpacked .npy."""
    file.seek(0)
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    shape, is_fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    order = "F" if is_fortran else "C"
    return np.memmap(file, dtype, "r", file.tell(), shape, order)  # type: ignore[call-overload, no-any-return]


def _plain(path: Path, array_of: Callable[[], Frame]) -> ArrayFile:
    array = array_of()
    if array.ndim < 2:
        raise SequenceError(
            f"{path}: has the shape {array.shape}, which is no image. Give an array (t, y, x)."
        )
    return ArrayFile(path, array_of, UNNAMED * (array.ndim - 2) + "YX")
