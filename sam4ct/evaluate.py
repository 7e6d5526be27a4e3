"""Scores of a result against ground truth, by the organisers' own package py-ctcmetrics.

Owns what the package leaves to its caller: pairing files by frame number, refusing
input it would stumble over, and the composed scores. The measures are the package's.
Whether a result keeps the rules in detail is left to `io.validate`.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ctc_metrics.metrics import valid
from ctc_metrics.scripts.evaluate import calculate_metrics, match_computed_to_reference_masks
from numpy.typing import NDArray

from sam4ct.errors import ResultError, Sam4ctError, SequenceError
from sam4ct.io.names import file_ranges, frame_files, in_one_message, list_folder
from sam4ct.io.result import MASK
from sam4ct.io.tiff import read_info
from sam4ct.io.tracks import TRACKS, read_tracks
from sam4ct.lineage import MAX_LABEL, Track, frame_problems, table_problems

Scores = dict[str, float | None]

DIVISION_TOLERANCES = (0, 1, 2, 3)
"""Frames by which a division may be early or late, in BC(i)."""
BIO_PARTS = ("CT", "TF", "BC(1)", "CCA")
MEASURED = (
    *("Valid", "DET", "SEG", "TRA", "LNK", "CT", "TF"),
    *(f"BC({i})" for i in DIVISION_TOLERANCES),
    "CCA",
)
KEYS = (*MEASURED, "BIO", "OP_CLB", "OP_CTB")
"""Names of all scores, in order."""

_GOLD = re.compile(r"man_seg_?([0-9]+)(?:_([0-9]+))?\.tif")


@dataclass(frozen=True)
class _Masks:
    """Tracks and their mask files, one a frame from 0."""

    folder: Path
    files: tuple[Path, ...]
    tracks: tuple[Track, ...]

    def table(self) -> NDArray[np.int64]:
        """The tracks as (N, 4): label, begin, end, parent."""
        return np.array([track.row() for track in self.tracks], np.int64)


def evaluate(res_dir: Path, gt_dir: Path) -> Scores:
    """Return the challenge's scores of a result.

    Args:
        res_dir: Holds `maskNNN.tif` and `res_track.txt`.
        gt_dir: Holds `TRA`, and `SEG` if there is any.

    Returns:
        Every name in `KEYS`. None where a score does not exist: SEG without `SEG`, BC
        without divisions, CCA without a whole cell cycle, LNK without links, and all
        but Valid of a result that breaks the rules. BIO is the mean of those there
        are of CT, TF, BC(1) and CCA.

    Raises:
        ResultError: The result is incomplete, unreadable, or of another sequence.
        SequenceError: The ground truth is.
    """
    reference = _masks(gt_dir / "TRA", "man_track", "man_track.txt", SequenceError)
    result = _masks(res_dir, MASK, TRACKS, ResultError)
    _refuse_wrong_reference(reference)
    _refuse_other_sequence(result, reference)
    scores: Scores = dict.fromkeys(KEYS)
    scores["Valid"] = 0.0
    last = len(result.files) - 1
    if (
        result.tracks
        and not table_problems(result.tracks)
        and max(track.end for track in result.tracks) <= last
    ):
        scores.update(_measured(result, reference, _gold(gt_dir / "SEG", result.files)))
    return scores | _composed(scores)


def _masks(folder: Path, prefix: str, table: str, kind: type[Sam4ctError]) -> _Masks:
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
    return _Masks(folder, tuple(found.files.values()), tuple(tracks))


def _refuse_wrong_reference(reference: _Masks) -> None:
    problems = table_problems(reference.tracks)
    if not reference.tracks:
        problems = ["there are no tracks."]
    if len(reference.files) < 2:
        problems = ["there is one frame only; tracking needs two or more."]
    if problems:
        raise _wrong_reference(reference, problems)


def _wrong_reference(reference: _Masks, problems: Iterable[str]) -> SequenceError:
    return SequenceError(
        f"{reference.folder}: cannot be used as ground truth: {in_one_message(problems)}"
        " Fetch the ground truth again, or mend it."
    )


def _refuse_other_sequence(result: _Masks, reference: _Masks) -> None:
    """Refuse a result whose frames differ from those of the ground truth, or are no labels."""
    if len(result.files) != len(reference.files):
        raise ResultError(
            f"{result.folder}: has {len(result.files)} frames, but {reference.folder} has"
            f" {len(reference.files)}. Give the result and the ground truth of one sequence."
        )
    for path, true_path in zip(result.files, reference.files, strict=True):
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
    # The package adds both labels in 16 bits and would wrap around unnoticed.
    highest = [max((t.label for t in m.tracks), default=0) for m in (result, reference)]
    if sum(highest) >= MAX_LABEL:
        raise ResultError(
            f"{result.folder}: has labels up to {highest[0]}, and the ground truth up to"
            f" {highest[1]}; together too many for py-ctcmetrics. Renumber the tracks from 1."
        )


def _gold(folder: Path, masks: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Return pairs of a segmented frame of the ground truth and the mask of that frame.

    A volume of which single slices are segmented (`man_seg_TTT_ZZZ.tif`) counts once, as
    `man_seg_TTT.tif`, which is how the package knows it.
    """
    if not folder.is_dir():
        return []
    pairs: dict[Path, Path] = {}
    for path in list_folder(folder):
        match = _GOLD.fullmatch(path.name)
        if match is None or int(match[1]) >= len(masks):
            raise SequenceError(
                f"{path}: belongs to no frame of {masks[0].parent}. Remove it, or give the"
                " ground truth and the result of one sequence."
            )
        mask = masks[int(match[1])]
        sliced = match[2] is not None
        shape, expected = read_info(path).shape, read_info(mask).shape
        if shape != (expected[1:] if sliced else expected):
            raise SequenceError(
                f"{path}: has the shape {shape}, but {mask} has {expected}. Give the"
                " ground truth and the result of one sequence."
            )
        name = f"{path.stem.rpartition('_')[0]}.tif" if sliced else path.name
        pairs[folder / name] = mask
    return sorted(pairs.items())


def _measured(result: _Masks, reference: _Masks, gold: Sequence[tuple[Path, Path]]) -> Scores:
    """Return what the package measures; Valid alone if the masks break the rules."""
    wanted = [name for name in MEASURED if not name.startswith("BC(")]
    wanted.append(f"BC({max(DIVISION_TOLERANCES)})")
    if not gold:
        wanted.remove("SEG")
    if not any(track.end > track.begin or track.parent for track in reference.tracks):
        wanted.remove("LNK")
    with _quiet():
        matched = _matched(zip(reference.files, result.files, strict=True))
        tracks = {track.label: track for track in reference.tracks}
        for t, present in enumerate(matched["labels_ref"]):
            if problems := frame_problems(t, present, tracks):
                raise _wrong_reference(reference, problems)
        files = [str(path) for path in result.files]
        if not valid(files, result.table(), matched["labels_comp"]):
            return {"Valid": 0.0}
        scores = calculate_metrics(
            result.table(), reference.table(), matched, _matched(gold) if gold else {}, wanted, 1
        )
    return {
        name: None if (score := scores.get(name)) is None else float(score) for name in MEASURED
    }


def _matched(pairs: Iterable[tuple[Path, Path]]) -> dict[str, list[list[int]]]:
    """Match reference and result labels frame by frame, in this process."""
    reference, computed = zip(*((str(a), str(b)) for a, b in pairs), strict=True)
    matched: dict[str, list[list[int]]] = match_computed_to_reference_masks(
        list(reference), list(computed), threads=1
    )
    return matched


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the package prints and warns of from the user."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _composed(scores: Scores) -> Scores:
    biological = [score for name in BIO_PARTS if (score := scores[name]) is not None]
    bio = sum(biological) / len(biological) if biological else None
    return {
        "BIO": bio,
        "OP_CLB": _mean(scores["LNK"], bio),
        "OP_CTB": _mean(scores["SEG"], scores["TRA"]),
    }


def _mean(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else (a + b) / 2.0
