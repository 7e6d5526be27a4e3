"""Fit the part of sam4ct/stages/costs.json that tells masks which cover two cells.

    python benchmarks/fit_merged.py OUT

takes the simulated cases of fit_costs.py below OUT (made if they are not there), flat ones and
volumes, with either kind of evidence, and learns from them all at once when two regions
before a mask and two after it are what it covers. Of all couples on a side the best one
counts, by what was learned so far, so the fit is repeated a few times. Prints how many
merged masks are found in cases that a fit has not seen. No real data is used.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from fit_cases import Case, gather
from fit_costs import fitted_to, ranges_of, save_table
from numpy.typing import NDArray

from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.link.repair import scene_of
from sam4ct.stages.associate import load_costs
from sam4ct.stages.associate.costs import TABLE, Quadratic
from sam4ct.stages.associate.features import MergeCandidates
from sam4ct.stages.associate.features.merges import MERGE_FEATURES
from sam4ct.stages.repair.undersegmentation import best_merges, merges_around
from sam4ct.tables import Floats, Ints

CASES = {("sam2", 2): 20, ("overlap", 2): 24, ("sam2", 3): 22, ("overlap", 3): 30}
ROUNDS = 4
FOLDS = 5
START = Quadratic(
    bias=0.0,
    weights=dict.fromkeys(MERGE_FEATURES, 0.0),
    squares=dict.fromkeys(MERGE_FEATURES, 0.0) | {"size": -4.0, "centre": -4.0, "box": -1.0},
)
"""By which the couples of the first round are chosen: those that fit best."""
ODDS = (-1.0, 0.0, 1.0)
"""Log odds beyond which masks are cut, in what is printed."""


@dataclass(frozen=True)
class Sides:
    """All couples of a case, and which masks cover two cells."""

    before: MergeCandidates
    after: MergeCandidates
    merged: NDArray[np.bool_]
    """By detection; those in the first and last frames are none of these."""


def sides_of(case: Case, evidence: str) -> Sides:
    """Find the couples of a case."""
    costs = load_costs(evidence, f"{case.plan.profile.ndim}d")
    scene = scene_of(case.plan)
    before, after = merges_around(case.detections, case.evidence, costs, scene)
    inner = (case.detections.t > 0) & (case.detections.t < scene.frames - 1)
    return Sides(before, after, inner & np.array([len(cells) > 1 for cells in case.cells]))


def best_sides(case: Sides, model: Quadratic) -> tuple[Ints, Floats, Floats]:
    """Return the masks with a couple on either side, and the features of the best on each."""
    masks, b, a = best_merges(case.before, case.after, model)
    before, after = (
        side.features[rows].packed(MERGE_FEATURES)
        for side, rows in ((case.before, b), (case.after, a))
    )
    return masks, before, after


def examples(case: Sides, model: Quadratic) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the features of the best couples of masks, both sides and their squares added up."""
    masks, before, after = best_sides(case, model)
    return np.concatenate([before + after, before**2 + after**2], axis=1), case.merged[masks]


def ranged(model: Quadratic, cases: list[Sides]) -> Quadratic:
    """Return the model with the ranges that the features of one side have in some cases."""
    sides = [side for case in cases for side in best_sides(case, model)[1:]]
    return replace(model, ranges=ranges_of(np.concatenate(sides), MERGE_FEATURES))


def fit(cases: list[Sides]) -> Quadratic:
    """Fit half the log odds, of one side."""
    model = START
    for _ in range(ROUNDS):
        features, right = zip(*(examples(case, model) for case in cases), strict=True)
        model = fitted_to(np.concatenate(features), np.concatenate(right), MERGE_FEATURES)
        model = replace(model, bias=0.5 * model.bias, ranges={})
    return ranged(model, cases)


def tried(cases: list[Sides]) -> None:
    """Print how many merged masks are found by fits to other cases."""
    found = {odds: np.zeros(2, np.int64) for odds in ODDS}
    for fold in range(FOLDS):
        model = fit([case for i, case in enumerate(cases) if i % FOLDS != fold])
        for case in cases[fold::FOLDS]:
            both, right = examples(case, model)
            weights = [*model.weights.values(), *model.squares.values()]
            values = both @ np.array(weights) + 2.0 * model.bias
            for odds in ODDS:
                found[odds] += np.array([(right & (values > odds)).sum(), (values > odds).sum()])
    merged = sum(int(case.merged.sum()) for case in cases)
    for odds, (right, cut) in found.items():
        print(f"beyond {odds:+.0f}: {cut} masks cut, {right} of {merged} merged ones")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--ranges", type=int, metavar="CASES", help="Only note the ranges of features in so many."
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    cases = []
    for (evidence, ndim), count in CASES.items():
        count = min(count, arguments.ranges or count)
        options = Options(profile="auto", evidence=evidence)
        cases += [sides_of(gather(arguments.out, s, ndim, options), evidence) for s in range(count)]
        print(f"{evidence}, {ndim}D: {count} cases", flush=True)
    table = json.loads(TABLE.read_text())
    if arguments.ranges:
        model = ranged(Quadratic(**table["couples"]), cases)
    else:
        tried(cases)
        model = fit(cases)
    save_table(table | {"couples": vars(model)})


if __name__ == "__main__":
    main()
