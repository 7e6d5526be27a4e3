"""Say what files are that are not frames, and how to convert them to frames.

Of TIFF files the header is read, never pixels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from math import prod
from pathlib import Path

import tifffile

from sam4ct.io.files.tiff_faults import UNREADABLE

TIFF = r"\.(?i:tiff?)"
"""Pattern of the endings of TIFF names."""
_TIFF_NAME = re.compile(rf".*{TIFF}", re.DOTALL)

GUIDE = "sam4ct import IMAGES MASKS NEW_DATASET"
"""The command that makes frames of a movie and its masks in other files; see docs/importing.md."""

_IMAGES = re.compile(
    "png|jpe?g|bmp|gif|webp|jp2"  # one image a file
    "|nd2|czi|lif|lsm|oib|oif|oir|vsi|ims|dv|stk|mvd2|sld|zvi"  # of microscopes
    "|avi|mp4|m4v|mov|mkv|wmv|mpe?g"
    "|h5|hdf5?|ilastik|npy|npz|mat|nii|gz|mha|mhd|nrrd|zarr"
)
"""Endings of files and folders with images in other formats."""
_NAMES = {"npy": "NumPy", "npz": "NumPy", "h5": "HDF5", "zarr": "Zarr", "ilastik": "ilastik"}


def is_tiff(name: str) -> bool:
    """Whether a name ends in `.tif`, `.TIF`, `.tiff` and so on."""
    return _TIFF_NAME.fullmatch(name) is not None


def is_image(path: Path) -> bool:
    """Whether a file is an image by its name, of any format, readable here or not."""
    return is_tiff(path.name) or _image_kind(path) is not None


def first_of(paths: Sequence[Path]) -> str:
    """Return the first path and the number of further ones."""
    return f"{paths[0]} (and {len(paths) - 1} more)" if len(paths) > 1 else f"{paths[0]}"


def file_given_for_folder(path: Path) -> str:
    """Return the message for a file that was given instead of a folder."""
    kind = "TIFF" if is_tiff(path.name) else _image_kind(path)
    if kind is None:
        return f"{path}: is a file, not a folder. Give the folder that holds the files."
    return (
        f"{path}: is a file in format {kind}, not a folder. Save one single-channel TIFF a frame"
        f" as DATASET/01/t000.tif, t001.tif, ..., and give the folder; {GUIDE} does it."
        " With masks in a file too, `sam4ct run IMAGES MASKS --out OUT` takes both."
    )


def problems_of_others(paths: Sequence[Path], prefix: str, *, has_frames: bool) -> list[str]:
    """Return problems with files that are not frames, one message for each kind of file.

    Args:
        paths: The files of one folder that are not frames.
        prefix: The names of frames begin with it: `t`, `mask`, ...
        has_frames: Whether the folder has frames. If not, images in other formats are taken
            for frames to convert.
    """
    frames = f"{prefix}000.tif, {prefix}001.tif, ..."
    by_kind: dict[str | None, list[Path]] = {}
    for path in paths:
        kind = None if has_frames else _image_kind(path)
        by_kind.setdefault("TIFF" if is_tiff(path.name) else kind, []).append(path)
    problems = []
    for kind, found in by_kind.items():
        if kind is None:
            wanted = f"Only {frames} may lie" if has_frames else f"Put the frames {frames}"
            what = f"is not a frame. {wanted} in this folder. Move other files away."
        elif kind == "TIFF":
            what = _tiff_problem(found[0], frames)
        else:
            what = (
                f"the format {kind} is not read here. Save one single-channel TIFF a frame,"
                f" {frames}; {GUIDE} does it."
            )
        problems.append(f"{first_of(found)}: {what}")
    return problems


def _image_kind(path: Path) -> str | None:
    """Return the format of an image by the file's name, e.g. `PNG`; None for other files."""
    ending = path.suffix.lower().removeprefix(".")
    return _NAMES.get(ending, ending.upper()) if _IMAGES.fullmatch(ending) else None


def _tiff_problem(path: Path, frames: str) -> str:
    """Say what a TIFF file is that is not named as a frame, and what to do about it."""
    shape: tuple[int, ...] = ()
    axes = ""
    with suppress(OSError, tifffile.TiffFileError, *UNREADABLE):
        if path.is_file():  # who opens a named pipe waits for ever
            with tifffile.TiffFile(path) as tif:
                series = tif.series[0]
                shape, axes = series.shape, series.axes
    planes = prod(shape[:-2])
    if planes > 1 and "T" in axes:
        return (
            f"is a movie of {planes} planes. Save one single-channel TIFF a frame, {frames};"
            f" {GUIDE} does it."
        )
    if planes > 1:
        return (
            f"holds {planes} planes, and is not named as a frame. If these are frames of a movie,"
            f" save one TIFF a frame, {frames}; {GUIDE} does it. If they are the slices of"
            " one volume, rename the volumes so."
        )
    return f"is not named as a frame. Rename the frames {frames} in order of time, or move it away."
