"""Read a movie from OME-Zarr 0.4 or 0.5: one array with t first, or one image a frame.

    SS.zarr/    an OME-Zarr image whose array has the axes t, [z,] y, x
    SS.zarr/    or a Zarr group of 0, 1, ... or t000, t001, ..., that is no image itself
    SS/         or a folder of t000.zarr, t001.zarr, ... and nothing else

An image is an OME-Zarr group, or, as one frame, a bare array.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import nan
from pathlib import Path

import zarr

from sam4ct.errors import SequenceError
from sam4ct.io.files import (
    Frame,
    FrameInfo,
    StoredMovie,
    file_ranges,
    in_one_message,
    list_folder,
)
from sam4ct.io.ome_zarr.array import image_array, is_zarr, open_node
from sam4ct.io.ome_zarr.metadata import AXES, describes_image
from sam4ct.io.tiff import unlike

_IN_FOLDER = re.compile(r"(t)([0-9]+)((?:\.ome)?\.zarr)")
_IN_GROUP = re.compile(r"(t?)([0-9]+)((?:(?:\.ome)?\.zarr)?)")
_BESIDE = frozenset({"OME", "labels"})
"""Groups of OME-Zarr that are not images."""


def is_frame_name(name: str) -> bool:
    """Whether a folder is named as a frame in a plain folder: `t007.zarr`."""
    return _IN_FOLDER.fullmatch(name) is not None


def is_group_of_frames(path: Path) -> bool:
    """Whether a Zarr folder is a group of numbered images, and no image itself.

    Raises:
        SequenceError: It is not a Zarr folder, or its metadata are damaged.
    """
    node = open_node(path)
    if not isinstance(node, zarr.Group) or describes_image(dict(node.attrs)):
        return False
    return any(_IN_GROUP.fullmatch(entry.name) and entry.is_dir() for entry in list_folder(path))


class ZarrVolumes(StoredMovie):
    """The frames of one array with the axes t, [z,] y, x."""

    def __init__(self, path: Path) -> None:
        """Open a folder and check its metadata; no voxel is read.

        Args:
            path: The OME-Zarr group.

        Raises:
            SequenceError: It is not a Zarr folder, or its array is missing, or has channels or
                other axes than t, [z,] y, x.
        """
        node = open_node(path)
        if not isinstance(node, zarr.Group):
            raise SequenceError(
                f"{path}: is a bare Zarr array, which does not say what its axes are."
                " Give an OME-Zarr group, e.g. the folder above."
            )
        self._image = image_array(path, node, time=AXES[:1])
        (frames, *shape), piece = self._image.info.shape, self._image.piece[1:]
        super().__init__(frames, FrameInfo(tuple(shape), self._image.info.dtype), piece)
        self.spacing_um = self._image.ome.spacing_um
        """Size of a voxel (z, y, x) as the metadata say; 1 where they do not."""
        self.interval_s = self._image.ome.interval_s
        """Seconds between frames as the metadata say; nan where they do not."""
        self.frames_of = self._image.frames_of

    @property
    def array_folder(self) -> Path | None:
        """Folder of the array, if it has the axes t, [z,] y, x and no others."""
        plain = self._image.array.shape == (self.frames, *self.shape)
        return self._image.folder if plain else None

    def _read(self, t: int, window: Sequence[slice]) -> tuple[str, Frame]:
        part: Frame = self._image.window([slice(t, t + 1), *window])[0]
        return f"{self._image.path}: frame {t}", part


class ZarrFrames(StoredMovie):
    """The frames of a folder or a Zarr group with one image a frame, ([z,] y, x)."""

    def __init__(self, path: Path) -> None:
        """Find the frames, open all of them and compare their metadata; no voxel is read.

        Raises:
            SequenceError: Frames are missing, there are other files or folders, or a frame
                differs from the first in shape or type.
        """
        self.digits, places = _complete(path)
        """Width of the frame numbers in most names."""
        self._images = tuple(image_array(place, open_node(place)) for place in places)
        self._frames = {place: t for t, place in enumerate(places)}
        first = self._images[0]
        super().__init__(len(places), first.info, first.piece)
        self.spacing_um = first.ome.spacing_um
        """Size of a voxel (z, y, x) as the first frame says; 1 where it does not."""
        self.interval_s = nan
        """Seconds between frames; images of single frames say none."""
        for image in self._images:
            if image.info != first.info:
                raise SequenceError(unlike(image.path, image.info, first.path, first.info))

    def frames_of(self, file: Path) -> range:
        """Return the frame to which a file belongs, chunk or metadata; none if to no frame."""
        t = next((self._frames[above] for above in file.parents if above in self._frames), None)
        return range(0) if t is None else range(t, t + 1)

    def _read(self, t: int, window: Sequence[slice]) -> tuple[str, Frame]:
        return f"{self._images[t].path}: frame {t}", self._images[t].window(window)


def _complete(path: Path) -> tuple[int, list[Path]]:
    """Return the width of the frame numbers, and the frames; refuse a movie with gaps."""
    found: dict[int, re.Match[str]] = {}
    problems = []
    for entry, match in _entries(path):
        if match is None:
            problems.append(f"{entry}: is not a frame. Move it away, or name it tNNN.zarr.")
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
    """Return what may be frames, each with the match of its name; in a group, only folders."""
    if not is_zarr(path):
        return [(entry, _IN_FOLDER.fullmatch(entry.name)) for entry in list_folder(path)]
    folders = (e for e in list_folder(path) if e.is_dir() and e.name not in _BESIDE)
    return [(entry, _IN_GROUP.fullmatch(entry.name)) for entry in folders]
