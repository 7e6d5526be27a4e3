"""Voxel spacing: what a TIFF file says of the size of its voxels, and stacks that say it.

Understands ImageJ's stacks and OME-TIFF, which nearly all microscopes and tools write.
Spacing is (z, y, x) in micrometres. Pixels are left to `tiff`, and what to do where a
file says nothing to the caller.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from math import isfinite, nan
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
"""Voxel size (z, y, x) that is assumed where a movie states none."""
SPACING_UNKNOWN = (
    "%s: nothing says the size of a voxel, and they are taken for cubes. If slices are further"
    " apart than pixels, sizes and distances along z are wrong. %s"
)
"""A warning; takes the movie, and how to say the size."""

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
"""By unit in lower case, as ImageJ and OME write them; "\\u00b5m" is how ImageJ escapes."""


def warn_of_cubes(source: Path, profile: Profile, stated: Spacing | None) -> None:
    """Warn where a profile leaves out the size of a voxel, and the images state it.

    Args:
        source: The movie, or its first image.
        profile: Chosen by the user, or shipped.
        stated: By the images, (z, y, x) in micrometres; None or `UNKNOWN` if they do not.
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
    """Return the size of the voxels of a volume (z, y, x) in micrometres, as its file says.

    Returns:
        None for an image, and if the file does not state all three in a unit of length:
        pixels are none, and a resolution without a unit is meant for printers.

    Raises:
        SequenceError: The file cannot be read.
    """
    with opened(path) as tif:
        ome = ome_xml(tif)
        sizes = _from_imagej(tif) if ome is None else _from_ome(ome)
    if sizes is None or not all(isfinite(size) and size > 0 for size in sizes):
        return None
    return sizes


def encode_stack(frame: NDArray[np.uint16], spacing_um: Spacing) -> memoryview:
    """Return the bytes of a volume as an ImageJ stack that states its spacing.

    The bytes depend on the arguments only. Compressed with zlib, as label frames are.

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
    """Return how `tiff` is to write an ImageJ stack that states its spacing (z, y, x)."""
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


def _from_ome(xml: str) -> Spacing | None:
    try:
        pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    except ElementTree.ParseError:
        return None
    if pixels is None:
        return None

    def size(axis: str) -> float:
        # OME's default unit is the micrometre.
        unit = pixels.get(f"PhysicalSize{axis}Unit", "um")
        return _micrometres(pixels.get(f"PhysicalSize{axis}"), unit)

    return size("Z"), size("Y"), size("X")


def _micrometres(length: object, unit: object) -> float:
    """Return a length that a file states; nan if it is no number or its unit none of length."""
    try:
        return float(str(length)) * _MICROMETRES[str(unit).lower()]
    except (ValueError, KeyError):
        return nan
