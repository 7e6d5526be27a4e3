"""Convert: the TIFF frames of a folder as one OME-Zarr movie, plane by plane."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.files import (
    file_ranges,
    frame_files,
    frame_pattern,
    in_one_message,
    is_image,
    list_folder,
    refuse_not_finite,
    sha256_of,
)
from sam4ct.io.ome_zarr import Movie, ZarrWriter, refuse_zarr_target
from sam4ct.io.tiff import (
    GIVE_SPACING,
    SPACING_UNKNOWN,
    Frame,
    FrameInfo,
    read_info,
    read_planes,
    spacing_of,
    warn_of_odd_spacing,
    warn_of_unsaid_stack,
)
from sam4ct.profile import Spacing, load_profile, profile_names
from sam4ct.runtime import Progress

logger = logging.getLogger(__name__)

KINDS = {"t": (), "mask": ("res_track.txt",), "man_seg": (), "man_track": ("man_track.txt",)}
"""Prefixes of frame files, and the names of what lies beside them."""
_LEVELS = 3
"""From the frames up to the dataset's folder, at most: `DATASET/SS_GT/TRA`."""


def convert(
    source: Path, target: Path, *, spacing_um: Spacing | None = None, overwrite: bool = False
) -> Movie:
    """Write the frames of a folder as an OME-Zarr movie, (t, [z,] y, x).

    The same call goes on where an earlier one was stopped; the target appears when
    every frame has been read back and found to be what was written.

    Args:
        source: Holds `tNNN.tif`, `maskNNN.tif`, `man_segNNN.tif` or `man_trackNNN.tif`.
        target: The Zarr folder to write.
        spacing_um: Size of a voxel (z, y, x); None: as the dataset's profile
            says, or else the header of the first frame.
        overwrite: Replace an older target.

    Returns:
        What was written.

    Raises:
        SequenceError: Frames are missing, damaged, of several shapes or types, or not finite.
        ResultError: The target is there already.
        WorkError: The disk refuses.
    """
    source, target = Path(os.path.abspath(source)), Path(os.path.abspath(target))
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise SequenceError(
            f"{target}: the movie may not be written into or over the input. Choose another place."
        )
    files = movie_files(source)
    warn_of_unsaid_stack(files.values())
    refuse_zarr_target(target, overwrite=overwrite)
    info = _common_info(files)
    spacing = spacing_um or _known_spacing(source, files[0])
    movie = Movie(source.name, len(files), info.shape, str(info.dtype), spacing)
    with ZarrWriter.open(target, movie, overwrite=overwrite) as writer:
        _write(writer, files)
        with Progress(len(files), "check", "frames") as progress:
            writer.finish(progress.step)
    return movie


def movie_files(folder: Path) -> dict[int, Path]:
    """Return the frames of a folder by number, from 0 on and without gaps.

    Raises:
        SequenceError: There are none, some are missing, or other files lie among them.
    """
    names = [path.name for path in list_folder(folder)]
    kind = next((k for k in KINDS if any(map(frame_pattern(k).fullmatch, names))), None)
    if kind is None:
        if any(map(is_image, list_folder(folder))):
            raise SequenceError(in_one_message(frame_files(folder, "t").problems))
        raise SequenceError(
            f"{folder}: holds no frames. Give a folder of t000.tif, mask000.tif or"
            " man_seg000.tif and so on."
        )
    found = frame_files(folder, kind, KINDS[kind])
    problems = list(found.problems)
    if missing := set(range(max(found.files) + 1)) - set(found.files):
        problems.append(
            f"{folder}: {file_ranges(kind, missing, found.digits)} missing. Add these frames,"
            " or renumber from 0 without gaps."
        )
    if problems:
        raise SequenceError(in_one_message(problems))
    return found.files


def _common_info(files: Mapping[int, Path]) -> FrameInfo:
    """The shape and type of all frames, from their headers."""
    first, common = files[0], read_info(files[0])
    if common.dtype.kind not in "uif":
        raise SequenceError(
            f"{first}: has the type {common.dtype}. Save frames as integers or floats."
        )
    for path in files.values():
        info = read_info(path)
        if info != common:
            raise SequenceError(
                f"{path}: is {info.dtype} of shape {info.shape}, but {first.name} is"
                f" {common.dtype} of shape {common.shape}. Save all frames with one type and shape."
            )
    return common


def _known_spacing(source: Path, first: Path) -> Spacing | None:
    """The spacing in the dataset's profile, else in the header of a frame; None without either."""
    shipped = profile_names()
    dataset = next((p.name for p in source.parents[:_LEVELS] if p.name in shipped), None)
    spacing = load_profile(dataset).spacing_um if dataset else spacing_of(first)
    if spacing is None and len(read_info(first).shape) == 2:
        logger.info("%s: pixels of unknown size; --spacing Z Y X says it", source)
    elif spacing is None:
        logger.warning(SPACING_UNKNOWN, source, GIVE_SPACING)
    else:
        warn_of_odd_spacing(first, spacing, GIVE_SPACING)
        told = f"profile {dataset}" if dataset else first.name
        logger.info("%s: voxels of %g x %g x %g um (z, y, x), by %s", source, *spacing, told)
    return spacing


def _finite_planes(path: Path) -> Iterator[Frame]:
    for plane in read_planes(path):
        refuse_not_finite(f"{path}: the image", plane)
        yield plane


def _write(writer: ZarrWriter, files: Mapping[int, Path]) -> None:
    """Write every frame that is not there yet, or whose file has changed since."""
    with Progress(len(files), "convert", "frames") as progress:
        for t, path in files.items():
            digest = sha256_of(path)
            if not writer.has(t, digest):
                writer.write(t, _finite_planes(path), digest)
            progress.step()
