"""Fit the costs of following cells by seeds: "sam2-track" and "overlap-track" in costs.json.

    python benchmarks/fit_track_costs.py OUT --evidence sam2 --cases 15

simulates embryos of random looks, motion and seed errors below OUT (fit_track_cases.py),
learns from two thirds of them which links and divisions are right, and chooses the
costs of beginnings, ends and regions without a seed by the lineages of the last third.
No real data is used. Prints how well the fit holds on the cases it has not seen.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from fit_costs import fitted, quality
from fit_track_cases import TrackCase, gather
from numpy.typing import NDArray

from sam4ct.stages.associate import Scene, measured
from sam4ct.stages.candidates import LINK_FEATURES, Candidates, candidates, row_numbers
from sam4ct.stages.costs import TABLE, Costs, Quadratic
from sam4ct.stages.divisions import DIVISION_FEATURES, Divisions, divisions
from sam4ct.stages.horizon import Horizon
from sam4ct.tables import Floats

START = {
    "appear": 2.0,
    "disappear": 4.0,
    "appear_border": 1.0,
    "disappear_border": 2.0,
    "alone": 1.0,
    "unseeded": 2.0,
}
FACTORS = (0.35, 0.5, 0.7, 1.4, 2.0)
"""Tried on every one of these constants, one after another, twice."""


def scene_of(case: TrackCase) -> Scene:
    rules, frames = case.rules, int(case.rows.t.max()) + 1
    return Scene(frames, len(rules.border.shape), rules.spacing_um, rules.border)


def links_of(case: TrackCase) -> Candidates:
    positions, diameter = measured(case.rows, scene_of(case))
    return candidates(case.rows, case.evidence, positions, diameter)


def splits_of(case: TrackCase, links: Candidates, link: Quadratic) -> Divisions:
    positions, diameter = measured(case.rows, scene_of(case))
    return divisions(case.rows, links, link(links.features, LINK_FEATURES), positions, diameter)


def right_links(case: TrackCase, links: Candidates) -> NDArray[np.bool_]:
    """Whether u and v are the same cell, or mother and daughter."""

    def related(a: int, b: int) -> bool:
        later = case.cells[b] | {case.parents.get(c, 0) for c in case.cells[b]}
        return bool(case.cells[a] & later)

    return np.array([related(a, b) for a, b in zip(links.u, links.v, strict=True)], bool)


def right_splits(case: TrackCase, splits: Divisions) -> NDArray[np.bool_]:
    """Whether v and w are the daughters of u; or u and v are one, and w was not seen before."""
    seen = {(t, c) for t, cells in zip(case.rows.t, case.cells, strict=True) for c in cells}

    def born(u: int, v: int, w: int) -> bool:
        t = case.rows.t[u]
        for one, other in ((v, w), (w, v)):
            for a in case.cells[one]:
                for b in case.cells[other]:
                    mother = case.parents.get(a, 0)
                    if not mother or a == b or case.parents.get(b, 0) != mother:
                        continue
                    if mother in case.cells[u] or (a in case.cells[u] and (t, b) not in seen):
                        return True
        return False

    return np.array([born(*row) for row in zip(splits.u, splits.v, splits.w, strict=True)], bool)


def examples(cases: list[TrackCase], link: Quadratic | None) -> tuple[Floats, NDArray[np.bool_]]:
    """Features and truth of all links, or of all divisions once links have log odds."""
    features, right = [], []
    for case in cases:
        links = links_of(case)
        if link is None:
            features.append(links.features)
            right.append(right_links(case, links))
        else:
            splits = splits_of(case, links, link)
            features.append(splits.features)
            right.append(right_splits(case, splits))
    return np.concatenate(features), np.concatenate(right)


def score(case: TrackCase, costs: Costs) -> float:
    """1 less the share of what is missing or wrong in the lineages, weighed as in TRA.

    A cell-frame that is not followed counts 10, one that is no cell's 1, a wrong link 1.5.
    """
    rows = case.rows
    frames = [rows.take(rows.t == t) for t in range(int(rows.t.max()) + 1)]
    cells = int((frames[0].label <= 45).sum())
    horizon = Horizon(frames[0], cells, costs, case.rules)
    for t in range(1, len(frames)):
        horizon.add(
            frames[t], case.evidence.take(np.maximum(case.evidence.t, case.evidence.t2) == t)
        )
    links = horizon.links()
    u = row_numbers(rows, links.t, links.label)
    v = row_numbers(rows, links.t2, links.label2)
    wrong = sum(
        not case.cells[a] & (case.cells[b] | {case.parents.get(c, 0) for c in case.cells[b]})
        for a, b in zip(u, v, strict=True)
    )
    found = {(int(rows.t[b]), c) for b in v for c in case.cells[b]}
    every = {(int(t), c) for t, cells_ in zip(rows.t, case.cells, strict=True) if t for c in cells_}
    false = sum(not case.cells[b] for b in v)
    return 1.0 - (10.0 * len(every - found) + 1.5 * wrong + false) / (11.5 * len(every))


def tuned(cases: list[TrackCase], link: Quadratic, division: Quadratic) -> Costs:
    """Choose the constants one after another by the lineages of cases not fitted to."""
    best = Costs(link=link, division=division, skip=0.0, **START)
    reached = float(np.mean([score(case, best) for case in cases]))
    print(f"constants as started: {reached:.4f}", flush=True)
    for name in (*START, *START):
        for factor in FACTORS:
            trial = replace(best, **{name: round(START[name] * factor, 3)})
            value = float(np.mean([score(case, trial) for case in cases]))
            if value > reached + 1e-4:
                best, reached = trial, value
        print(f"{name} = {getattr(best, name)}: {reached:.4f}", flush=True)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--evidence", choices=["sam2", "overlap"], default="sam2")
    parser.add_argument("--cases", type=int, default=15)
    arguments = parser.parse_args()
    cases = []
    for number in range(arguments.cases):
        cases.append(gather(arguments.out, number, arguments.evidence))
        print(f"case {number}: {len(cases[-1].rows)} regions", flush=True)
    third = max(1, len(cases) // 3)
    unseen, seen = cases[:third], cases[third:]
    link = fitted(*examples(seen, None), LINK_FEATURES)
    division = fitted(*examples(seen, link), DIVISION_FEATURES)
    print("links:", quality(link, LINK_FEATURES, examples(unseen, None)))
    print("divisions:", quality(division, DIVISION_FEATURES, examples(unseen, link)))
    best = tuned(unseen, link, division)
    table = json.loads(TABLE.read_text())
    table[f"{arguments.evidence}-track"] = {
        **{name: getattr(best, name) for name in (*START, "skip")},
        "link": vars(best.link),
        "division": vars(best.division),
    }
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    print(f"{TABLE}: written")


if __name__ == "__main__":
    main()
