"""Files of microscopes, each read by an optional package, which is imported when it is needed.

A file of several images (positions, series, scenes) is taken apart by a path below it:
`plate.nd2/0` is the first of them, `day1.lif/Series003` one by its name.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.formats.movie import Facts, read_pages
from sam4ct.io.tiff import Frame

Decoded = Callable[[Sequence[int]], Frame]
"""Gives the plane (y, x) at a place along the axes before y."""
_OTHERS = re.compile(
    "lsm|oib|oif|oir|vsi|ims|dv|stk|mvd2|sld|zvi|hdf?5|mat|avi|mp4|mov|nii|nrrd|mha"
)


@dataclass(frozen=True)
class _Reader:
    package: str
    view: Callable[[Path, Any, str | None], tuple[Facts, Decoded]]
    """Of an open file and the image asked for in it: what it says, and how it is read."""
    opener: str
    """The class of the package that opens a file."""


class VendorMovie:
    """A `Movie` in a file of a microscope."""

    def __init__(self, path: Path, facts: Facts, decoded: Decoded) -> None:
        self.path, self.facts, self._decoded = path, facts, decoded

    def read(self, at: Mapping[int, int]) -> Frame:
        """See `Movie`."""
        with _damage_told(self.path):
            return read_pages(self.facts, self.facts.shape[-2:], self._decoded, at)

    def tiff_of(self, t: int) -> Path | None:
        """See `Movie`."""
        return None

    def refuse_lossy(self) -> None:
        """See `Movie`: segmenters do not write these formats."""


def is_vendor(path: Path) -> bool:
    """Whether a path is a file of a microscope by its ending, or names an image in one."""
    return _split(path) is not None


def refuse_unknown(path: Path) -> None:
    """Refuse a file in a format for which there is no reader."""
    ending = path.suffix.lower().removeprefix(".")
    what = (
        f"the format {ending.upper()} is not read here"
        if _OTHERS.fullmatch(ending)
        else "is no image"
    )
    raise SequenceError(
        f"{path}: {what}. Save it as a TIFF stack or OME-TIFF, e.g. with File > Save As in Fiji."
    )


@contextmanager
def open_vendor(path: Path) -> Iterator[VendorMovie]:
    """Open a file of a microscope.

    Raises:
        SequenceError: Its package is not installed, or the file is damaged, or it holds
            several images and the path names none.
    """
    split = _split(path)
    if split is None:
        raise ValueError(f"{path} is no file of a microscope")
    file, image = split
    reader = READERS[file.suffix.lower()]
    try:
        module = importlib.import_module(reader.package)
    except ImportError as error:
        raise SequenceError(
            f"{file}: {file.suffix[1:].upper()} is read with the package {reader.package}, which"
            " is not installed. Install it: pip install 'sam4ct[formats]'"
            f" (or: pip install {reader.package}); or save the movie as OME-TIFF."
        ) from error
    with _damage_told(file):
        opened = getattr(module, reader.opener)(file)
    with opened:
        with _damage_told(file):
            facts, decoded = reader.view(file, opened, image)
        yield VendorMovie(path, facts, decoded)


def _split(path: Path) -> tuple[Path, str | None] | None:
    """The file, and the image that is named below it, if any."""
    if path.suffix.lower() in READERS:
        return path, None
    above = path.parent
    return (above, path.name) if above.suffix.lower() in READERS and above.is_file() else None


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what the packages raise on damaged files into a SequenceError."""
    try:
        yield
    except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise SequenceError(
            f"{path}: cannot be read ({error}). Copy it again, or save it as OME-TIFF."
        ) from error


def _chosen(path: Path, names: Sequence[str], asked: str | None) -> int:
    """The number of the image asked for, by its number or name; the only one if none is."""
    if asked is None and len(names) == 1:
        return 0
    if asked in names:
        return names.index(str(asked))
    if asked is not None and asked.isdecimal() and int(asked) < len(names):
        return int(asked)
    listed = ", ".join(f"{number}: {name}" for number, name in enumerate(names[:20]))
    raise SequenceError(
        f"{path}: holds {len(names)} images ({listed}). Give one of them, e.g. {path / '0'}."
    )


def _nd2(path: Path, file: Any, asked: str | None) -> tuple[Facts, Decoded]:
    sizes = dict(file.sizes)
    loops = [axis for axis in sizes if axis not in "CSYX"]
    position = _chosen(path, [str(p) for p in range(sizes.get("P", 1))], asked)
    lead = [axis for axis in loops if axis != "P"]
    has_channels = sizes.get("C", 1) > 1
    axes = [*lead, *(["C"] if has_channels else []), "Y", "X"]
    numbers = np.arange(int(np.prod([sizes[axis] for axis in loops]))).reshape(
        [sizes[axis] for axis in loops]
    )

    def decoded(places: Sequence[int]) -> Frame:
        place = dict(zip(axes, places, strict=False)) | {"P": position}
        frame = np.asarray(file.read_frame(int(numbers[tuple(place[axis] for axis in loops)])))
        return frame[place["C"]] if has_channels else frame.reshape(sizes["Y"], sizes["X"])

    channels = tuple(str(c.channel.name) for c in file.metadata.channels or ())
    size = file.voxel_size()
    periods = [
        loop.parameters.periodMs / 1000.0
        for loop in file.experiment
        if hasattr(loop.parameters, "periodMs")
    ]
    shape = tuple(sizes[axis] for axis in axes)
    spacing = (size.z, size.y, size.x)
    interval = periods[0] if periods and periods[0] > 0 else nan
    dtype = np.dtype(file.dtype)
    return Facts("".join(axes), shape, dtype, channels, spacing, interval), decoded


def _lif(path: Path, file: Any, asked: str | None) -> tuple[Facts, Decoded]:
    image = file.images[_chosen(path, [str(i.name) for i in file.images], asked)]
    axes = "".join(image.dims)
    coords = image.coords

    def decoded(places: Sequence[int]) -> Frame:
        return np.asarray(image.frame(**dict(zip(axes, places, strict=False))))

    names = coords.get("C", ())
    channels = tuple(map(str, names)) if np.asarray(names).dtype.kind == "U" else ()
    steps = {axis: _step(coords.get(axis, ())) for axis in "TZYX"}
    spacing = (steps["Z"] * 1e6, steps["Y"] * 1e6, steps["X"] * 1e6)  # metres
    return Facts(
        axes, tuple(image.shape), np.dtype(image.dtype), channels, spacing, steps["T"]
    ), decoded


def _czi(path: Path, file: Any, asked: str | None) -> tuple[Facts, Decoded]:
    scenes = list(file.scenes.keys())
    image = file.scenes[scenes[_chosen(path, [str(scene) for scene in scenes], asked)]]
    axes, start = "".join(image.dims), tuple(image.start)

    def decoded(places: Sequence[int]) -> Frame:
        # The package counts as the file does, which may begin anywhere.
        there = {axis: start[i] + place for i, (axis, place) in enumerate(zip(axes, places))}  # noqa: B905
        return np.asarray((image(**there) if there else image).asarray()).reshape(image.shape[-2:])

    scales = image.coord_scales
    steps = {axis: float(scales.get(axis, nan)) for axis in "TZYX"}
    spacing = (steps["Z"] * 1e6, steps["Y"] * 1e6, steps["X"] * 1e6)  # metres
    return Facts(
        axes,
        tuple(image.shape),
        np.dtype(image.dtype),
        tuple(map(str, image.channels)),
        spacing,
        steps["T"],
    ), decoded


def _step(places: Any) -> float:
    return float(places[1] - places[0]) if len(places) > 1 else nan


READERS = {
    ".nd2": _Reader("nd2", _nd2, "ND2File"),
    ".lif": _Reader("liffile", _lif, "LifFile"),
    ".czi": _Reader("czifile", _czi, "CziFile"),
}
"""By the ending of a file. All three packages have a BSD licence."""
