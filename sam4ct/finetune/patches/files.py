"""Patches on disk: one labelled object each, with its surroundings, as a network sees it.

Owns the format of a patch folder:

    index.json      what was cut from where, for which network, and the split
    patches/*.npz   `image` uint16 and `mask` bool, (P, P, P)
    unfinished.json while patches are cut, and after a command that was stopped

Nothing else in such a folder is ever removed, and no other folder is written to.

A patch is a crop (`models.sam_med3d.crops`) with a margin on each side, so that training can
shift it. Networks use only ratios of intensities, so each image is stretched to 16 bits. Equal
patches have equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sam4ct.errors import WorkError
from sam4ct.io.files import is_hidden, remove_leftovers, replacing, work_errors, write_json

INDEX, FOLDER, UNFINISHED = "index.json", "patches", "unfinished.json"
FORMAT = 1
MARGIN = 8
"""The margin on each side of a patch is the network's size over this."""
BRIGHTEST = 65535
Part = Literal["training", "validation"]


def margin_of(size: int) -> int:
    """Return by how many voxels a crop of a size can be shifted in its patch, each way."""
    return size // MARGIN


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One line of the index."""

    file: str
    """Name in the folder of patches."""
    sha256: str
    dataset: int
    """Number of its dataset in the index, from 0."""
    t: int
    label: int
    """As in the mask file, of any size."""
    voxels: int
    """Voxels of the object in the patch."""
    part: Part


@dataclass(frozen=True, kw_only=True)
class Index:
    """What a patch folder holds."""

    format: int = FORMAT
    weights: str
    """Name of the weights that the patches were cut for."""
    image_size: int
    """Side of the cube that their network sees, voxels."""
    window_diameters: float | None
    """Side of that cube in cell diameters, from their entry; None: native voxels."""
    seed: int
    """Seed of the split."""
    validation: float
    """Wanted share of the frames for validation."""
    versions: Mapping[str, str]
    datasets: tuple[Mapping[str, Any], ...]
    """Paths, spacing, diameter, and the hashes of the files by frame, of each dataset."""
    patches: tuple[Patch, ...]

    def of(self, part: Part) -> list[Patch]:
        return [patch for patch in self.patches if patch.part == part]


def patch_name(dataset: int, t: int, label: int) -> str:
    """Return the file name of a patch."""
    return f"{dataset}-{t:04d}-{label}.npz"


_PATCH_NAME = re.compile(r"[0-9]+-[0-9]{4,}-[0-9]+\.npz")


def make_room(folder: Path, *, overwrite: bool) -> None:
    """Prepare a folder for patches; those of a command that was stopped are removed.

    Args:
        folder: Made if missing.
        overwrite: Whether to remove finished patches, too.

    Raises:
        WorkError: There are finished patches, or other files, or the disk refuses.
    """
    if (folder / INDEX).exists() and not overwrite:
        raise WorkError(
            f"{folder}: holds patches already. Add --overwrite to make them again, or choose"
            " another folder."
        )
    with work_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if (strange := _strange_file(folder)) is not None:
            raise WorkError(
                f"{strange}: was not made by sam4ct finetune prepare, or is damaged. Move it away,"
                " or choose another folder."
            )
        # Before the index is removed: without both, the patches would belong to nobody.
        write_json(folder / UNFINISHED, {"format": FORMAT})
        (folder / INDEX).unlink(missing_ok=True)
        (folder / FOLDER).mkdir(exist_ok=True)
        for old in (folder / FOLDER).iterdir():
            if _PATCH_NAME.fullmatch(old.name):
                old.unlink()
    remove_leftovers(folder)


def _strange_file(folder: Path) -> Path | None:
    """Return the first visible entry that does not belong in a patch folder, if any."""
    begun = (folder / UNFINISHED).is_file()
    if (folder / INDEX).exists() and not begun:
        try:
            read_index(folder)
        except WorkError:
            return folder / INDEX
        begun = True
    ours = {INDEX, FOLDER, UNFINISHED} if begun else set()
    strange = [path for path in folder.iterdir() if path.name not in ours]
    if begun and (folder / FOLDER).exists():
        inside = (folder / FOLDER).iterdir()
        strange += [path for path in inside if not _PATCH_NAME.fullmatch(path.name)]
    return min((path for path in strange if not is_hidden(path.name)), default=None)


def write_index(folder: Path, index: Index) -> None:
    """Write the index. It is written last: a folder that has one is complete."""
    write_json(folder / INDEX, asdict(index))
    with work_errors(folder):
        (folder / UNFINISHED).unlink(missing_ok=True)


def read_index(folder: Path) -> Index:
    """Read the index of a patch folder.

    Raises:
        WorkError: There is none, or it is damaged or of another version.
    """
    path = folder / INDEX
    again = "Make the patches again: sam4ct finetune prepare."
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        patches = tuple(Patch(**row) for row in raw.pop("patches"))
        index = Index(**{**raw, "datasets": tuple(raw["datasets"])}, patches=patches)
    except OSError as error:
        raise WorkError(f"{path}: cannot be read ({error.strerror}). {again}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WorkError(f"{path}: is damaged ({error}). {again}") from error
    if index.format != FORMAT:
        raise WorkError(f"{path}: has the format {index.format}, not {FORMAT}. {again}")
    return index


def write_patch(path: Path, image: Tensor, mask: Tensor) -> str:
    """Write one patch.

    Args:
        path: Its file.
        image: (P, P, P) float32, 0 and above.
        mask: (P, P, P) bool.

    Returns:
        The SHA-256 of the file.

    Raises:
        WorkError: The disk refuses.
    """
    bits = (image * (BRIGHTEST / image.max().clamp(min=1e-30))).round()
    content = io.BytesIO()
    np.savez_compressed(content, image=bits.numpy().astype(np.uint16), mask=mask.numpy())
    with replacing(path) as file:
        file.write(content.getbuffer())
    return hashlib.sha256(content.getbuffer()).hexdigest()


def read_patch(path: Path) -> tuple[Tensor, Tensor]:
    """Read a patch: its image (P, P, P) float32, 0 and above, and its mask (P, P, P) bool.

    Raises:
        WorkError: The file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            image: NDArray[np.uint16] = content["image"]
            mask: NDArray[np.bool_] = content["mask"]
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise WorkError(
            f"{path}: is missing or damaged ({error}). Make the patches again: sam4ct finetune"
            " prepare."
        ) from error
    return torch.from_numpy(image.astype(np.float32)), torch.from_numpy(mask)
