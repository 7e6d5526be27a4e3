"""Read and write the OME-Zarr metadata of an image: axes, voxel size, name of the array.

In and out are plain dictionaries, no files. Version 0.5 is written; 0.4 and 0.5 are read, whose
`multiscales` are the same. https://ngff.openmicroscopy.org/0.5/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from sam4ct.errors import SequenceError
from sam4ct.io.tiff.spacing import SECONDS
from sam4ct.profile import Spacing

VERSION = "0.5"
ARRAY = "0"
"""Name of the array in groups that we write; there is one resolution only."""
AXES = ("t", "z", "y", "x")

_MICROMETRES = {"nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "meter": 1e6, None: 1.0}
"""By unit of an axis; None: the metadata name no unit."""
_REMEDY = "Make it again: sam4ct convert IN OUT.zarr."


@dataclass(frozen=True)
class OmeImage:
    """The full-resolution array of an OME-Zarr group."""

    array: str
    """Path of the array in the group."""
    axes: tuple[str, ...]
    """Name of each axis of the array, e.g. t, z, y, x."""
    spacing_um: Spacing
    """Size of a voxel (z, y, x) in micrometres; 1 along an axis that is absent or has no scale."""
    interval_s: float = nan
    """Seconds between frames; nan if it is unknown."""


def movie_axes(ndim: int) -> tuple[str, ...]:
    """Return the axes of a movie of frames with `ndim` axes: t, ([z,] y, x)."""
    return (AXES[0], *AXES[len(AXES) - ndim :])


def ome_metadata(name: str, ndim: int, spacing_um: Spacing | None) -> dict[str, Any]:
    """Return the attributes of a group that holds one movie in the array `ARRAY`.

    Args:
        name: Viewers show it.
        ndim: Number of axes of a frame, 2 or 3.
        spacing_um: Size of a voxel (z, y, x); None, if unknown, gives 1 without a unit.
    """
    unit = {"unit": "micrometer"} if spacing_um else {}
    space = [{"name": axis, "type": "space", **unit} for axis in movie_axes(ndim)[1:]]
    scale = [1.0, *map(float, (spacing_um or (1.0, 1.0, 1.0))[-ndim:])]
    transformations = [{"type": "scale", "scale": scale}]
    image = {
        "name": name,
        "axes": [{"name": AXES[0], "type": "time"}, *space],
        "datasets": [{"path": ARRAY, "coordinateTransformations": transformations}],
    }
    return {"ome": {"version": VERSION, "multiscales": [image]}}


def describes_image(attributes: Mapping[str, Any]) -> bool:
    """Whether the attributes of a group say that it is an image, correct or not."""
    ome = attributes.get("ome", attributes)
    return isinstance(ome, Mapping) and "multiscales" in ome


def is_collection(attributes: Mapping[str, Any]) -> bool:
    """Whether a group holds numbered images, as bioformats2raw writes them.

    https://ngff.openmicroscopy.org/0.5/#bf2raw
    """
    ome = attributes.get("ome", attributes)
    return isinstance(ome, Mapping) and "bioformats2raw.layout" in ome


def read_ome(path: Path, attributes: Mapping[str, Any]) -> OmeImage:
    """Return the first image that the attributes of a group describe.

    Args:
        path: Named in errors.
        attributes: All attributes of the group.

    Raises:
        SequenceError: They are not OME-Zarr metadata, or a unit is unknown.
    """
    match attributes.get("ome", attributes):
        case {
            "multiscales": [{"axes": [*axes], "datasets": [{"path": str(array)}, *_]} as image, *_]
        }:
            pass
        case _:
            raise SequenceError(
                f"{path}: has no OME-Zarr metadata with axes (version 0.4 or 0.5). {_REMEDY}"
            )
    known = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in axes]
    names = tuple(str(axis.get("name")) for axis in known)
    scale = dict(zip(names, _scale(path, image, len(names)), strict=True))
    size = {"z": 1.0, "y": 1.0, "x": 1.0}
    for axis, name in zip(known, names, strict=True):
        if name in size:
            size[name] = scale[name] * _micrometres(path, name, axis.get("unit"))
    units = {str(axis.get("name")): str(axis.get("unit")) for axis in known}
    interval = scale.get("t", nan) * SECONDS.get(units.get("t", ""), nan)
    return OmeImage(array, names, (size["z"], size["y"], size["x"]), interval)


def _scale(path: Path, image: Mapping[str, Any], axes: int) -> list[float]:
    """Return the product of the scales of the first array and of the whole image, by axis."""
    total = [1.0] * axes
    for place in (image["datasets"][0], image):
        for change in place.get("coordinateTransformations") or ():
            match change:
                case {"type": "scale", "scale": [*scale]} if _fits(scale, axes):
                    total = [a * b for a, b in zip(total, scale, strict=True)]
                case {"type": "scale"}:
                    raise SequenceError(
                        f"{path}: its OME-Zarr scale is not one positive number an axis. {_REMEDY}"
                    )
    return total


def _fits(scale: Sequence[object], axes: int) -> bool:
    numbers = all(isinstance(value, (int, float)) and 0 < value < float("inf") for value in scale)
    return numbers and len(scale) == axes


def _micrometres(path: Path, name: str, unit: object) -> float:
    factor = _MICROMETRES.get(unit) if unit is None or isinstance(unit, str) else None
    if factor is None:
        raise SequenceError(
            f"{path}: the axis {name} has the unit {unit!r}. Use micrometer. {_REMEDY}"
        )
    return factor
