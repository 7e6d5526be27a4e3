"""Frames and windows of a movie that is one Zarr array a frame, reading no more than is asked for.

The same interface as `ome_zarr.movie`. A frame is an OME-Zarr image or a bare array,
([z,] y, x). Movies are

    SS/         a folder of t000.zarr, t001.zarr, ... and nothing else
    SS.zarr/    a Zarr group of 0, 1, ... or t000, t001, ... that is no image itself

What an array is is left to `ome_zarr.array`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import zarr

from sam4ct.errors import SequenceError
from sam4ct.io.files import file_ranges, in_one_message, list_folder, refuse_not_finite
from sam4ct.io.ome_zarr.array import image_array, is_zarr, open_node
from sam4ct.io.ome_zarr.metadata import describes_image
from sam4ct.io.tiff import Frame, unlike
from sam4ct.profile import Spacing

_IN_FOLDER = re.compile(r"(t)([0-9]+)((?:\.ome)?\.zarr)")
_IN_GROUP = re.compile(r"(t?)([0-9]+)((?:(?:\.ome)?\.zarr)?)")
_BESIDE = frozenset({"OME", "labels"})
"""Groups that OME-Zarr has beside images."""


def is_frame_name(name: str) -> bool:
    """Whether a folder has the name of a frame of a movie without a group: `t007.zarr`."""
    return _IN_FOLDER.fullmatch(name) is not None


def is_group_of_frames(path: Path) -> bool:
    """Whether a Zarr folder is a group of images with numbers, and no image itself.

    Raises:
        SequenceError: It is no Zarr, or its metadata are damaged.
    """
    node = open_node(path)
    if not isinstance(node, zarr.Group) or describes_image(dict(node.attrs)):
        return False
    return any(_IN_GROUP.fullmatch(entry.name) and entry.is_dir() for entry in list_folder(path))


class ZarrFrames:
    """The frames of one movie, ([z,] y, x), by frame number. No voxel is kept between calls."""

    def __init__(self, path: Path) -> None:
        """Find the frames, open all of them and compare their metadata; no voxel is read.

        Args:
            path: A folder or a Zarr group with one image a frame.

        Raises:
            SequenceError: Frames are missing, other things lie among them, or one is no
                frame or unlike the first in shape or type.
        """
        self._digits, places = _complete(path)
        self._images = tuple(image_array(place, open_node(place)) for place in places)
        self._frames = {place: t for t, place in enumerate(places)}
        first = self._images[0]
        self._info = first.info
        for image in self._images:
            if image.info != self._info:
                raise SequenceError(unlike(image.path, image.info, first.path, self._info))

    @property
    def frames(self) -> int:
        return len(self._images)

    @property
    def digits(self) -> int:
        """Width of the frame numbers, that of the most names."""
        return self._digits

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x)."""
        return self._info.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._info.dtype

    @property
    def piece(self) -> tuple[int, ...]:
        """The chunks of the first frame, ([z,] y, x); parts of one cost as much."""
        return self._images[0].piece

    @property
    def spacing_um(self) -> Spacing:
        """Size of a voxel (z, y, x) as the first frame says; 1 where it does not."""
        return self._images[0].spacing_um

    def frames_of(self, file: Path) -> range:
        """Return the frame to which a file of the movie belongs, metadata or not; or none."""
        t = next((self._frames[above] for above in file.parents if above in self._frames), None)
        return range(0) if t is None else range(t, t + 1)

    def frame(self, t: int) -> Frame:
        """Return a whole frame, ([z,] y, x); see `window`."""
        return self.window(t, [slice(None)] * len(self.shape))

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """Return a part of a frame; it equals `frame(t)[tuple(window)]`.

        Args:
            t: Frame number.
            window: One slice per axis, ([z,] y, x), with steps of one.

        Raises:
            SequenceError: A chunk is missing or damaged, or has NaN or infinite voxels there.
        """
        if not 0 <= t < self.frames or len(window) != len(self.shape):
            raise ValueError(f"window {t}, {window} of {self.frames} frames of {self.shape}")
        part = self._images[t].window(window)
        refuse_not_finite(f"{self._images[t].path}: frame {t}", part)
        return part


def _complete(path: Path) -> tuple[int, list[Path]]:
    """Return the width of the frame numbers, and the frames, from 0 on and without gaps."""
    found: dict[int, re.Match[str]] = {}
    problems = []
    for entry, match in _entries(path):
        if match is None:
            problems.append(f"{entry}: is no frame. Move it away, or name it tNNN.zarr.")
        elif (t := int(match[2])) in found:
            problems.append(f"{entry}: is frame {t}, as is {found[t][0]}. Remove one of them.")
        else:
            found[t] = match
    if not found:
        raise SequenceError(f"{path}: holds no frames. Put t000.zarr, t001.zarr, ... there.")
    digits = Counter(len(match[2]) for match in found.values()).most_common(1)[0][0]
    if missing := set(range(max(found) + 1)) - set(found):
        prefix, _, suffix = next(iter(found.values())).groups()
        problems.append(
            f"{path}: {file_ranges(prefix, missing, digits, suffix)} missing. Add these frames,"
            " or renumber from 0 without gaps."
        )
    if problems:
        raise SequenceError(in_one_message(problems))
    return digits, [path / found[t][0] for t in sorted(found)]


def _entries(path: Path) -> list[tuple[Path, re.Match[str] | None]]:
    """Return what may be a frame and its name as one: in a group, files belong to itself."""
    if not is_zarr(path):
        return [(entry, _IN_FOLDER.fullmatch(entry.name)) for entry in list_folder(path)]
    folders = (e for e in list_folder(path) if e.is_dir() and e.name not in _BESIDE)
    return [(entry, _IN_GROUP.fullmatch(entry.name)) for entry in folders]
