"""The scores of the Cell Tracking Challenge: those of py-ctcmetrics, and the composed ones.

Sources: Maška et al. (2014), Ulman et al. (2017), Maška et al. (2023). `sam4ct validate` says
which rules a result breaks.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ctc_metrics.metrics import valid
from ctc_metrics.scripts.evaluate import calculate_metrics

from sam4ct.lineage import frame_problems, table_problems
from sam4ct.metrics.files import (
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
from sam4ct.metrics.matching import Match, match

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
        res_dir: Has `maskNNN.tif` and `res_track.txt`.
        gt_dir: Has `TRA`, and may have `SEG`.

    Returns:
        Every name in `KEYS`. None where a score does not exist: SEG without `SEG`, BC
        without divisions, CCA without a whole cell cycle, LNK without links, and all
        but Valid if the result breaks the rules. BIO is the mean of CT, TF, BC(1) and CCA,
        as far as they exist.

    Raises:
        ResultError: The result is incomplete, or belongs to another sequence.
        SequenceError: The ground truth cannot be used, or a frame cannot be read.
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
    """Return whether the track table keeps the rules, which py-ctcmetrics does not check."""
    return not table_problems(result.tracks) and max(
        (track.end for track in result.tracks), default=0
    ) < len(result.files)


def _measured(result: Masks, truth: Masks, gold: Sequence[Gold]) -> Scores:
    """Return the scores of py-ctcmetrics; Valid alone if the masks break the rules."""
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
        # py-ctcmetrics warns of each broken rule, and of some divisions by zero.
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
    """Return the scores of a result without tracks, on which py-ctcmetrics fails.

    The rules of the challenge allow it. Every score is 0 that the truth itself would have.
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
    """Return matches in the form of py-ctcmetrics: a list of lists for each column."""
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
