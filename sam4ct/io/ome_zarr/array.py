"""Open the array of a Zarr image, check it, and read windows of it.

An image is an OME-Zarr group, of which the full resolution is taken, or a bare array. Axes of
length one are dropped, except y, x and those asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from sam4ct.errors import SequenceError
from sam4ct.io.ome_zarr.chunks import chunk_files, held_along
from sam4ct.io.ome_zarr.metadata import AXES, OmeImage, read_ome
from sam4ct.io.tiff import Frame, FrameInfo

ZARR_METADATA = frozenset({"zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata"})
"""Names of files that are not chunks."""
EVERY_CHUNK = "sam4ct_every_chunk_written"
"""Attribute of groups in which every chunk was written. In others an absent chunk may mean that
all of its voxels have the fill value."""
AGAIN = "Copy the folder again, or convert the images again."
_NODES = ("zarr.json", ".zgroup", ".zarray")
_BY_PLACE = ("t", "c", *AXES[1:])
"""Axes of bare arrays without names; an array with fewer axes has the last of these."""
_DAMAGE = (OSError, LookupError, RuntimeError, TypeError, ValueError)
"""What zarr and its codecs raise on damaged metadata or chunks."""

Node = zarr.Group | zarr.Array[Any]


@dataclass(frozen=True)
class ImageArray:
    """The full-resolution array of an image; from `image_array`."""

    path: Path
    """Folder of the image; named in errors."""
    folder: Path
    """Folder of the array."""
    array: zarr.Array[Any]
    ome: OmeImage
    kept: tuple[str, ...]
    """The axes that are not dropped, in order."""
    every_chunk: bool
    """Whether an absent chunk is a lost one, because all were written."""

    @property
    def info(self) -> FrameInfo:
        """Shape along the kept axes, and type of the voxels."""
        native = np.dtype(self.array.dtype).newbyteorder("=")
        return FrameInfo(self._along_kept(self.array.shape), native)

    @property
    def piece(self) -> tuple[int, ...]:
        """Shape of a chunk along the kept axes: it is decoded at once."""
        return self._along_kept(self.array.chunks)

    def window(self, window: Sequence[slice]) -> Frame:
        """Return a part of the array: one slice for each kept axis, with bounds inside.

        Raises:
            SequenceError: A chunk is missing or damaged.
        """
        wanted = dict(zip(self.kept, window, strict=True))
        index = tuple(wanted.get(axis, slice(0, 1)) for axis in self.ome.axes)
        if self.every_chunk:
            self._refuse_missing_chunks(index)
        read = self._read(index).reshape([part.stop - part.start for part in window])
        return read.astype(self.info.dtype, copy=False)

    def _along_kept(self, lengths: Sequence[int]) -> tuple[int, ...]:
        by_axis = dict(zip(self.ome.axes, lengths, strict=True))
        return tuple(int(by_axis[axis]) for axis in self.kept)

    def frames_of(self, file: Path) -> range:
        """Return the frames with voxels in a file; none if it is not a chunk or there is no t."""
        if "t" not in self.ome.axes or not file.is_relative_to(self.folder):
            return range(0)
        name = file.relative_to(self.folder).as_posix()
        return held_along(self.array, self.ome.axes.index("t"), name)

    def _refuse_missing_chunks(self, index: Sequence[slice]) -> None:
        """Refuse a window with absent chunks: zarr would fill in zeros silently."""
        for file, _ in chunk_files(self.folder, self.array, index):
            if not file.is_file():
                raise SequenceError(f"{file}: this chunk of the array is missing. {AGAIN}")

    def _read(self, index: tuple[slice, ...]) -> Frame:
        """Read a part of the array; if this fails, name the first damaged chunk."""
        try:
            return np.asarray(self.array[index])
        except _DAMAGE as error:
            for file, held in chunk_files(self.folder, self.array, index):
                self._refuse_damaged_chunk(file, held)
            raise _damaged(self.path, error) from error

    def _refuse_damaged_chunk(self, file: Path, held: tuple[slice, ...]) -> None:
        try:
            self.array[held]
        except _DAMAGE as error:
            frames = self.frames_of(file)
            which = f" of frame {frames[0]}" if len(frames) == 1 else ""
            raise SequenceError(
                f"{file}: this chunk{which} cannot be read ({error}). {AGAIN}"
            ) from error


def open_node(path: Path) -> Node:
    """Open a Zarr group or array for reading.

    Raises:
        SequenceError: It is neither of them, or its metadata are damaged.
    """
    if not path.exists():
        raise SequenceError(f"{path}: there is no such folder. Give a Zarr folder.")
    if not is_zarr(path):
        raise SequenceError(
            f"{path}: is not a Zarr folder. Give one that `sam4ct convert` or another program"
            " wrote as OME-Zarr."
        )
    with _damage_told(path):
        return zarr.open(path, mode="r")


def is_zarr(path: Path) -> bool:
    """Whether a path is a Zarr folder, by the names of its files."""
    return any(os.path.isfile(path / name) for name in _NODES)


def image_array(path: Path, node: Node, time: Sequence[str] = ()) -> ImageArray:
    """Return the array of an image, with the axes [t,] [z,] y, x; no voxel is read.

    Args:
        path: Of the image.
        node: The open group or array.
        time: ("t",) for the image of a movie, () for that of one frame.

    Raises:
        SequenceError: The array is missing or empty, or has other axes, or channels.
    """
    image = whole_array(path, node)
    kept = _kept_axes(path, image.ome, image.array.shape, tuple(time))
    return replace(image, kept=kept)


def whole_array(path: Path, node: Node) -> ImageArray:
    """Return the array of an image with all of its axes, whatever they are; no voxel is read.

    Raises:
        SequenceError: The array is missing, empty, or does not fit its metadata.
    """
    attributes = dict(node.attrs)
    if isinstance(node, zarr.Group):
        ome = read_ome(path, attributes)
        folder, array = path / ome.array, _array_in(path, node, ome.array)
    else:
        ome = OmeImage("", _bare_axes(node), (1.0, 1.0, 1.0))
        folder, array = path, node
    _refuse_unusable(folder, array)
    if array.ndim != len(ome.axes):
        raise SequenceError(
            f"{folder}: the array has {array.ndim} axes, but its metadata name"
            f" {len(ome.axes)} ({', '.join(ome.axes)}). {AGAIN}"
        )
    return ImageArray(path, folder, array, ome, ome.axes, EVERY_CHUNK in attributes)


def _array_in(path: Path, group: zarr.Group, name: str) -> zarr.Array[Any]:
    with _damage_told(path / name):
        array = group.get(name)
    if not isinstance(array, zarr.Array):
        raise SequenceError(f"{path / name}: the array or its metadata are missing. {AGAIN}")
    return array


def _bare_axes(array: zarr.Array[Any]) -> tuple[str, ...]:
    """Return the axes of an array by their names if these are known, else by their number."""
    named = getattr(array.metadata, "dimension_names", None) or ()
    axes = tuple(str(name).lower() for name in named)
    if len(set(axes)) == array.ndim and set(axes) <= set(_BY_PLACE):
        return axes
    return AXES if array.ndim == len(AXES) else _BY_PLACE[-array.ndim :]


def _refuse_unusable(folder: Path, array: zarr.Array[Any]) -> None:
    """Refuse an array without chunks, or whose voxels are not numbers."""
    files = (f for f in folder.rglob("*") if f.is_file() and f.name not in ZARR_METADATA)
    if next(files, None) is None:
        raise SequenceError(f"{folder}: the array has no chunks, all are missing. {AGAIN}")
    if array.dtype.kind not in "uif":
        raise SequenceError(f"{folder}: has the type {array.dtype}. Save it as integers or floats.")


def _kept_axes(
    path: Path, ome: OmeImage, shape: Sequence[int], time: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the axes [t,] [z,] y, x of an image; others of length one are dropped."""
    kept = tuple(
        axis for axis, n in zip(ome.axes, shape, strict=True) if n != 1 or axis in (*time, "y", "x")
    )
    if kept not in ((*time, *AXES[1:]), (*time, *AXES[2:])):
        what = "a movie" if time else "frames"
        channels = dict(zip(ome.axes, shape, strict=True)).get("c", 1)
        more = f" It has {channels} channels: save one alone." if channels > 1 else ""
        if not time and "t" in kept:
            more += " If this is the whole movie, give it by itself, as OME-Zarr."
        raise SequenceError(
            f"{path}: the array has the axes {', '.join(ome.axes)} of shape {tuple(shape)}."
            f" Give {what} with the axes {', '.join((*time, '[z,] y, x'))}.{more}"
        )
    if 0 in shape:
        raise SequenceError(f"{path}: the array is empty, its shape is {tuple(shape)}. {AGAIN}")
    return kept


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn the errors that damaged metadata raise into one SequenceError."""
    try:
        yield
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> SequenceError:
    return SequenceError(f"{path}: cannot be read ({error}). {AGAIN}")
