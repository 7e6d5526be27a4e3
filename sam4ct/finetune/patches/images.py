"""The images of a dataset to learn from: a folder of TIFF volumes, or an OME-Zarr.

Both have one interface, by frame number and window. Volumes are (z, y, x).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.files import FrameFiles, frame_files, in_one_message, list_folder
from sam4ct.io.movie import open_volumes
from sam4ct.io.tiff import Frame, read_frame, read_info, spacing_of
from sam4ct.profile import Spacing

_ZARR_MARKS = ("zarr.json", ".zgroup", ".zarray")


class Images(Protocol):
    """The volumes of a dataset, by frame number."""

    def shape(self, t: int) -> tuple[int, ...]:
        """Shape of a frame, from its header; SequenceError if there is no such frame."""
        ...

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """A part of a frame, which must lie inside it, in the file's own dtype."""
        ...

    def require(self, t: int, mask: Path) -> None:
        """Refuse a mask of a frame without an image, with a SequenceError."""
        ...

    def file(self, t: int) -> Path:
        """The file whose hash is recorded: the frame itself, or the zarr.json of a Zarr."""
        ...

    def spacing_um(self, t: int) -> Spacing | None:
        """Size of a voxel (z, y, x) as the files say; None if they do not."""
        ...


def open_images(path: Path) -> Images:
    """Return the images of a dataset; no voxel is read.

    Args:
        path: Folder of volumes tNNN.tif, or an OME-Zarr.

    Raises:
        SequenceError: It is neither.
    """
    if is_zarr(path):
        return _ZarrImages(path)
    found = numbered_files(path, "t")
    if not found.files:
        raise SequenceError(f"{path}: holds no frames. Put t000.tif, t001.tif, ... there.")
    return _TiffImages(found)


def is_zarr(path: Path) -> bool:
    """Whether a path is meant as a Zarr folder; it may still be a bad one."""
    # os.path: a folder that may not be entered is refused where it is read, by its name.
    return path.suffix == ".zarr" or any(os.path.isfile(path / mark) for mark in _ZARR_MARKS)


def numbered_files(folder: Path, *prefixes: str) -> FrameFiles:
    """Return the frame files of a folder under the first prefix that any file has.

    The folder may hold text files, too (e.g. man_track.txt).

    Raises:
        SequenceError: The folder cannot be listed, or a file in it is no such frame.
    """
    names = [path.name for path in list_folder(folder)]
    prefix = next((p for p in prefixes if any(n.startswith(p) for n in names)), prefixes[0])
    found = frame_files(folder, prefix, beside=[n for n in names if n.endswith(".txt")])
    if found.problems:
        raise SequenceError(in_one_message(found.problems))
    return found


def _no_image(mask: Path, images: Path, t: int) -> SequenceError:
    return SequenceError(
        f"{mask}: {images} has no image of frame {t}. Remove the mask, or give the images it"
        " belongs to."
    )


class _TiffImages:
    """One file a frame. The last frame is kept, because its objects are cut one after the other."""

    def __init__(self, found: FrameFiles) -> None:
        self._found = found
        self._kept: tuple[int, Frame] | None = None

    def require(self, t: int, mask: Path) -> None:
        if t not in self._found.files:
            raise _no_image(mask, self._found.folder, t)

    def file(self, t: int) -> Path:
        return self._found.files[t]

    def shape(self, t: int) -> tuple[int, ...]:
        return read_info(self.file(t)).shape

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        if self._kept is None or self._kept[0] != t:
            self._kept = t, read_frame(self.file(t))
        return np.ascontiguousarray(self._kept[1][tuple(window)])

    def spacing_um(self, t: int) -> Spacing | None:
        return spacing_of(self.file(t))


class _ZarrImages:
    def __init__(self, path: Path) -> None:
        self._path, self._volumes = path, open_volumes(path)

    def file(self, t: int) -> Path:
        """The metadata of the group, the same for all frames (voxels are in thousands of files)."""
        return next(self._path / m for m in _ZARR_MARKS if (self._path / m).is_file())

    def require(self, t: int, mask: Path) -> None:
        if t >= self._volumes.frames:
            raise _no_image(mask, self._path, t)

    def shape(self, t: int) -> tuple[int, ...]:
        return self._volumes.shape

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        return self._volumes.window(t, window)

    def spacing_um(self, t: int) -> Spacing | None:
        return self._volumes.spacing_um
