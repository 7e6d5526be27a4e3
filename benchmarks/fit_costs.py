"""Fit sam4ct/stages/costs.json: how features of links and divisions become log odds.

    python benchmarks/fit_costs.py OUT --evidence sam2 --cases 24

simulates cases of random looks, densities, motion and mask errors below OUT,
gathers their evidence through the product itself (resumable; nothing is done
twice), learns from two thirds of them which links and divisions are right, and
chooses the costs of beginnings, ends and gaps by the score of the last third.
No real data is used. Prints how well the fit holds on the cases it has not seen.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from sam4ct.evaluate import evaluate
from sam4ct.evaluate.matching import match
from sam4ct.finetune.pairs import draw_movie
from sam4ct.io.ctc import CtcReader, CtcSequence, find_sequences
from sam4ct.io.result import ResultWriter
from sam4ct.io.simulated import write_dataset
from sam4ct.io.tables import read_table
from sam4ct.io.tiff import read_frame
from sam4ct.io.tracks import read_tracks
from sam4ct.io.workdir import WorkDir
from sam4ct.pipelines.plan import Options, Plan, make_plan
from sam4ct.pipelines.stages import run_detect, run_propagate, scene_of
from sam4ct.simulate import MovieLaw, SegmentationErrors
from sam4ct.stages.associate import associate
from sam4ct.stages.candidates import (
    DIVISION_FEATURES,
    LINK_FEATURES,
    candidates,
    diameters,
    divisions,
)
from sam4ct.stages.costs import TABLE, Costs, Quadratic
from sam4ct.stages.fill import FillRules, fill_gaps
from sam4ct.stages.paint import paint
from sam4ct.stages.propagate import frame_pairs
from sam4ct.stages.repair import JoinedFrames, find_fragments, join
from sam4ct.stages.trace import trace
from sam4ct.tables import Detections, Evidence, Floats, Joins

FRAMES = 14
RIDGE = 3.0
"""Weight of the squared coefficients (features scaled to unit variance)."""
START = {
    "appear": 2.0,
    "disappear": 2.0,
    "appear_border": 1.0,
    "disappear_border": 1.0,
    "alone": 2.0,
    "skip": 1.0,
}
FACTORS = (0.5, 0.7, 1.4, 2.0)
"""Tried on every one of these constants, one after another."""


@dataclass(frozen=True)
class Case:
    """One simulated sequence: tables with fragments joined, and the truth."""

    plan: Plan
    detections: Detections
    evidence: Evidence
    joins: Joins
    cells: list[set[int]]
    """True tracks matched by each detection."""
    parents: dict[int, int]
    truth: Path


def draw_case(seed: int) -> tuple[MovieLaw, SegmentationErrors]:
    """Draw what a case looks like and how bad its masks are."""
    rng = np.random.default_rng([77, seed])
    movie = draw_movie(rng, 256)
    diameter = float(np.exp(rng.uniform(np.log(16), np.log(44))))
    side = int(np.clip(diameter * rng.uniform(6, 11), 150, 360))
    scale = diameter / 2.0 / movie.law.radius
    cover = rng.uniform(0.08, 0.6)
    law = replace(
        movie,
        shape=(side, side),
        frames=FRAMES,
        cells=int(np.clip(cover * side**2 / (0.57 * diameter**2), 3, 45)),
        law=replace(
            movie.law,
            radius=diameter / 2.0,
            motion=movie.law.motion * rng.uniform(0.3, 1.0),
            cycle=rng.uniform(12.0, 50.0),
            death=float(rng.choice([0.0, 0.01])),
        ),
        optics=replace(movie.optics, blur_px=max(0.5, movie.optics.blur_px * scale)),
    )
    limits = {"missed": 0.06, "split": 0.04, "merged": 0.05, "spurious": 0.04}
    chances = {name: float(rng.uniform(0, high)) for name, high in limits.items()}
    return law, SegmentationErrors(**chances, eroded=0.1, dilated=0.1)


def gather(folder: Path, seed: int, options: Options) -> Case:
    """Simulate a case if it is not there, and read or make its evidence."""
    dataset = folder / f"case-{seed:03d}"
    if not dataset.exists():
        write_dataset(folder, dataset.name, *draw_case(seed), seed)
    out = folder / options.evidence / dataset.name
    (sequence,) = find_sequences(dataset, out=out)
    plan = make_plan(sequence, options)
    with WorkDir.open(sequence.work_dir, plan.key(), overwrite=True) as work:
        run_detect(plan, work)
        run_propagate(plan, work)
        pairs = frame_pairs(len(sequence.images), plan.profile.max_gap)
        evidence = Evidence.concat(read_table(work.evidence(*p), Evidence) for p in pairs)
    detections = plan.survey.detections
    joins = find_fragments(detections, evidence)
    detections, evidence = join(detections, evidence, joins, plan.profile.spacing_um)
    truth = dataset / f"{sequence.name}_GT"
    tracks = read_tracks(truth / "TRA" / "man_track.txt")
    return Case(
        plan,
        detections,
        evidence,
        joins,
        matched_cells(sequence, joins, detections, truth),
        {track.label: track.parent for track in tracks},
        truth,
    )


def matched_cells(
    sequence: CtcSequence, joins: Joins, detections: Detections, truth: Path
) -> list[set[int]]:
    """Return the true tracks that each detection covers by more than half."""
    reader = JoinedFrames(CtcReader(sequence), joins)
    cells: dict[tuple[int, int], set[int]] = {}
    for t in range(reader.frames):
        gold = read_frame(truth / "TRA" / f"man_track{t:03d}.tif")
        found = match(gold, reader.labels(t))
        for label, track in zip(found.matched, found.matched_true, strict=True):
            cells.setdefault((t, label), set()).add(track)
    keys = zip(detections.t.tolist(), detections.label.tolist(), strict=True)
    return [cells.get(key, set()) for key in keys]


def link_targets(case: Case, u: NDArray[np.int64], v: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether u and v are the same cell, or mother and daughter."""

    def related(a: int, b: int) -> bool:
        later = case.cells[b] | {case.parents.get(c, 0) for c in case.cells[b]}
        return bool(case.cells[a] & later)

    return np.array([related(a, b) for a, b in zip(u.tolist(), v.tolist(), strict=True)], bool)


def division_targets(
    case: Case, u: NDArray[np.int64], v: NDArray[np.int64], w: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether v and w are the two daughters of u."""

    def born(a: int, b: int, c: int) -> bool:
        pairs = itertools.product(case.cells[b], case.cells[c])
        mothers = ((case.parents.get(x, 0), case.parents.get(y, 0), x != y) for x, y in pairs)
        return any(p and p == q and other and p in case.cells[a] for p, q, other in mothers)

    rows = zip(u.tolist(), v.tolist(), w.tolist(), strict=True)
    return np.array([born(*row) for row in rows], bool)


def fitted(features: Floats, right: NDArray[np.bool_], names: tuple[str, ...]) -> Quadratic:
    """Fit a logistic regression on features and their squares."""
    both = np.concatenate([features, features**2], axis=1)
    mean, spread = both.mean(axis=0), both.std(axis=0) + 1e-9
    design = np.column_stack([(both - mean) / spread, np.ones(len(both))])

    def objective(w: Floats) -> tuple[float, Floats]:
        z = design @ w
        ridge = RIDGE * np.append(w[:-1], 0.0)
        slope = design.T @ (1.0 / (1.0 + np.exp(-z)) - right) + ridge
        value = np.logaddexp(0.0, z).sum() - z[right].sum() + 0.5 * float(w @ ridge)
        return float(value), slope

    start = np.zeros(design.shape[1])
    answer = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    weights = answer.x[:-1] / spread
    bias = float(answer.x[-1] - weights @ mean)
    rounded = [round(float(w), 4) for w in weights]
    return Quadratic(
        bias=round(bias, 4),
        weights=dict(zip(names, rounded[: len(names)], strict=True)),
        squares=dict(zip(names, rounded[len(names) :], strict=True)),
    )


def examples(cases: list[Case], link: Quadratic | None) -> tuple[Floats, NDArray[np.bool_]]:
    """Features and truth of all links, or of all divisions once links have log odds."""
    features, right = [], []
    for case in cases:
        d = case.detections
        diameter = diameters(d, 2)
        links = candidates(d, case.evidence, diameter)
        if link is None:
            features.append(links.features)
            right.append(link_targets(case, links.u, links.v))
            continue
        places = np.stack([d.z, d.y, d.x], axis=1)
        odds = link(links.features, LINK_FEATURES)
        splits = divisions(d, links, odds, places, diameter)
        features.append(splits.features)
        right.append(division_targets(case, splits.u, splits.v, splits.w))
    return np.concatenate(features), np.concatenate(right)


def score(cases: list[Case], costs: Costs, folder: Path) -> float:
    """Mean OP_CLB of the cases with these costs."""
    values = []
    for case in cases:
        links = associate(case.detections, case.evidence, costs, scene_of(case.plan))
        reader = JoinedFrames(CtcReader(case.plan.sequence), case.joins)
        rules = FillRules(method="interpolate", min_size=case.plan.profile.min_size)
        generated = fill_gaps(links, reader, lambda *_: None, rules)
        traced = trace(case.detections, links, generated)
        with ResultWriter(
            folder, traced.tracks, frames=reader.frames, shape=reader.shape, overwrite=True
        ) as writer:
            for _ in paint(reader, case.detections, traced, generated, writer):
                pass
        values.append(evaluate(folder, case.truth)["OP_CLB"] or 0.0)
    return float(np.mean(values))


def tuned(cases: list[Case], link: Quadratic, division: Quadratic, folder: Path) -> Costs:
    """Choose the constants one after another by the score of cases not fitted to."""
    best = Costs(link=link, division=division, **START)
    reached = score(cases, best, folder)
    print(f"constants as started: OP_CLB {reached:.4f}", flush=True)
    for name in START:
        for factor in FACTORS:
            trial = replace(best, **{name: round(START[name] * factor, 3)})
            value = score(cases, trial, folder)
            if value > reached + 1e-4:
                best, reached = trial, value
        print(f"{name} = {getattr(best, name)}: OP_CLB {reached:.4f}", flush=True)
    return best


def quality(model: Quadratic, names: tuple[str, ...], data: tuple[Floats, Any]) -> str:
    """Log loss and error rate on data that the model has not seen."""
    z, right = model(data[0], names), data[1]
    loss = float((np.logaddexp(0.0, z) - z * right).mean())
    wrong = ((z > 0) != right).mean()
    return f"{len(z)} rows, {right.sum()} right: log loss {loss:.4f}, wrong {wrong:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--evidence", choices=["sam2", "overlap"], default="sam2")
    parser.add_argument("--weights", action="append", default=[])
    parser.add_argument("--cases", type=int, default=24)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    options = Options(profile="auto", evidence=arguments.evidence, weights=tuple(arguments.weights))
    cases = []
    for seed in range(arguments.cases):
        cases.append(gather(arguments.out, seed, options))
        print(f"case {seed}: {len(cases[-1].detections)} regions", flush=True)
    third = max(1, len(cases) // 3)
    unseen, seen = cases[:third], cases[third:]
    link = fitted(*examples(seen, None), LINK_FEATURES)
    division = fitted(*examples(seen, link), DIVISION_FEATURES)
    print("links:", quality(link, LINK_FEATURES, examples(unseen, None)))
    print("divisions:", quality(division, DIVISION_FEATURES, examples(unseen, link)))
    best = tuned(unseen, link, division, arguments.out / "trial")
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    table[arguments.evidence] = {
        **{name: getattr(best, name) for name in START},
        "link": vars(best.link),
        "division": vars(best.division),
    }
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    print(f"{TABLE}: written")


if __name__ == "__main__":
    main()
