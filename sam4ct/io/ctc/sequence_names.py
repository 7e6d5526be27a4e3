"""Choose the sequences of a dataset by their names, and say what to do where there is none."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.files import GUIDE, first_of, frame_pattern, is_image, list_folder

logger = logging.getLogger(__name__)

MASKS = "_ERR_SEG"


def sequence_name(dataset_dir: Path, given: str) -> str:
    """Return the name of a sequence that is given as `01`, `01/`, `DATASET/01` or `01.zarr`."""
    path = Path(given)
    below = len(path.parts) > 1
    if below and os.path.realpath(path.parent) != os.path.realpath(dataset_dir):
        return given
    return path.stem if path.suffix == ".zarr" else path.name or given


def choose_sequences(dataset_dir: Path, names: Sequence[str]) -> list[str]:
    """Return the names of the sequences to link, each once.

    Args:
        dataset_dir: Holds `SS` and `SS_ERR_SEG`.
        names: Sequences; () for all with masks.

    Raises:
        SequenceError: A sequence is missing or has no masks; the message says what is there.
    """
    folders = {path.name for path in list_folder(dataset_dir) if path.is_dir()}
    numbered = sorted(name for name in folders if name.isascii() and name.isdigit())
    ready = [name for name in numbered if f"{name}{MASKS}" in folders]
    for name in names:
        if name not in numbered:
            raise SequenceError(_no_such(dataset_dir, name, folders, numbered))
        if name not in ready:
            raise SequenceError(_no_masks(dataset_dir, name))
    if not names and not ready:
        raise SequenceError(_none_to_link(dataset_dir, folders, numbered))
    if not names and len(ready) < len(numbered):
        logger.warning("%s: no masks for %s", dataset_dir, sorted(set(numbered) - set(ready)))
    return list(dict.fromkeys(names)) or ready


def _no_such(
    dataset_dir: Path, name: str, folders: Collection[str], numbered: Sequence[str]
) -> str:
    if name in folders:
        return _misnamed(dataset_dir, name)
    return (
        f"{dataset_dir / name}: there is no such sequence. Choose from:"
        f" {', '.join(numbered) or 'none found'}."
    )


def _misnamed(dataset_dir: Path, name: str) -> str:
    return (
        f"{dataset_dir / name}: its name is not a number, as that of a sequence must be."
        f" Rename {name} and {name}{MASKS} to 01 and 01{MASKS}, others to 02 and so on."
    )


def _no_masks(dataset_dir: Path, name: str) -> str:
    given = {f"{name}_ST/SEG": "man_seg", f"{name}_GT/TRA": "man_track"}
    there = next((folder for folder in given if (dataset_dir / folder).is_dir()), None)
    message = (
        f"{dataset_dir / name}{MASKS}: is missing. Put the masks to link there, as mask000.tif,"
        " mask001.tif, ..."
    )
    if there is None:
        return message
    return (
        f"{message}; to link those of {there}, copy {given[there]}000.tif there as mask000.tif, ..."
    )


def _none_to_link(dataset_dir: Path, folders: Collection[str], numbered: Sequence[str]) -> str:
    """Say what a folder without sequences holds, and what to do about it."""
    if numbered:
        return _no_masks(dataset_dir, numbered[0])
    if named := sorted(name for name in folders if f"{name}{MASKS}" in folders):
        return _misnamed(dataset_dir, named[0])
    files = [path for path in list_folder(dataset_dir) if path.is_file()]
    if any(frame_pattern("t", "mask").fullmatch(path.name) for path in files):
        return (
            f"{dataset_dir}: holds frames, not sequences. Give the folder DATASET that holds images"
            f" in DATASET/01 and masks in DATASET/01{MASKS}."
        )
    if images := [path for path in files if is_image(path)]:
        return (
            f"{first_of(images)}: lies in the dataset's folder itself. Save one single-channel TIFF"
            f" a frame, 01/t000.tif, 01/t001.tif, ..., and masks as 01{MASKS}/mask000.tif, ...;"
            f" {GUIDE} does it."
        )
    return (
        f"{dataset_dir}: no sequence found. Give the folder that holds 01 and 01{MASKS};"
        f" this one holds: {', '.join(sorted(folders)[:10]) or 'no folders'}."
    )
