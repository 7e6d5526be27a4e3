"""The masks in Cellpose's `_seg.npy`, which is a pickle, read without running anything.

A pickle names functions to call. Here each name is looked up in a short table of stand-ins that
make arrays and text, and any other name is refused.
"""

from __future__ import annotations

import pickle
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.files import reading
from sam4ct.io.tiff import Frame

SUFFIX = "_seg.npy"
_DAMAGE = (ValueError, EOFError, MemoryError, TypeError, KeyError, zipfile.BadZipFile, zlib.error)


class _Refused(Exception):
    """A pickle names something that is not in the table."""


class _Reconstruct:
    """Stands for numpy's function that makes an empty array, which its state then fills."""

    __slots__ = ()

    def __call__(self, kind: object, *_: object) -> Frame:
        return np.ndarray.__new__(np.ndarray, (0,), np.int8)


class _FromBuffer:
    """Stands for numpy's function that makes an array from bytes."""

    __slots__ = ()

    def __call__(self, buffer: bytes, dtype: Any, shape: Any, order: Any) -> Frame:
        return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


class _Scalar:
    """Stands for numpy's function that makes a number."""

    __slots__ = ()

    def __call__(self, dtype: Any, data: bytes = b"") -> Any:
        return np.frombuffer(data, dtype=dtype)[0]


class _Bytes:
    """Stands for `codecs.encode`, by which old pickles write bytes as text."""

    __slots__ = ()

    def __call__(self, text: str, encoding: str) -> bytes:
        return str(text).encode("latin1" if encoding == "latin1" else "ascii")


_ALLOWED: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _Bytes(),
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Reconstruct() for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar() for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _FromBuffer() for core in ("core", "_core")},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _Refused(f"{module}.{name}")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused(f"persistent id {pid!r}")


def masks_of(path: Path) -> Frame | None:
    """Return the masks, ([z,] y, x), in a file of Cellpose; None if it holds a plain array.

    Raises:
        SequenceError: It is damaged, or a pickle that is not Cellpose's.
    """
    with reading(path), path.open("rb") as file, reading_numpy(path):
        version = np.lib.format.read_magic(file)
        first = version == (1, 0)
        header = (
            np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = header(file)
        if not dtype.hasobject:
            return None
        held = _unpickled(path, file)
    if isinstance(held, np.ndarray) and held.dtype.hasobject and held.size == 1:
        held = held.item()
    masks = held.get("masks") if isinstance(held, dict) else None
    if shape != () or not isinstance(masks, np.ndarray) or masks.ndim not in (2, 3):
        raise SequenceError(
            f"{path}: is a pickle without an image of masks. Give what Cellpose saves as"
            f" NAME{SUFFIX}, or save the labels with numpy.save as an array of integers."
        )
    return masks


@contextmanager
def reading_numpy(path: Path) -> Iterator[None]:
    """Turn what damaged NumPy files raise into a SequenceError."""
    try:
        yield
    except _DAMAGE as error:
        raise SequenceError(
            f"{path}: cannot be read as a NumPy file ({error}). Copy or save it again."
        ) from error


def _unpickled(path: Path, file: Any) -> Any:
    try:
        return _Unpickler(file).load()
    except _Refused as error:
        raise SequenceError(
            f"{path}: is a pickle that wants to call {error}, and is not read: it could run any"
            " program. Save the labels with numpy.save as an array of integers, or as TIFF."
        ) from error
    except (pickle.UnpicklingError, AttributeError, IndexError, RuntimeError) as error:
        raise SequenceError(
            f"{path}: cannot be read as a file of Cellpose ({error}). Save it again."
        ) from error
