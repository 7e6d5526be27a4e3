"""Find the axes of a TIFF file from its header, and refuse a file that is not one frame.

All readers of TIFF files get the axes here. Axes of length one are dropped. Axes that the header
calls T, C or S are never read as z, but refused by name. A stack without names is a volume.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import tifffile

from sam4ct.errors import SequenceError

MOST_CHANNELS = 6
"""An unnamed axis with at most this many pixels may hold channels."""
_UNNAMED = frozenset("QI")
"""What tifffile calls axes that the file does not name."""
_MASK = re.compile(r"mask|man_track|man_seg|label")
_COLOURS = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)
_STEPS = ("S", "C", "T")
"""Axes that are refused, in this order: a movie is split when it has one channel only."""


@dataclass(frozen=True)
class Axes:
    """The axes of one frame."""

    shape: tuple[int, ...]
    """([z,] y, x)"""
    z_is_named: bool
    """Whether the header calls the first of three axes z."""


def axes_of(path: Path, tif: tifffile.TiffFile) -> Axes:
    """Return the axes of an open file that holds one frame.

    Args:
        path: Named in errors.
        tif: From `frame.opened`: for OME-TIFF, only the planes in the file itself.

    Raises:
        SequenceError: The header names several time points, channels or colours; or the axes
            are not [z,] y, x.
    """
    names, lengths = header_axes(path, tif)
    kept = {i for i, (a, n) in enumerate(zip(names, lengths, strict=True)) if n != 1 or a in "YX"}
    names = "".join(a for i, a in enumerate(names) if i in kept)
    shape = tuple(int(n) for i, n in enumerate(lengths) if i in kept)
    for axis in _STEPS:
        if axis in names:
            raise SequenceError(f"{path}: {_refusal(path, tif, axis, names, shape)}")
    _refuse_other_axes(path, names, shape)
    # Probably colours that the header does not name: no volume is that narrow.
    if len(shape) == 3 and shape[-1] <= MOST_CHANNELS < min(shape[:2]):
        raise SequenceError(
            f"{path}: has the shape {shape}, whose last axis looks like {shape[-1]} channels"
            " or slices, not x. Save one channel alone, and slices first, (z, y, x)."
        )
    return Axes(shape, names == "ZYX")


def header_axes(path: Path, tif: tifffile.TiffFile) -> tuple[str, tuple[int, ...]]:
    """Return the axes that a header names, a letter each as tifffile has them, and their lengths.

    Raises:
        SequenceError: The OME-XML is of other planes than those of the file.
    """
    series = tif.series[0]
    stale = _stale_ome(tif)
    if stale is None:
        return series.axes, tuple(series.shape)
    return _own_axis(path, tif, stale) + "YX", (len(tif.pages), *series.shape[-2:])


def importing(path: Path) -> str:
    """Return the command that makes frames of a movie, or of the masks of one, in any form."""
    given = f"IMAGES {path}" if _MASK.match(path.name) else f"{path} MASKS"
    return f"sam4ct import {given} NEW_DATASET"


def stacking() -> str:
    """Return how to write into the header of a file that its first axis is z."""
    return (
        "save it with the axes ZYX: with Image > Properties in Fiji, or"
        " tifffile.imwrite(FILE, volume, metadata={'axes': 'ZYX'})"
    )


def ome_xml(tif: tifffile.TiffFile) -> str | None:
    """Return the OME-XML of a file, even if tifffile was told not to use it."""
    first = tif.pages.first
    return first.description if first.is_ome else None


def names_other_planes(tif: tifffile.TiffFile) -> bool:
    """Whether the OME-XML of a file describes other planes than the file holds.

    This happens with renamed or moved files, parts of a data set of many files, and files that
    were cut short. tifffile would open the other files, or fill in zeros.
    """
    xml = ome_xml(tif)
    root = None if xml is None else _parsed(xml)
    if root is None:
        return False
    own, others = root.get("UUID"), 0
    for uuid in root.iterfind(".//{*}TiffData/{*}UUID"):
        is_own = uuid.text == own if own else uuid.get("FileName") == tif.filename
        others += not is_own
    images = [_sizes(pixels) for pixels in root.iterfind(".//{*}Image/{*}Pixels")]
    planes = sum(sizes["Z"] * sizes["T"] * sizes["C"] for sizes in images)
    return bool(others) or planes != len(tif.pages) * tif.pages.first.imagedepth


def _parsed(xml: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None


def _sizes(pixels: ElementTree.Element) -> dict[str, int]:
    """Return the planes of an image along Z, T and C; the samples of a pixel are in one plane."""
    channel = pixels.find("{*}Channel")
    samples = 1 if channel is None else int(channel.get("SamplesPerPixel", 1))
    sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in "ZTC"}
    return {**sizes, "C": max(1, sizes["C"] // samples)}


def _stale_ome(tif: tifffile.TiffFile) -> Mapping[str, int] | None:
    """Return the sizes in OME-XML that tifffile was told not to use; None if there is none."""
    xml = ome_xml(tif)
    if tif.is_ome or xml is None or len(tif.pages) == 1 or (root := _parsed(xml)) is None:
        return None
    pixels = root.find(".//{*}Image/{*}Pixels")
    return {} if pixels is None else _sizes(pixels)


def _own_axis(path: Path, tif: tifffile.TiffFile, sizes: Mapping[str, int]) -> str:
    """Return the axis of the pages of a file with a part of the planes in its OME-XML."""
    pages = len(tif.pages)
    fitting = [axis for axis, n in sizes.items() if n == pages]
    if len(fitting) == 1:
        return fitting[0]
    told = ", ".join(f"{n} {axis}" for axis, n in sizes.items()) or "in another file"
    raise SequenceError(
        f"{path}: holds {pages} planes, but its OME-XML describes others ({told}): those of other"
        " files, or some are missing. Copy or export the file again; if its planes are the slices"
        f" of one volume, {stacking()}."
    )


def _refusal(
    path: Path, tif: tifffile.TiffFile, axis: str, names: str, shape: Sequence[int]
) -> str:
    """Return the message for a header that names time points, channels or samples."""
    count, said = shape[names.index(axis)], f"by its header (axes {names} of {tuple(shape)})"
    slices = f" If they are the slices of one volume, {stacking()}."
    if axis == "T":
        return (
            f"holds {count} time points {said}: it is a movie, not one frame. Split it:"
            f" {importing(path)}.{slices if names == 'TYX' else ''}"
        )
    if axis == "S" and tif.pages.first.photometric in _COLOURS:
        if _MASK.match(path.name):
            return (
                f"is a colour (RGB) image, {count} values a pixel. Colours are not labels. Export"
                " the labels themselves, one whole number a cell, 0 for the background."
            )
        return (
            f"is a colour (RGB) image, {count} values a pixel. Save it as grayscale, one channel;"
            " labels as one whole number a cell."
        )
    return (
        f"has {count} channels {said}. Save one channel alone, or take it with {importing(path)}"
        f" --channel N.{slices if names == 'CYX' else ''}"
    )


def _refuse_other_axes(path: Path, names: str, shape: tuple[int, ...]) -> None:
    """Refuse axes that are not spatial, too many, or in another order."""
    named = [axis for axis in names if axis not in _UNNAMED.union("ZYX")]
    if named:
        told = ", ".join(tifffile.TIFF.AXES_NAMES.get(axis, axis) for axis in named)
        raise SequenceError(
            f"{path}: has the axes {names} of {shape} by its header ({told}). Save one frame a"
            " file, (y, x) or (z, y, x)."
        )
    if len(shape) not in (2, 3) or 0 in shape:
        raise SequenceError(
            f"{path}: has the shape {shape}. Save one frame a file, (y, x) or (z, y, x)."
        )
    if not names.endswith("YX"):
        raise SequenceError(
            f"{path}: has its axes in the order {names} by its header. Save it in the order"
            f" {'ZYX'[-len(names) :]}."
        )
