"""Check a result folder of any program by the rules of the Cell Tracking Challenge.

All problems are collected. One plane is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sam4ct.errors import ResultError, SequenceError
from sam4ct.io.ctc.result import MASK
from sam4ct.io.ctc.track_table import TRACKS, read_tracks
from sam4ct.io.files import FrameFiles, frame_files, frame_name, holds_tiff, labels_in
from sam4ct.io.tiff import read_info, read_planes
from sam4ct.lineage import Track, frame_problems, table_problems

_OF_TRUTH = "man_track.txt"


@dataclass(frozen=True)
class _Pictures:
    """Facts of the images of a result."""

    frames: frozenset[int]
    digits: int
    """Width of the frame numbers."""
    shape: Callable[[int], tuple[int, ...]]
    """Returns the shape of a frame, ([z,] y, x)."""


def validate_result(folder: Path, images: Path | None = None) -> list[str]:
    """Return the problems of a result folder, one message each; [] if it is valid.

    Args:
        folder: Holds `maskNNN.tif` and `res_track.txt`.
        images: Its images, `DATASET/SS`, as TIFF files or Zarr; None: check without them.

    Raises:
        SequenceError: A folder cannot be listed, or there are problems with the images.
    """
    masks = frame_files(folder, MASK, beside=(TRACKS, _OF_TRUTH))
    problems = list(masks.problems)
    tracks = None
    try:
        tracks = _tracks(folder)
        problems += [f"{folder / TRACKS}: {problem}" for problem in table_problems(tracks)]
    except ResultError as error:
        problems.append(str(error))
    pictures = None if images is None else _images(images)
    problems += _frame_number_problems(masks, tracks, pictures)
    problems += _mask_problems(masks, tracks, pictures)
    return problems


def _tracks(folder: Path) -> list[Track]:
    if (folder / _OF_TRUTH).exists():
        raise ResultError(
            f"{folder / _OF_TRUTH}: is the table of a ground truth. Name that of a result {TRACKS}."
        )
    return read_tracks(folder / TRACKS)


def _images(folder: Path) -> _Pictures:
    if not holds_tiff(folder) and (found := _movie(folder)):
        return found
    pictures = frame_files(folder, "t")
    if pictures.problems:
        raise SequenceError(pictures.problems[0])
    if not (files := pictures.files):
        raise SequenceError(f"{folder}: holds no images. Give the folder with t000.tif.")
    return _Pictures(frozenset(files), pictures.width, lambda t: read_info(files[t]).shape)


def _movie(folder: Path) -> _Pictures | None:
    """Return the images if they are Zarr; None if there is no Zarr."""
    from sam4ct.io.movie import ZARR, digits_of, open_volumes  # importing zarr takes some time

    beside = folder.with_name(f"{folder.name}{ZARR}")
    if not (beside.is_dir() or folder.suffix == ZARR or any(folder.glob(f"*{ZARR}"))):
        return None
    movie = open_volumes(folder)
    return _Pictures(
        frozenset(range(movie.frames)), digits_of(folder, movie), lambda t: movie.shape
    )


def _frame_number_problems(
    masks: FrameFiles, tracks: list[Track] | None, pictures: _Pictures | None
) -> list[str]:
    tracks = tracks or []
    if pictures is None:
        last = max(masks.files, default=0)
        expected, digits = set(range(last + 1)), masks.width
        # A wrong number in the table may be huge; the first missing frame is enough.
        expected |= {last + 1} if any(track.end > last for track in tracks) else set()
    else:
        expected, digits = set(pictures.frames), pictures.digits
    problems = [
        f"{masks.folder / frame_name(MASK, t, digits or 3)}: is missing."
        for t in sorted(expected - set(masks.files))
    ]
    problems += [
        f"{masks.files[t]}: there is no image of frame {t}."
        for t in sorted(set(masks.files) - expected)
    ]
    problems += [
        f"{masks.folder / TRACKS}: track {track.label}: ends after the last frame."
        for track in tracks
        if track.end > max(expected)
    ]
    if masks.files and masks.width != digits:
        problems.append(
            f"{masks.folder}: frame numbers have {masks.width} digits, but those of the"
            f" images {digits}. Rename the masks."
        )
    return problems


def _mask_problems(
    masks: FrameFiles, tracks: list[Track] | None, pictures: _Pictures | None
) -> list[str]:
    """Return problems of type, shape and labels of the masks; of labels only with tracks."""
    by_label = {track.label: track for track in tracks or []}
    shape: tuple[int, ...] | None = None
    problems = []
    for t, path in masks.files.items():
        try:
            mask, labels = read_info(path), labels_in(read_planes(path))
            if pictures is not None and t in pictures.frames:
                shape = pictures.shape(t)
        except SequenceError as error:
            problems.append(str(error))
            continue
        if mask.dtype != np.uint16:
            problems.append(f"{path}: has the type {mask.dtype}, not uint16.")
        shape = shape or mask.shape
        if mask.shape != shape:
            problems.append(f"{path}: has the shape {mask.shape}, not {shape}.")
        found = [] if tracks is None else frame_problems(t, labels, by_label)
        problems += [f"{path}: {problem}" for problem in found]
    return problems
