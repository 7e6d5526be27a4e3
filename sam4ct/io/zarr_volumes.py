"""Frames and windows of a movie in an OME-Zarr folder, reading no more than is asked for.

Reads what `sam4ct convert` writes (Zarr 3, OME-Zarr 0.5) and what others write as
OME-Zarr 0.4 or 0.5: one array with t first, of which the full resolution is taken.
Axes of length one, but t, y and x, carry nothing and are dropped, as `tiff` does. What
the metadata mean is left to `ome`, writing to `zarr_write`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from sam4ct.errors import SequenceError
from sam4ct.io.ome import AXES, OmeImage, read_ome
from sam4ct.io.tiff import Frame
from sam4ct.profile import Spacing

EVERY_CHUNK = "sam4ct_every_chunk_written"
"""Attribute of groups in which every chunk was written. Elsewhere an absent chunk
may well mean that all of its voxels have the fill value."""
_METADATA = frozenset({"zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata"})
_AGAIN = "Copy the folder again, or convert the images again."


class ZarrVolumes:
    """The frames of one movie, ([z,] y, x), by frame number. Nothing is kept between calls."""

    def __init__(self, path: Path) -> None:
        """Open a folder and check its metadata; no voxel is read.

        Args:
            path: The OME-Zarr group.

        Raises:
            SequenceError: It is no Zarr, its array is missing or has other axes than
                t, [z,] y, x, or it has channels.
        """
        self._path = path
        group = _opened_group(path)
        attributes = dict(group.attrs)
        self._ome = read_ome(path, attributes)
        self._array = _array_of(path, group, self._ome)
        self._every_chunk = EVERY_CHUNK in attributes
        self._axes = _kept_axes(path, self._ome, self._array.shape)
        size = dict(zip(self._ome.axes, self._array.shape, strict=True))
        self._frames, *shape = (int(size[axis]) for axis in self._axes)
        self._shape = tuple(shape)

    @property
    def frames(self) -> int:
        return self._frames

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x)."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(self._array.dtype).newbyteorder("=")

    @property
    def piece(self) -> tuple[int, ...]:
        """The chunks, ([z,] y, x): what is decoded at once; parts of one cost as much."""
        chunks = dict(zip(self._ome.axes, self._array.chunks, strict=True))
        return tuple(int(chunks[axis]) for axis in self._axes[1:])

    @property
    def spacing_um(self) -> Spacing:
        """Size of a voxel (z, y, x) as the file says; 1 where it does not."""
        return self._ome.spacing_um

    def frame(self, t: int) -> Frame:
        """Return a whole frame, ([z,] y, x); see `window`."""
        return self.window(t, [slice(None)] * len(self._shape))

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """Return a part of a frame; it equals `frame(t)[tuple(window)]`.

        Args:
            t: Frame number.
            window: One slice per axis, ([z,] y, x), with steps of one.

        Raises:
            SequenceError: A chunk is missing or damaged.
        """
        if not 0 <= t < self._frames or len(window) != len(self._shape):
            raise ValueError(f"window {t}, {window} of {self._frames} frames of {self._shape}")
        bounds = [slice(*part.indices(n)[:2]) for part, n in zip(window, self._shape, strict=True)]
        wanted = dict(zip(self._axes, [slice(t, t + 1), *bounds], strict=True))
        index = tuple(wanted.get(axis, slice(0, 1)) for axis in self._ome.axes)
        if self._every_chunk:
            self._refuse_missing_chunks(index)
        with _damage_told(self._path):
            read = np.asarray(self._array[index])
        shape = [max(0, part.stop - part.start) for part in bounds]
        return np.ascontiguousarray(read.reshape(shape).astype(self.dtype, copy=False))

    def _refuse_missing_chunks(self, index: Sequence[slice]) -> None:
        """Zarr would fill an absent chunk with zeros without a word."""
        sizes = self._array.chunks
        touched = (
            range(part.start // n, -(-part.stop // n)) if part.stop > part.start else ()
            for part, n in zip(index, sizes, strict=True)
        )
        for chunk in product(*touched):
            key = self._array.metadata.encode_chunk_key(chunk)
            file = self._path / self._ome.array / key
            if not file.is_file():
                raise SequenceError(f"{file}: this chunk of the array is missing. {_AGAIN}")


def _opened_group(path: Path) -> zarr.Group:
    if not path.exists():
        raise SequenceError(f"{path}: there is no such folder. Give a Zarr folder.")
    kinds = {name for name in ("zarr.json", ".zgroup", ".zarray") if (path / name).is_file()}
    if not kinds:
        raise SequenceError(
            f"{path}: is no Zarr folder. Give one that `sam4ct convert` or another program"
            " wrote as OME-Zarr."
        )
    with _damage_told(path):
        node = zarr.open(path, mode="r")
    if not isinstance(node, zarr.Group):
        raise SequenceError(
            f"{path}: is a bare Zarr array, which does not say what its axes are."
            " Give an OME-Zarr group, e.g. the folder above."
        )
    return node


def _array_of(path: Path, group: zarr.Group, ome: OmeImage) -> zarr.Array[Any]:
    """The array that the metadata name; refused if it is not there, or there is no voxel of it."""
    folder = path / ome.array
    with _damage_told(folder):
        array = group.get(ome.array)
    if not isinstance(array, zarr.Array):
        raise SequenceError(f"{folder}: the array or its metadata are missing. {_AGAIN}")
    files = (file for file in folder.rglob("*") if file.is_file() and file.name not in _METADATA)
    if next(files, None) is None:
        raise SequenceError(f"{folder}: the array has no chunks, all are missing. {_AGAIN}")
    if array.dtype.kind not in "uif":
        raise SequenceError(f"{folder}: has the type {array.dtype}. Save it as integers or floats.")
    if array.ndim != len(ome.axes):
        raise SequenceError(
            f"{folder}: the array has {array.ndim} axes, but its metadata name"
            f" {len(ome.axes)} ({', '.join(ome.axes)}). {_AGAIN}"
        )
    return array


def _kept_axes(path: Path, ome: OmeImage, shape: Sequence[int]) -> tuple[str, ...]:
    """The axes of a movie, t, [z,] y, x, without those of length one that may go."""
    kept = tuple(
        axis for axis, n in zip(ome.axes, shape, strict=True) if n != 1 or axis in ("t", "y", "x")
    )
    if kept not in (AXES, (AXES[0], *AXES[2:])):
        one_channel = " Save one channel alone." if "c" in kept else ""
        raise SequenceError(
            f"{path}: the array has the axes {', '.join(ome.axes)} of shape {tuple(shape)}."
            f" Give a movie with the axes t, [z,] y, x.{one_channel}"
        )
    if 0 in shape:
        raise SequenceError(f"{path}: the array is empty, its shape is {tuple(shape)}. {_AGAIN}")
    return kept


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn whatever damaged metadata or chunks raise in zarr and its codecs into one error."""
    try:
        yield
    except (OSError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise SequenceError(f"{path}: cannot be read ({error}). {_AGAIN}") from error
