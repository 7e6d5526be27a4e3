"""The files of a result and of ground truth, paired by frame number.

Owns finding and refusing; nothing is scored here. Every refusal names the path and
the remedy, as py-ctcmetrics would stumble over it without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import ResultError, Sam4ctError, SequenceError
from sam4ct.io.label_frames import read_label_frame
from sam4ct.io.names import file_ranges, frame_files, in_one_message, list_folder
from sam4ct.io.result import MASK
from sam4ct.io.tiff import read_frame, read_info
from sam4ct.io.tracks import TRACKS, read_tracks
from sam4ct.lineage import MAX_LABEL, Track, table_problems
from sam4ct.regions import LabelFrame

_GOLD = re.compile(r"man_seg_?([0-9]+)(?:_([0-9]+))?\.tif")


@dataclass(frozen=True)
class Masks:
    """Tracks and their mask files, one a frame from 0."""

    folder: Path
    files: tuple[Path, ...]
    tracks: tuple[Track, ...]

    def table(self) -> NDArray[np.int64]:
        """The tracks as (N, 4): label, begin, end, parent."""
        return np.array([track.row() for track in self.tracks], np.int64)

    def read(self, t: int) -> NDArray[np.uint16]:
        """The labels of a frame of a result, ([z,] y, x)."""
        return read_frame(self.files[t]).astype(np.uint16, copy=False)


@dataclass(frozen=True)
class Gold:
    """The segmented cells of one frame: the whole frame, or some slices of a volume."""

    t: int
    slices: dict[int | None, Path]
    """By z; None is the whole frame."""

    def read(self, masks: LabelFrame) -> tuple[LabelFrame, LabelFrame]:
        """Return the true labels, and those parts of a frame's masks that they show."""
        truth = {z: read_truth(path) for z, path in self.slices.items()}
        if None in truth:
            return truth[None], masks
        return np.stack(list(truth.values())), masks[[z for z in truth if z is not None]]


def find_result(folder: Path) -> Masks:
    """Return the files of a result; raise ResultError if they are not complete."""
    return _find(folder, MASK, TRACKS, ResultError)


def find_truth(gt_dir: Path) -> Masks:
    """Return the tracking truth of `SS_GT`; raise SequenceError if it is of no use."""
    truth = _find(gt_dir / "TRA", "man_track", "man_track.txt", SequenceError)
    problems = table_problems(truth.tracks)
    if not truth.tracks:
        problems = ["there are no tracks."]
    if len(truth.files) < 2:
        problems = ["there is one frame only; tracking needs two or more."]
    refuse_truth(truth.folder, problems)
    return truth


def refuse_truth(folder: Path, problems: Iterable[str]) -> None:
    """Raise a SequenceError about ground truth if there are problems."""
    if found := list(problems):
        raise SequenceError(
            f"{folder}: cannot be used as ground truth: {in_one_message(found)}"
            " Fetch the ground truth again, or mend it."
        )


def find_gold(gt_dir: Path, result: Masks) -> list[Gold]:
    """Return the segmentation truth of `SS_GT` by frame; [] if there is none.

    Raises:
        SequenceError: A file is of no frame of the result, or of another shape.
    """
    folder = gt_dir / "SEG"
    frames: dict[int, Gold] = {}
    for path in list_folder(folder) if folder.is_dir() else []:
        match = _GOLD.fullmatch(path.name)
        if match is None or (t := int(match[1])) >= len(result.files):
            raise SequenceError(
                f"{path}: belongs to no frame of {result.folder}. Remove it, or give the"
                " ground truth and the result of one sequence."
            )
        z = None if match[2] is None else int(match[2])
        shape, expected = read_info(path).shape, read_info(result.files[t]).shape
        if shape != (expected if z is None else expected[1:]) or (z or 0) >= expected[0]:
            raise SequenceError(
                f"{path}: has the shape {shape}, but {result.files[t]} has {expected}. Give"
                " the ground truth and the result of one sequence."
            )
        frames.setdefault(t, Gold(t, {})).slices[z] = path
    return [frames[t] for t in sorted(frames)]


def refuse_other_sequence(result: Masks, truth: Masks) -> None:
    """Raise a ResultError unless the frames of both are of the same number and shape."""
    if len(result.files) != len(truth.files):
        raise ResultError(
            f"{result.folder}: has {len(result.files)} frames, but {truth.folder} has"
            f" {len(truth.files)}. Give the result and the ground truth of one sequence."
        )
    for path, true_path in zip(result.files, truth.files, strict=True):
        info, true_info = read_info(path), read_info(true_path)
        if info.dtype != np.uint16:
            raise ResultError(
                f"{path}: has the type {info.dtype}. Save the masks as uint16, as the"
                " challenge demands."
            )
        if info.shape != true_info.shape:
            raise ResultError(
                f"{path}: has the shape {info.shape}, but {true_path} has {true_info.shape}."
                " Give the result and the ground truth of one sequence."
            )


def read_truth(path: Path) -> LabelFrame:
    """Return a frame of true labels; raise SequenceError if it holds none."""
    labels = read_label_frame(path)
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > MAX_LABEL:
        raise SequenceError(
            f"{path}: has labels from {low} to {high}, but they run from 0 to {MAX_LABEL}."
            " Fetch the ground truth again."
        )
    return labels.astype(np.uint16)


def _find(folder: Path, prefix: str, table: str, kind: type[Sam4ctError]) -> Masks:
    """Return the masks of a folder, its frames complete from 0."""
    try:
        found = frame_files(folder, prefix, beside=(table,))
        tracks = read_tracks(folder / table)
    except Sam4ctError as error:
        raise kind(str(error)) from error
    problems = list(found.problems)
    if not found.files:
        problems.append(f"{folder}: holds no masks. Give the folder with {prefix}000.tif.")
    elif missing := set(range(max(found.files) + 1)) - set(found.files):
        problems.append(f"{folder}: {file_ranges(prefix, missing, found.digits)} missing. Add it.")
    if problems:
        raise kind(in_one_message(problems))
    return Masks(folder, tuple(found.files.values()), tuple(tracks))
