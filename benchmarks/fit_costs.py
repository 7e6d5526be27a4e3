"""Fit sam4ct/stages/costs.json: how features of links and divisions become log odds.

    python benchmarks/fit_costs.py OUT --evidence sam2 --ndim 2 --cases 24

simulates cases of random looks, densities, motion and mask errors below OUT
(fit_cases.py), gathers their evidence through the product itself, learns from two
thirds of them which links and divisions are right, at first sight and once a first lineage
is known, and chooses the costs of beginnings, ends and gaps by the score of the last third.
How sure a link is said to be is fitted to that third, too.

    python benchmarks/fit_costs.py OUT --evidence sam2 --ndim 2 --constants 100 116

leaves the odds as they are, and chooses the costs of beginnings, ends and gaps, and how sure a
link is said to be, by more cases that odds were not fitted to: those of these seeds.
    python benchmarks/fit_costs.py OUT --evidence sam2 --ndim 2 --ranges --constants 100 116

leaves all costs as they are, and notes in which range each feature was among all of these cases.
Ranges that are there are widened, not narrowed: features are free of units, so that images, volumes
and both kinds of evidence share them. Those in costs.json are of cases 0 to 23 (30 in volumes) and
100 to 111 with plain overlap, and of nine (images) and five cases with SAM 2.
No real data is used. Prints how well the fit holds on the cases it has not seen.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fit_cases import FIRST_WIDER, Case, are_daughters, are_kin, are_one_cell, gather
from numpy.typing import NDArray
from scipy.optimize import minimize

from sam4ct.io.ctc import CtcReader, ResultWriter
from sam4ct.metrics import evaluate
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.link.repair import scene_of
from sam4ct.stages.associate import Costs, associate, load_costs, measured
from sam4ct.stages.associate.costs import MIN_CALIBRATED, TABLE, Calibration, Odds, Quadratic
from sam4ct.stages.associate.features import (
    Candidates,
    DivisionFeatures,
    Divisions,
    Features,
    History,
    candidates,
    daughter_pairs,
    history_of,
)
from sam4ct.stages.associate.features.divisions import DIVISION_FEATURES
from sam4ct.stages.associate.features.links import LINK_FEATURES
from sam4ct.stages.fill import FillRules, fill_gaps
from sam4ct.stages.paint import paint, trace
from sam4ct.stages.repair import JoinedFrames
from sam4ct.tables import Floats, Ints, row_numbers

RIDGE = 3.0
"""Weight of the squared coefficients (features scaled to unit variance)."""
START = {
    "appear": 4.0,
    "disappear": 3.0,
    "appear_border": 1.5,
    "disappear_border": 1.0,
    "alone": 4.0,
    "skip": 1.4,
}
FACTORS = (0.5, 0.7, 1.4, 2.0)
"""Tried on every one of these constants, one after another, until none of them helps."""
PASSES = 3
"""Over all constants, at most."""
LEAST_GAIN = 1e-4
"""In OP_CLB; less is chance."""
Cases = list[tuple[Case, History | None]]
Examples = tuple[Floats, NDArray[np.bool_]]
Truth = Callable[[Case, Ints, Ints], NDArray[np.bool_]]


class LinkOdds(NamedTuple):
    """Of both questions about a link."""

    same: Quadratic
    kin: Quadratic


def fitted(features: Floats, right: NDArray[np.bool_], names: tuple[str, ...]) -> Quadratic:
    """Fit a logistic regression on features and their squares."""
    return fitted_to(np.concatenate([features, features**2], axis=1), right, names)


def fitted_to(both: Floats, right: NDArray[np.bool_], names: tuple[str, ...]) -> Quadratic:
    """Fit a logistic regression on the columns of features, followed by those of squares."""
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
        ranges=ranges_of(both, names),
    )


def ranges_of(features: Floats, names: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Return the least and the largest value of each feature, in the first columns."""
    least, most = features.min(axis=0), features.max(axis=0)
    lower, upper = np.floor(least * 1e4) / 1e4, np.ceil(most * 1e4) / 1e4
    return {name: (float(a), float(b)) for name, a, b in zip(names, lower, upper, strict=False)}


def ranged(odds: Odds, cases: Cases) -> Odds:
    """Return the odds of one look with the ranges that features have in some cases."""
    kin = odds.kin or odds.link
    links = [links_of(case, history) for case, history in cases]
    packed = np.concatenate([found.features.packed(LINK_FEATURES) for found in links])
    splits = [
        splits_of(case, found, LinkOdds(odds.link, kin), history).features.packed(DIVISION_FEATURES)
        for (case, history), found in zip(cases, links, strict=True)
    ]
    of_links = ranges_of(packed, LINK_FEATURES)
    return Odds(
        link=replace(odds.link, ranges=of_links),
        kin=replace(kin, ranges=of_links),
        division=replace(
            odds.division, ranges=ranges_of(np.concatenate(splits), DIVISION_FEATURES)
        ),
    )


def links_of(case: Case, history: History | None) -> Candidates:
    """All possible links of a case."""
    places, diameter = measured(case.detections, scene_of(case.plan))
    return candidates(case.detections, case.evidence, places, diameter, history)


def splits_of(case: Case, links: Candidates, odds: LinkOdds, history: History | None) -> Divisions:
    """All possible divisions of a case, once links have log odds."""
    places, diameter = measured(case.detections, scene_of(case.plan))
    kin, same = (model(links.features) for model in (odds.kin, odds.same))
    features = DivisionFeatures(case.detections, links, kin, same, places, diameter, history)
    return features.divisions(daughter_pairs(links))


def look(seen: Cases, unseen: Cases) -> Odds:
    """Fit the odds of one look at cases, each with what an earlier look told, if there was one."""
    links, held_back = (
        [(c, history, links_of(c, history)) for c, history in x] for x in (seen, unseen)
    )

    def of_links(rows: list[tuple[Case, History | None, Candidates]], truth: Truth) -> Examples:
        right = [truth(case, found.u, found.v) for case, _, found in rows]
        features = [found.features.packed(LINK_FEATURES) for *_, found in rows]
        return np.concatenate(features), np.concatenate(right)

    def judged(question: str, truth: Truth) -> Quadratic:
        model = fitted(*of_links(links, truth), LINK_FEATURES)
        print(f"{question}:", quality(model, LINK_FEATURES, of_links(held_back, truth)))
        return model

    odds = LinkOdds(judged("one cell", are_one_cell), judged("kin", are_kin))

    def of_splits(rows: list[tuple[Case, History | None, Candidates]]) -> Examples:
        splits = [(case, splits_of(case, found, odds, history)) for case, history, found in rows]
        right = [are_daughters(case, found.u, found.v, found.w) for case, found in splits]
        features = [found.features.packed(DIVISION_FEATURES) for _, found in splits]
        return np.concatenate(features), np.concatenate(right)

    division = fitted(*of_splits(links), DIVISION_FEATURES)
    print("divisions:", quality(division, DIVISION_FEATURES, of_splits(held_back)), flush=True)
    return Odds(link=odds.same, kin=odds.kin, division=division)


def both_looks(seen: list[Case], unseen: list[Case]) -> Costs:
    """Fit the odds of both looks at cases; constants are those of a start."""
    costs = Costs(first=look([(c, None) for c in seen], [(c, None) for c in unseen]), **START)
    return replace(costs, second=look(courses(seen, costs), courses(unseen, costs)))


def courses(cases: list[Case], costs: Costs) -> Cases:
    """Return the cases, each with what its lineage by some costs tells."""
    found: Cases = []
    for case in cases:
        scene = scene_of(case.plan)
        links = associate(case.detections, case.evidence, costs, scene)
        places, _ = measured(case.detections, scene)
        found.append((case, history_of(case.detections, links, places)))
    return found


def score(cases: list[Case], costs: Costs, folder: Path) -> float:
    """Mean OP_CLB of the cases with these costs."""
    values = []
    for case in cases:
        links = associate(case.detections, case.evidence, costs, scene_of(case.plan))
        reader = JoinedFrames(CtcReader(case.plan.sequence), case.joins)
        profile = case.plan.profile
        rules = FillRules(
            method="interpolate", min_size=profile.min_size, spacing_um=profile.spacing_um
        )
        generated = fill_gaps(links, reader, lambda *_: None, rules)
        traced = trace(case.detections, links, generated)
        with ResultWriter(
            folder, traced.tracks, frames=reader.frames, shape=reader.shape, overwrite=True
        ) as writer:
            for _ in paint(reader, case.detections, traced, generated, writer):
                pass
        values.append(evaluate(folder, case.truth)["OP_CLB"] or 0.0)
    return float(np.mean(values))


def tuned(cases: list[Case], costs: Costs, folder: Path) -> Costs:
    """Choose the constants one after another by the score of cases not fitted to."""
    best, reached = costs, score(cases, costs, folder)
    print(f"constants as started: OP_CLB {reached:.4f}", flush=True)
    for _ in range(PASSES):
        before = best
        for name in START:
            for factor in FACTORS:
                trial = replace(best, **{name: round(getattr(before, name) * factor, 2)})
                value = score(cases, trial, folder)
                if value > reached + LEAST_GAIN:
                    best, reached = trial, value
            print(f"{name} = {getattr(best, name)}: OP_CLB {reached:.4f}", flush=True)
        if best == before:
            break
    return best


def calibrated(cases: list[Case], costs: Costs) -> Calibration:
    """Fit how sure links are to how often they are right: the larger the share, the surer."""
    shares, right = [], []
    for case in cases:
        links = associate(case.detections, case.evidence, costs, scene_of(case.plan))
        u = row_numbers(case.detections, links.t, links.label)
        v = row_numbers(case.detections, links.t2, links.label2)
        shares.append(links.confidence)
        right.append(are_kin(case, u, v))
    share, truth = np.concatenate(shares), np.concatenate(right)

    def rising(bias: float, slope: float, turn: float) -> Calibration:
        # Beyond this bend it would turn round before the largest or the least share.
        most = slope / (2.0 * np.log((1.0 - MIN_CALIBRATED) / MIN_CALIBRATED))
        return Calibration(bias, slope, most * float(np.tanh(turn)))

    def loss(numbers: Floats) -> float:
        z = rising(*numbers).odds(share)
        return float(np.logaddexp(0.0, z).sum() - z[truth].sum())

    answer = minimize(loss, [0.0, 1.0, 0.0], method="Nelder-Mead")
    bias, slope, bend = asdict(rising(*answer.x)).values()
    found = Calibration(round(bias, 4), round(slope, 4), round(bend, 4))
    print(f"sure of {found(share).mean():.4f} of {len(share)} links, {truth.mean():.4f} are right")
    return found


def quality(model: Quadratic, names: tuple[str, ...], data: tuple[Floats, Any]) -> str:
    """Log loss and error rate on data that the model has not seen."""
    z, right = model(Features.unpacked(data[0], names)), data[1]
    loss = float((np.logaddexp(0.0, z) - z * right).mean())
    wrong = ((z > 0) != right).mean()
    return f"{len(z)} rows, {right.sum()} right: log loss {loss:.4f}, wrong {wrong:.4f}"


def ranged_costs(cases: list[Case], costs: Costs, others: list[Costs]) -> Costs:
    """Return costs with the ranges of features in some cases, and in those of other costs."""
    first = ranged(costs.first, [(case, None) for case in cases])
    second = ranged(costs.second, courses(cases, costs)) if costs.second else None
    for other in others:
        first = widened(first, other.first)
        second = second and other.second and widened(second, other.second)
    return replace(costs, first=first, second=second)


def widened(odds: Odds, other: Odds) -> Odds:
    """Return odds with ranges that hold those of other odds, too."""

    def both(one: Quadratic, two: Quadratic) -> Quadratic:
        found = {
            name: (min(low, two.ranges[name][0]), max(high, two.ranges[name][1]))
            for name, (low, high) in one.ranges.items()
        }
        return replace(one, ranges=found)

    return Odds(
        link=both(odds.link, other.link),
        kin=odds.kin and other.kin and both(odds.kin, other.kin),
        division=both(odds.division, other.division),
    )


def write(costs: Costs, arguments: argparse.Namespace) -> None:
    """Write costs in their place in the table."""
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    kind = f"{arguments.evidence}-{arguments.ndim}d"
    # MergeCandidates are fitted by fit_merged.py, to all kinds of cases; the share is not fitted.
    kept = {"plain_share": table.get(kind, {}).get("plain_share", 0.0)}
    fitted_here = {k: v for k, v in asdict(costs).items() if k not in ("merge", "plain")}
    table[kind] = fitted_here | kept
    save_table(table)


def save_table(table: dict[str, Any]) -> None:
    """Write all costs; the two ends of a range share a line."""
    text = json.dumps(table, indent=1, sort_keys=True)
    text = re.sub(r"\[\s+(\S+),\s+(\S+)\s+\]", r"[\1, \2]", text)
    TABLE.write_text(text + "\n")
    print(f"{TABLE}: written")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--evidence", choices=["sam2", "overlap"], default="sam2")
    parser.add_argument("--ndim", type=int, choices=[2, 3], default=2)
    parser.add_argument("--weights", action="append", default=[])
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--wider", type=int, default=0, help="Cases of the wider laws beside them.")
    parser.add_argument("--constants", type=int, nargs=2, metavar=("SEED", "END"))
    parser.add_argument("--ranges", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    options = Options(profile="auto", evidence=arguments.evidence, weights=tuple(arguments.weights))
    seeds = list(range(*arguments.constants or (0,)))
    if arguments.ranges or not seeds:
        seeds = [*range(arguments.cases), *seeds]
    seeds += range(FIRST_WIDER + seeds[0], FIRST_WIDER + seeds[0] + arguments.wider)
    # So that both kinds are among those that are learned from and those that are judged by.
    seeds.sort(key=lambda seed: seed % FIRST_WIDER)
    cases = []
    for seed in seeds:
        cases.append(gather(arguments.out, seed, arguments.ndim, options))
        print(f"case {seed}: {len(cases[-1].detections)} regions", flush=True)
    if arguments.ranges:
        own = load_costs(arguments.evidence, f"{arguments.ndim}d")
        others = [load_costs(e, k) for e in ("sam2", "overlap") for k in ("2d", "3d")]
        write(ranged_costs(cases, own, others), arguments)
        return
    if arguments.constants:
        unseen = cases
        costs = load_costs(arguments.evidence, f"{arguments.ndim}d")
        costs = replace(costs, calibration=Calibration(), **START)
    else:
        third = max(1, len(cases) // 3)
        unseen, seen = cases[:third], cases[third:]
        costs = both_looks(seen, unseen)
    costs = tuned(unseen, costs, arguments.out / "trial")
    costs = replace(costs, calibration=calibrated(unseen, costs))
    write(costs, arguments)


if __name__ == "__main__":
    main()
