"""Annotated volumes to learn from: images, and coarse masks of some of their frames.

Reads what a user lists (one dataset, or many in a TOML file), refuses what cannot be used before
any work, and gives access to the frames. Volumes are (z, y, x), spacing is (z, y, x) in
micrometres.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.errors import ProfileError, SequenceError
from sam4ct.finetune.patches.images import is_zarr, numbered_files, open_images
from sam4ct.io.ctc import InstanceCheck
from sam4ct.io.files import TIFF, list_folder, refuse_negative_label
from sam4ct.io.tiff import Frame, read_label_frame, read_label_info
from sam4ct.profile import Spacing
from sam4ct.profile.files import settings_from_table
from sam4ct.regions import LabelFrame

MASK_PREFIXES = ("mask", "man_seg", "man_track")
"""Prefixes of mask files; a folder uses one of them."""
_GOLD_SLICE = re.compile(rf"man_seg_[0-9]+_[0-9]+{TIFF}")
"""The challenge annotates some slices of volumes: man_seg_TTT_ZZZ.tif."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One dataset as a user lists it."""

    images: str
    """Folder of volumes tNNN.tif, or an OME-Zarr."""
    masks: str
    """Folder of maskNNN.tif (or man_segNNN.tif, man_trackNNN.tif) of some or all frames."""
    spacing_um: Spacing | None = None
    """Size of a voxel (z, y, x); left out: as the images say."""
    cell_diameter_px: float | None = None
    """Typical in-plane diameter of a cell; left out: measured from the masks."""

    def __post_init__(self) -> None:
        spacing, diameter = self.spacing_um, self.cell_diameter_px
        if spacing is not None and not all(0 < s < inf for s in spacing):
            raise ProfileError(f"spacing_um is {spacing!r}. Give three positive numbers.")
        if diameter is not None and not 0 < diameter < inf:
            raise ProfileError(f"cell_diameter_px is {diameter!r}. Give a positive number.")


def read_listing(path: Path) -> list[Dataset]:
    """Read a TOML file that has a table [[dataset]] for each dataset.

    Paths in it may be relative to its folder.

    Raises:
        ProfileError: It is not TOML, or a key is unknown, missing or wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(
            f"{path}: cannot be read ({error.strerror}). Give a .toml file."
        ) from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise ProfileError(f"{path}: is not a TOML file ({error}). Correct that place.") from error
    tables = content.get("dataset")
    if set(content) != {"dataset"} or not isinstance(tables, list) or not tables:
        raise ProfileError(
            f"{path}: must hold a table [[dataset]] for each dataset, and nothing else."
            " Correct it; docs/finetuning.md has an example."
        )
    return [_listed(path, number, table) for number, table in enumerate(tables, start=1)]


def _listed(path: Path, number: int, table: Any) -> Dataset:
    try:
        if not isinstance(table, Mapping):
            raise ProfileError("it is not a table. Write [[dataset]] above its keys.")
        given = settings_from_table(Dataset, table)
    except ProfileError as error:
        raise ProfileError(f"{path}: [[dataset]] number {number}: {error}") from error
    folder = path.parent
    return replace(given, images=str(folder / given.images), masks=str(folder / given.masks))


def _mask_files(folder: Path) -> dict[int, Path]:
    """Return the mask files of a folder by frame.

    Raises:
        SequenceError: It is a Zarr, or holds single annotated slices, or other files.
    """
    if is_zarr(folder):
        raise SequenceError(
            f"{folder}: is a Zarr, but masks are read from TIFF files only. Save one volume a frame"
            " as mask000.tif, mask001.tif, ..."
        )
    slices = (path for path in list_folder(folder) if _GOLD_SLICE.fullmatch(path.name))
    if (found := next(slices, None)) is not None:
        raise SequenceError(
            f"{found}: has the name of a single annotated slice of a volume, and a shape cannot be"
            " learned from a slice. Give a folder of whole volumes, e.g. the silver truth (ST/SEG)"
            " or the tracking truth (GT/TRA)."
        )
    return numbered_files(folder, *MASK_PREFIXES).files


class Source:
    """A dataset whose annotated frames were found, and their headers checked."""

    def __init__(self, dataset: Dataset) -> None:
        """Find the frames; no voxel is read.

        Raises:
            SequenceError: There are no masks, or a mask does not fit its image.
        """
        self.dataset = dataset
        self._images = open_images(Path(dataset.images))
        self._masks = _mask_files(Path(dataset.masks))
        if not self._masks:
            raise SequenceError(
                f"{dataset.masks}: holds no masks. Put mask000.tif or others of"
                f" {', '.join(f'{p}NNN.tif' for p in MASK_PREFIXES)} there."
            )
        for t in self._masks:
            self._refuse_unfit(t)
        self.spacing_um = dataset.spacing_um or self._images.spacing_um(self.frames[0])

    @property
    def frames(self) -> tuple[int, ...]:
        """Numbers of the frames that have masks, increasing."""
        return tuple(self._masks)

    def mask_file(self, t: int) -> Path:
        return self._masks[t]

    def image_file(self, t: int) -> Path:
        """Return the file whose hash identifies the image of a frame."""
        return self._images.file(t)

    def shape(self, t: int) -> tuple[int, ...]:
        return self._images.shape(t)

    def labels(self, t: int) -> LabelFrame:
        """Return the masks of a frame, (z, y, x), integers; 0 is background.

        Raises:
            SequenceError: The file is damaged, or has negative or broken labels.
        """
        labels = read_label_frame(self._masks[t])
        refuse_negative_label(self._masks[t], int(labels.min()))
        return labels

    def refuse_other_labels(self) -> None:
        """Read all masks, and refuse those that do not label single cells; see `InstanceCheck`.

        Raises:
            SequenceError: They do not, or one is damaged.
        """
        check = InstanceCheck()
        for t, path in self._masks.items():
            check.add(path, self.labels(t))
        check.finish()

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """Return a part of the image of a frame, (z, y, x), in its own dtype.

        Raises:
            SequenceError: The file is damaged, or has values that are not finite numbers.
        """
        part = self._images.window(t, window)
        if part.dtype.kind not in "uif" or not np.isfinite(part).all():
            raise SequenceError(
                f"{self.image_file(t)}: the image of frame {t} has voxels that are no real numbers"
                f" ({part.dtype}). Save it as integers or finite floats."
            )
        return part

    def _refuse_unfit(self, t: int) -> None:
        """Refuse a mask that is not a volume of labels, or has another shape than its image."""
        mask = self._masks[t]
        self._images.require(t, mask)
        shape, info = self._images.shape(t), read_label_info(mask)
        if len(info.shape) != 3:
            raise SequenceError(
                f"{mask}: has the shape {info.shape}, which is no volume. Give masks (z, y, x)."
            )
        if info.shape != shape:
            raise SequenceError(
                f"{mask}: has the shape {info.shape}, but {self._images.file(t)} has {shape}."
                " Save both with one shape and one order of axes, (z, y, x)."
            )
