"""The files of a result and of ground truth, paired by frame number.

Files that py-ctcmetrics would fail on without a message are refused, with path and remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import ResultError, Sam4ctError, SequenceError
from sam4ct.io.ctc import MASK, TRACKS, read_tracks
from sam4ct.io.files import TIFF, file_ranges, frame_files, in_one_message, list_folder
from sam4ct.io.tiff import read_frame, read_info, read_label_frame
from sam4ct.lineage import MAX_LABEL, Track, table_problems
from sam4ct.regions import LabelFrame

_GOLD = re.compile(rf"man_seg_?([0-9]+)(?:_([0-9]+))?{TIFF}")
_TRUE_TRACKS = "man_track.txt"
_OTHER_SEQUENCE = "Give the ground truth and the result of one sequence."


@dataclass(frozen=True)
class Masks:
    """Tracks and their mask files, one for each frame from 0."""

    folder: Path
    files: tuple[Path, ...]
    tracks: tuple[Track, ...]

    def table(self) -> NDArray[np.int64]:
        """Return the tracks as (N, 4): label, begin, end, parent."""
        return np.array([track.row() for track in self.tracks], np.int64)

    def read(self, t: int) -> NDArray[np.uint16]:
        """Return the labels of a frame of a result, ([z,] y, x)."""
        return read_frame(self.files[t]).astype(np.uint16, copy=False)


@dataclass(frozen=True)
class Gold:
    """The segmented cells of one frame: the whole frame, or some slices of a volume."""

    t: int
    slices: dict[int | None, Path]
    """By z; None is the whole frame."""

    def read(self, masks: LabelFrame) -> tuple[LabelFrame, LabelFrame]:
        """Return the true labels, and the slices of a frame's masks that belong to them."""
        truth = {z: read_truth(path) for z, path in self.slices.items()}
        if None in truth:
            return truth[None], masks
        return np.stack(list(truth.values())), masks[[z for z in truth if z is not None]]


def find_result(folder: Path) -> Masks:
    """Return the files of a result; raise ResultError if they are not complete."""
    return _find(folder, MASK, TRACKS, ResultError)


def find_truth(gt_dir: Path) -> Masks:
    """Return the tracking truth of `SS_GT`; raise SequenceError if it cannot be used."""
    if not (gt_dir / "TRA").is_dir():
        raise SequenceError(_no_truth(gt_dir))
    truth = _find(gt_dir / "TRA", "man_track", _TRUE_TRACKS, SequenceError)
    if len(truth.files) < 2:
        refuse_truth(truth.folder, ["there is one frame only; tracking needs two or more."])
    problems = table_problems(truth.tracks) if truth.tracks else ["there are no tracks."]
    problems += [
        f"track {track.label}: ends at frame {track.end}, after the last one."
        for track in truth.tracks
        if track.end >= len(truth.files)
    ]
    refuse_truth(truth.folder / _TRUE_TRACKS, problems)
    return truth


def refuse_truth(path: Path, problems: Iterable[str]) -> None:
    """Raise a SequenceError about a file of ground truth if there are problems."""
    if found := list(problems):
        raise SequenceError(
            f"{path}: cannot be used as ground truth: {in_one_message(found)}"
            " Fetch the ground truth again, or correct the file."
        )


def refuse_swapped(res_dir: Path, gt_dir: Path) -> None:
    """Raise a ResultError if result and ground truth are swapped."""
    if (gt_dir / TRACKS).exists() and _truth_near(res_dir):
        raise ResultError(
            f"{res_dir}: is ground truth, and {gt_dir} a result. Give the result first, then the"
            " ground truth."
        )


def _no_truth(gt_dir: Path) -> str:
    """Return the message that a folder is not ground truth, and which one is."""
    list_folder(gt_dir)
    wanted = " or ".join(map(str, _truth_near(gt_dir)))
    wanted = wanted or "DATASET/SS_GT, the folder that holds TRA/man_track.txt"
    return f"{gt_dir / 'TRA'}: is missing. Give {wanted}."


def _truth_near(folder: Path) -> list[Path]:
    """Return the folders of ground truth near a folder: itself, above it or in it."""
    near = [folder, folder.absolute().parent, *sorted(folder.glob("[0-9]*_GT"))]
    return [path for path in near if (path / "TRA" / _TRUE_TRACKS).is_file()]


def find_gold(gt_dir: Path, result: Masks) -> list[Gold]:
    """Return the segmentation truth of `SS_GT` by frame; [] if there is none.

    Raises:
        SequenceError: A file belongs to no frame or slice of the result, or has another shape.
    """
    folder = gt_dir / "SEG"
    frames: dict[int, Gold] = {}
    for path in list_folder(folder) if folder.is_dir() else []:
        match = _GOLD.fullmatch(path.name)
        if match is None:
            raise SequenceError(
                f"{path}: is not named as segmentation truth, man_seg000.tif or, for a slice of a"
                " volume, man_seg_000_000.tif (frame and z). Rename it, or move it away."
            )
        t, z = int(match[1]), None if match[2] is None else int(match[2])
        if t >= len(result.files):
            raise SequenceError(
                f"{path}: is of frame {t}, but {result.folder} has frames 0 to"
                f" {len(result.files) - 1}. {_OTHER_SEQUENCE}"
            )
        _refuse_unfit(path, z, result.files[t])
        frames.setdefault(t, Gold(t, {})).slices[z] = path
    return [frames[t] for t in sorted(frames)]


def _refuse_unfit(path: Path, z: int | None, mask: Path) -> None:
    """Raise a SequenceError unless true labels, of slice z or of all, fit a mask in shape."""
    shape, expected = read_info(path).shape, read_info(mask).shape
    if z is not None and len(expected) < 3:
        raise SequenceError(
            f"{path}: is of a slice of a volume by its name, but {mask} is an image."
            f" {_OTHER_SEQUENCE}"
        )
    if z is not None and z >= expected[0]:
        raise SequenceError(
            f"{path}: is of slice {z} by its name, but {mask} has the slices 0 to"
            f" {expected[0] - 1}. Number slices from 0, or give the truth of this sequence."
        )
    if shape != (expected if z is None else expected[1:]):
        raise SequenceError(
            f"{path}: has the shape {shape}, but {mask} has {expected}. {_OTHER_SEQUENCE}"
        )


def refuse_other_sequence(result: Masks, truth: Masks) -> None:
    """Raise a ResultError unless both have the same number of frames, of the same shape."""
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
    """Return a frame of true labels; raise SequenceError if they cannot be labels."""
    labels = read_label_frame(path)
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > MAX_LABEL:
        raise SequenceError(
            f"{path}: has labels from {low} to {high}, but they run from 0 to {MAX_LABEL}."
            " Fetch the ground truth again."
        )
    return labels.astype(np.uint16)


def _find(folder: Path, prefix: str, table: str, kind: type[Sam4ctError]) -> Masks:
    """Return the masks of a folder; raise `kind` unless its frames are complete from 0."""
    try:
        found = frame_files(folder, prefix, beside=(table,))
        tracks = read_tracks(folder / table)
    except Sam4ctError as error:
        raise kind(str(error)) from error
    problems = list(found.problems)
    if not found.files:
        problems.append(f"{folder}: holds no masks. Give the folder with {prefix}000.tif.")
    elif missing := set(range(max(found.files) + 1)) - set(found.files):
        problems.append(
            f"{folder}: {file_ranges(prefix, missing, found.digits)} missing. Add a file for every"
            " frame from 0 on; truth or a result of some frames only cannot be scored."
        )
    if problems:
        raise kind(in_one_message(problems))
    return Masks(folder, tuple(found.files.values()), tuple(tracks))
