"""OME-Zarr images with any of the axes t, c, z, y, x, and the labels below them."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from pathlib import Path
from typing import Any

import zarr

from sam4ct.errors import SequenceError
from sam4ct.io.files import list_folder
from sam4ct.io.formats.movie import NO_SPACING, UNNAMED, Facts
from sam4ct.io.ome_zarr import is_collection, is_zarr, open_node
from sam4ct.io.ome_zarr.array import ImageArray, whole_array
from sam4ct.io.ome_zarr.metadata import describes_image
from sam4ct.io.tiff import Frame
from sam4ct.profile import Spacing

LABELS = "labels"


class ZarrImage:
    """A `Movie` in a Zarr folder."""

    def __init__(self, path: Path, *, masks: bool = False) -> None:
        """Open an image; no voxel is read.

        Args:
            path: An OME-Zarr group, a bare array, or a folder of images by bioformats2raw with
                one in it.
            masks: Take the labels that lie below an image, where there is one set of them.

        Raises:
            SequenceError: It is damaged, or there are several images or labels.
        """
        self.path = _labels_below(_only_image(path)) if masks else _only_image(path)
        node = open_node(self.path)
        self._image = whole_array(self.path, node)
        self.facts = _facts(self._image, node)

    def read(self, at: Mapping[int, int]) -> Frame:
        """See `Movie`."""
        shape = self.facts.shape
        index = [slice(at[i], at[i] + 1) if i in at else slice(0, n) for i, n in enumerate(shape)]
        part = self._image.window(index)
        return part.reshape([n for axis, n in enumerate(part.shape) if axis not in at])

    def tiff_of(self, t: int) -> Path | None:
        """See `Movie`."""
        return None

    def refuse_lossy(self) -> None:
        """See `Movie`: the usual codecs lose nothing."""


def _only_image(path: Path) -> Path:
    node = open_node(path)
    if not isinstance(node, zarr.Group) or not is_collection(dict(node.attrs)):
        return path
    images = sorted(e.name for e in list_folder(path) if e.name.isdigit() and is_zarr(e))
    if len(images) == 1:
        return path / images[0]
    raise SequenceError(
        f"{path}: holds {len(images)} images by bioformats2raw ({', '.join(images) or 'none'})."
        f" Give one of them, e.g. {path / (images or ['0'])[0]}."
    )


def _labels_below(path: Path) -> Path:
    """The only labels in or below a Zarr folder; itself, if it holds none."""
    node = open_node(path)
    folder = path / LABELS
    if path.name == LABELS and not describes_image(dict(node.attrs)):
        folder = path
    elif isinstance(node, zarr.Array) or not folder.is_dir():
        return path
    names = sorted(entry.name for entry in list_folder(folder) if is_zarr(entry))
    if len(names) == 1:
        return folder / names[0]
    raise SequenceError(
        f"{folder}: holds {len(names)} sets of labels ({', '.join(names) or 'none'}). Give one of"
        f" them, e.g. {folder / (names or ['NAME'])[0]}."
    )


def _facts(image: ImageArray, node: zarr.Group | zarr.Array[Any]) -> Facts:
    attributes: dict[str, Any] = dict(node.attrs)
    said: Mapping[str, Any] = attributes.get("ome", attributes)
    info = image.info
    if isinstance(node, zarr.Array) and not getattr(node.metadata, "dimension_names", None):
        axes = UNNAMED * (len(info.shape) - 2) + "YX"
    else:
        axes = "".join(_letter(axis) for axis in image.ome.axes)
    return Facts(
        axes, info.shape, info.dtype, _channels(said), _spacing(said, image), image.ome.interval_s
    )


def _letter(axis: str) -> str:
    return axis.upper() if axis in ("t", "c", "z", "y", "x") else UNNAMED


def _channels(said: Mapping[str, Any]) -> tuple[str, ...]:
    match said:
        case {"omero": {"channels": [*channels]}}:
            names = [c.get("label") if isinstance(c, Mapping) else None for c in channels]
            return tuple(str(name) for name in names) if all(names) else ()
    return ()


def _spacing(said: Mapping[str, Any], image: ImageArray) -> Spacing:
    """The size of a voxel, where an axis of space has a unit."""
    match said:
        case {"multiscales": [{"axes": [*axes]}, *_]}:
            known = {a.get("name") for a in axes if isinstance(a, Mapping) and a.get("unit")}
            z, y, x = image.ome.spacing_um
            return (
                z if "z" in known else nan,
                y if "y" in known else nan,
                x if "x" in known else nan,
            )
    return NO_SPACING
