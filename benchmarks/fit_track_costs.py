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
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from fit_costs import fitted, quality, ranges_of, save_table
from fit_track_cases import CELLS, TrackCase, gather
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sam4ct.stages.associate import Costs, Scene, measured
from sam4ct.stages.associate.costs import TABLE, Odds, Quadratic
from sam4ct.stages.associate.features import (
    Candidates,
    DivisionFeatures,
    Divisions,
    candidates,
    daughter_pairs,
)
from sam4ct.stages.associate.features.divisions import DIVISION_FEATURES
from sam4ct.stages.associate.features.links import LINK_FEATURES
from sam4ct.stages.follow import SlidingWindow
from sam4ct.stages.follow.regions import SEARCH_EDGE_DIAMETERS
from sam4ct.tables import Floats, Links, row_numbers

FOLLOWED = 15
"""Of the cells of a case: the others are neighbours that must not be taken for them."""
START = {
    "appear": 6.0,
    "disappear": 4.0,
    "alone": 4.0,
    "unseeded": 2.0,
    "appear_border": 2.0,
    "disappear_border": 2.0,
}
FACTORS = (0.5, 0.7, 1.4, 2.0)
"""Tried on every one of these constants, one after another."""


def scene_of(case: TrackCase) -> Scene:
    rules, frames = case.rules, int(case.rows.t.max()) + 1
    return Scene(frames, len(rules.border.shape), rules.spacing_um, rules.border)


def links_of(case: TrackCase) -> Candidates:
    positions, diameter = measured(case.rows, scene_of(case))
    return candidates(case.rows, case.evidence, positions, diameter)


def splits_of(case: TrackCase, links: Candidates, link: Quadratic) -> Divisions:
    positions, diameter = measured(case.rows, scene_of(case))
    odds = link(links.features)
    features = DivisionFeatures(case.rows, links, odds, odds, positions, diameter)
    return features.divisions(daughter_pairs(links))


def right_links(case: TrackCase, links: Candidates) -> NDArray[np.bool_]:
    """Whether u and v are the same cell, or mother and daughter."""

    rows = zip(links.u, links.v, strict=True)
    return np.array([_related(case, a, b) for a, b in rows], bool)


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
            features.append(links.features.packed(LINK_FEATURES))
            right.append(right_links(case, links))
        else:
            splits = splits_of(case, links, link)
            features.append(splits.features.packed(DIVISION_FEATURES))
            right.append(right_splits(case, splits))
    return np.concatenate(features), np.concatenate(right)


def scattered(case: TrackCase) -> TrackCase:
    """Return a case whose first labels in frame 0 are those of cells anywhere in the tissue."""
    first = case.rows.t == 0
    order = np.random.default_rng(0).permutation(CELLS)
    new = np.arange(int(case.rows.label.max()) + 1)
    new[1 : CELLS + 1] = order + 1
    label = np.where(first, new[case.rows.label], case.rows.label)
    rows = np.lexsort((label, case.rows.t))
    evidence = case.evidence
    return replace(
        case,
        rows=replace(case.rows, label=label).take(rows),
        evidence=replace(
            evidence,
            label=np.where(evidence.t == 0, new[evidence.label], evidence.label),
            label2=np.where(evidence.t2 == 0, new[evidence.label2], evidence.label2),
        ),
        cells=[case.cells[row] for row in rows],
    )


def looked_at(case: TrackCase) -> TrackCase:
    """Return what of a case is seen if some of its cells are followed, and without a mistake."""
    case = scattered(case)
    reach = float(case.evidence.distance_um.max())
    places, diameter = measured(case.rows, scene_of(case))
    own, t = descendants(case), case.rows.t
    followed = np.array([bool(cells & own) for cells in case.cells])
    distance = np.full(len(case.rows), np.inf)
    for s in range(int(t.max()) + 1):
        around = places[followed & (t == max(0, s - 1))]
        if len(around):
            distance[t == s] = cKDTree(around).query(places[t == s])[0]
    kept = (distance <= reach) | followed
    rows = replace(
        case.rows,
        at_search_edge=(distance > reach - SEARCH_EDGE_DIAMETERS * float(np.median(diameter)))
        & ~followed,
    )
    ends = [(case.evidence.t, case.evidence.label), (case.evidence.t2, case.evidence.label2)]
    both = np.all([kept[row_numbers(case.rows, *end)] for end in ends], axis=0)
    return replace(
        case,
        rows=rows.take(kept),
        evidence=case.evidence.take(both),
        cells=[cells for cells, keep in zip(case.cells, kept, strict=True) if keep],
    )


def score(cases: list[TrackCase], costs: Costs) -> tuple[float, float]:
    """Return how good the lineages of some cells are, as TRA counts, and F1 of their divisions.

    A cell-frame that is not followed counts 10, one that is followed wrongly 1, a wrong
    link 1.5.
    """
    lost = every = 0.0
    right = wrong = missed = 0
    for case in cases:
        links = lineages(case, costs)
        u = row_numbers(case.rows, links.t, links.label)
        v = row_numbers(case.rows, links.t2, links.label2)
        own = descendants(case)
        t = case.rows.t
        todo = {
            (int(s), c) for s, cells in zip(t, case.cells, strict=True) if s for c in cells & own
        }
        found = {(int(t[b]), c) for b in v for c in case.cells[b]}
        broken = sum(not _related(case, a, b) for a, b in zip(u, v, strict=True))
        lost += 10.0 * len(todo - found) + len(found - todo) + 1.5 * broken
        every += 11.5 * len(todo)
        pairs = _divided(links)
        mothers = {
            (case.parents[c], case.parents[d]) for a, b in pairs for c, d in _cells(case, a, b)
        }
        good = {p for p, q in mothers if p == q and p in own}
        seen = {c for _, c in todo}
        born = {p for c, p in case.parents.items() if p in own and c in seen}
        right, missed = right + len(good), missed + len(born - good)
        wrong += max(0, len(pairs) - len(good))
    return 1.0 - lost / every, 2.0 * right / max(1, 2 * right + wrong + missed)


def lineages(case: TrackCase, costs: Costs) -> Links:
    """Follow some cells of a case with the evidence that is there."""
    window = SlidingWindow(case.rows.take(case.rows.t == 0), FOLLOWED, costs, case.rules)
    later = np.maximum(case.evidence.t, case.evidence.t2)
    for t in range(1, int(case.rows.t.max()) + 1):
        window.add(case.rows.take(case.rows.t == t), case.evidence.take(later == t))
    return window.links()


def descendants(case: TrackCase) -> set[int]:
    """True tracks of the cells that are followed, and of all that descend from them."""
    first = (case.rows.t == 0) & (case.rows.label <= FOLLOWED)
    own = {c for row in np.flatnonzero(first) for c in case.cells[row]}
    for label, parent in sorted(case.parents.items()):
        if parent in own:
            own.add(label)
    return own


def _divided(links: Links) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The daughters of every division, as (t, label)."""
    born = links.take(links.division)
    by_mother: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for t, label, t2, label2 in zip(born.t, born.label, born.t2, born.label2, strict=True):
        by_mother.setdefault((int(t), int(label)), []).append((int(t2), int(label2)))
    return [(pair[0], pair[1]) for pair in by_mother.values()]


def _cells(case: TrackCase, *regions: tuple[int, int]) -> Iterator[tuple[int, ...]]:
    """All combinations of the true tracks of regions (t, label)."""
    t, label = np.array(regions).T
    return product(*(case.cells[row] for row in row_numbers(case.rows, t, label)))


def _related(case: TrackCase, a: int, b: int) -> bool:
    """Whether regions a and b are the same cell, or mother and daughter."""
    return bool(case.cells[a] & (case.cells[b] | {case.parents.get(c, 0) for c in case.cells[b]}))


def tuned(cases: list[TrackCase], link: Quadratic, division: Quadratic) -> Costs:
    """Choose the constants one after another by the lineages of cases not fitted to."""
    odds = Odds(link=link, division=division)
    best, reached = Costs(first=odds, skip=0.0, **START), 0.0
    for name in START:
        for factor in (1.0, *FACTORS):
            trial = replace(best, **{name: round(START[name] * factor, 3)})
            scores = score(cases, trial)
            if sum(scores) > reached + 1e-4:
                best, reached = trial, sum(scores)
                print(
                    f"{name} = {getattr(trial, name)}: {scores[0]:.4f}, {scores[1]:.4f}", flush=True
                )
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--evidence", choices=["sam2", "overlap"], default="sam2")
    parser.add_argument("--cases", type=int, default=15)
    parser.add_argument(
        "--ranges", action="store_true", help="Only note the ranges of features in these cases."
    )
    arguments = parser.parse_args()
    cases = []
    for number in range(arguments.cases):
        cases.append(looked_at(gather(arguments.out, number, arguments.evidence)))
        print(f"case {number}: {len(cases[-1].rows)} regions", flush=True)
    table = json.loads(TABLE.read_text())
    kind = f"{arguments.evidence}-track"
    if arguments.ranges:
        models = table[kind]["first"]
        link, _ = examples(cases, None)
        division, _ = examples(cases, Quadratic(**models["link"]))
        models["link"]["ranges"] = ranges_of(link, LINK_FEATURES)
        models["division"]["ranges"] = ranges_of(division, DIVISION_FEATURES)
        save_table(table)
        return
    third = max(1, len(cases) // 3)
    unseen, seen = cases[:third], cases[third:]
    link = fitted(*examples(seen, None), LINK_FEATURES)
    division = fitted(*examples(seen, link), DIVISION_FEATURES)
    print("links:", quality(link, LINK_FEATURES, examples(unseen, None)))
    print("divisions:", quality(division, DIVISION_FEATURES, examples(unseen, link)))
    best = tuned(unseen, link, division)
    table[kind] = {
        **{name: getattr(best, name) for name in (*START, "skip")},
        "first": {"link": vars(link), "division": vars(division)},
    }
    save_table(table)


if __name__ == "__main__":
    main()
