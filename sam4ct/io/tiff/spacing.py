"""Read the voxel size of TIFF files, and write stacks that state it.

Understood are ImageJ stacks and OME-TIFF, which nearly all microscopes and programs write. The
size is (z, y, x) in micrometres.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from math import isfinite, isnan, nan
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from sam4ct.io.tiff.axes import ome_xml
from sam4ct.io.tiff.frame import opened
from sam4ct.profile import Profile, Spacing

logger = logging.getLogger(__name__)

UNKNOWN: Spacing = (1.0, 1.0, 1.0)
"""Voxel size (z, y, x) of movies that state none."""
SPACING_UNKNOWN = (
    "%s: nothing says the size of a voxel, and they are taken for cubes. If slices are further"
    " apart than pixels, sizes and distances along z are wrong. %s"
)
"""A warning; its arguments are the movie, and how to state the size."""

GIVE_SPACING = "Add --spacing Z Y X."
"""How to say the size of a voxel to a command that has the option."""
DERIVE_WITH_SPACING = "`sam4ct profiles derive` with --spacing Z Y X makes a profile for --profile."
"""The same, to the others."""
_SIDES = (0.001, 1000.0)
"""The least and largest side of a voxel that a microscope has, in micrometres."""
_FLATTEST = 100.0
"""The largest distance of slices, in pixels."""

_MICROMETRES = {
    **dict.fromkeys(("um", "\N{MICRO SIGN}m", "\N{GREEK SMALL LETTER MU}m"), 1.0),
    **dict.fromkeys(("\\u00b5m", "micron", "microns", "micrometer", "micrometers"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometers"), 1e-3),
    **dict.fromkeys(("mm", "millimeter", "millimeters"), 1e3),
    "cm": 1e4,
    "m": 1e6,
}
"""By unit in lower case, as ImageJ and OME write it; ImageJ escapes "\\u00b5m"."""
SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
"""By unit of time in lower case, as ImageJ, OME-TIFF and OME-Zarr write them."""


def warn_of_cubes(source: Path, profile: Profile, stated: Spacing | None) -> None:
    """Warn if the images state the size of a voxel and the profile does not.

    Args:
        source: The movie, or its first image.
        profile: Chosen by the user, or shipped.
        stated: Size by the images, (z, y, x) in micrometres; None or `UNKNOWN` without one.
    """
    if profile.ndim == 3 and profile.spacing_um == UNKNOWN and stated not in (None, UNKNOWN):
        logger.warning(
            "%s: has voxels of %g x %g x %g um (z, y, x) by its header, but the profile takes them"
            " for cubes. Write spacing_um into the profile, or use --profile auto.",
            source,
            *(stated or UNKNOWN),
        )


def warn_of_odd_spacing(source: Path, stated: Spacing | None, remedy: str) -> None:
    """Warn where the size of a voxel, as images state it, is none that a microscope has.

    Args:
        source: The movie, or its first image.
        stated: By the images, (z, y, x) in micrometres; None if they do not.
        remedy: How to say another, e.g. `GIVE_SPACING`.
    """
    if stated is None:
        return
    least, most = _SIDES
    if min(stated) < least or max(stated) > most or stated[0] > _FLATTEST * min(stated[1:]):
        logger.warning(
            "%s: has voxels of %g x %g x %g um (z, y, x) by its header, which no microscope has:"
            " sizes and distances will be wrong. Correct the header, or say the size. %s",
            *(source, *stated, remedy),
        )


def spacing_of(path: Path) -> Spacing | None:
    """Return the voxel size (z, y, x) of a volume in micrometres, by its file.

    Returns:
        None for an image, or if the file does not state all three sizes in a unit of length.
        A size in pixels, or a resolution without a unit (meant for printers), does not count.

    Raises:
        SequenceError: The file cannot be read.
    """
    sizes, _ = stated_sizes(path)
    return None if any(map(isnan, sizes)) else sizes


def stated_sizes(path: Path) -> tuple[Spacing, float]:
    """Return the size of a voxel (z, y, x) in micrometres, and the seconds between time points.

    Returns:
        nan for what the file does not say.

    Raises:
        SequenceError: The file cannot be read.
    """
    with opened(path) as tif:
        return voxel_sizes(tif), frame_interval(tif)


def voxel_sizes(tif: tifffile.TiffFile) -> Spacing:
    """Return the size of a voxel (z, y, x) in micrometres; nan along axes of which nothing is said.

    Pixels are no unit of length, and a resolution without a unit is meant for printers.
    """
    ome = ome_xml(tif)
    z, y, x = _from_imagej(tif) if ome is None else _from_ome(ome)
    return _positive(z), _positive(y), _positive(x)


def frame_interval(tif: tifffile.TiffFile) -> float:
    """Return the seconds from one time point to the next, as ImageJ or OME say them; else nan."""
    xml = ome_xml(tif)
    if xml is None:
        said: Mapping[str, Any] = tif.imagej_metadata or {}
        return _positive(_in_unit(said.get("finterval"), said.get("tunit", "s"), SECONDS))
    pixels = _ome_pixels(xml)
    if pixels is None:
        return nan
    unit = pixels.get("TimeIncrementUnit", "s")
    return _positive(_in_unit(pixels.get("TimeIncrement"), unit, SECONDS))


def encode_stack(frame: NDArray[np.uint16], spacing_um: Spacing) -> memoryview:
    """Return the bytes of a volume as an ImageJ stack that states its spacing, zlib-compressed.

    Equal arguments give equal bytes.

    Args:
        frame: (z, y, x), uint16.
        spacing_um: Size of a voxel (z, y, x).
    """
    if frame.dtype != np.uint16 or frame.ndim != 3:
        raise ValueError(f"frame is {frame.ndim}D {frame.dtype}, not 3D uint16")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, frame, **stack_options(spacing_um))
    return buffer.getbuffer()


def stack_options(spacing_um: Spacing) -> dict[str, Any]:
    """Return the options of tifffile for an ImageJ stack that states its spacing (z, y, x)."""
    z, y, x = spacing_um
    return {
        "imagej": True,
        "byteorder": "<",
        "compression": "zlib",
        "resolution": (1.0 / x, 1.0 / y),
        "metadata": {"axes": "ZYX", "spacing": z, "unit": "um"},
        "software": False,
    }


def _from_imagej(tif: tifffile.TiffFile) -> Spacing:
    said: Mapping[str, Any] = tif.imagej_metadata or {}
    tags, unit = tif.pages.first.tags, said.get("unit")
    return (
        _micrometres(said.get("spacing"), said.get("zunit", unit)),
        _micrometres(_pixel_size(tags.valueof("YResolution")), said.get("yunit", unit)),
        _micrometres(_pixel_size(tags.valueof("XResolution")), unit),
    )


def _pixel_size(resolution: tuple[int, int] | None) -> float:
    """Return the length of a pixel from pixels per length, a fraction; nan if there is none."""
    pixels, lengths = resolution or (0, 0)
    return lengths / pixels if pixels else nan


def _ome_pixels(xml: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(xml).find(".//{*}Pixels")
    except ElementTree.ParseError:
        return None


def _from_ome(xml: str) -> Spacing:
    pixels = _ome_pixels(xml)
    if pixels is None:
        return nan, nan, nan

    def size(axis: str) -> float:
        # OME's default unit is the micrometre.
        unit = pixels.get(f"PhysicalSize{axis}Unit", "um")
        return _micrometres(pixels.get(f"PhysicalSize{axis}"), unit)

    return size("Z"), size("Y"), size("X")


def _micrometres(length: object, unit: object) -> float:
    """Return a length in micrometres; nan if it is not a number with a unit of length."""
    return _in_unit(length, unit, _MICROMETRES)


def _in_unit(number: object, unit: object, factors: Mapping[str, float]) -> float:
    try:
        return float(str(number)) * factors[str(unit).lower()]
    except (ValueError, KeyError):
        return nan


def _positive(number: float) -> float:
    return number if isfinite(number) and number > 0 else nan
