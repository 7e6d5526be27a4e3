"""The challenge's scores of a result.

Owns which scores there are and the composed ones; the measures themselves are those
of py-ctcmetrics. Whether and how a result breaks the rules is left to `io.validate`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ctc_metrics.metrics import valid
from ctc_metrics.scripts.evaluate import calculate_metrics

from sam4ct.evaluate.files import (
    Gold,
    Masks,
    find_gold,
    find_result,
    find_truth,
    read_truth,
    refuse_other_sequence,
    refuse_swapped,
    refuse_truth,
)
from sam4ct.evaluate.matching import Match, match
from sam4ct.lineage import frame_problems, table_problems

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
        ResultError: The result is incomplete, or of another sequence.
        SequenceError: The ground truth cannot be used, or a frame is unreadable.
    """
    refuse_swapped(res_dir, gt_dir)
    truth, result = find_truth(gt_dir), find_result(res_dir)
    refuse_other_sequence(result, truth)
    scores: Scores = dict.fromkeys(KEYS)
    scores["Valid"] = 0.0
    if _table_is_valid(result):
        scores.update(_measured(result, truth, find_gold(gt_dir, result)))
    return scores | _composed(scores)


def _table_is_valid(result: Masks) -> bool:
    """Whether the track table alone keeps the rules; the package takes that for granted."""
    return not table_problems(result.tracks) and max(
        (track.end for track in result.tracks), default=0
    ) < len(result.files)


def _measured(result: Masks, truth: Masks, gold: Sequence[Gold]) -> Scores:
    """Return what the package measures; Valid alone if the masks break the rules."""
    matches = []
    tracks = {track.label: track for track in truth.tracks}
    for t, true_path in enumerate(truth.files):
        matches.append(match(read_truth(true_path), result.read(t)))
        refuse_truth(true_path, frame_problems(t, matches[t].true_labels, tracks))
    segmented = [match(*frame.read(result.read(frame.t))) for frame in gold]
    names = [name for name in MEASURED if not name.startswith("BC(")]
    names.append(f"BC({max(DIVISION_TOLERANCES)})")
    if not segmented:
        names.remove("SEG")
    if not any(track.end > track.begin or track.parent for track in truth.tracks):
        names.remove("LNK")
    if not result.tracks:
        return _of_empty(truth, matches, segmented, names)
    with warnings.catch_warnings():
        # The package warns of each broken rule, and of some divisions by zero.
        warnings.simplefilter("ignore")
        if not valid(
            [str(path) for path in result.files],
            result.table(),
            [found.labels for found in matches],
        ):
            return {"Valid": 0.0}
        measured = calculate_metrics(
            result.table(), truth.table(), _columns(matches), _columns(segmented), names, True
        )
    return {
        name: None if (score := measured.get(name)) is None else float(score) for name in MEASURED
    }


def _of_empty(
    truth: Masks, matches: Sequence[Match], segmented: Sequence[Match], names: Sequence[str]
) -> Scores:
    """Return the scores of a result without tracks: zero, where the truth allows for a score.

    The challenge's rules do not ask for a cell, but the package stumbles over a result without
    one. Nothing of it is right, so that every score is 0 that the truth itself would have.
    """
    if any(found.labels for found in matches):
        return {"Valid": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        perfect, outlined = (_columns(map(_perfect, found)) for found in (matches, segmented))
        there = calculate_metrics(truth.table(), truth.table(), perfect, outlined, names, True)
    return {name: None if there.get(name) is None else 0.0 for name in MEASURED} | {"Valid": 1.0}


def _perfect(found: Match) -> Match:
    """Return the match of the true labels of a frame with themselves."""
    labels = found.true_labels
    return Match(labels, labels, labels, labels, [1.0] * len(labels))


def _columns(matches: Iterable[Match]) -> dict[str, list[Any]]:
    """Return matches as the package keeps them: one list of lists a column."""
    matches = list(matches)
    return {
        "labels_ref": [m.true_labels for m in matches],
        "labels_comp": [m.labels for m in matches],
        "mapped_ref": [m.matched_true for m in matches],
        "mapped_comp": [m.matched for m in matches],
        "ious": [m.ious for m in matches],
    }


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
