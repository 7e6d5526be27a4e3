"""Fit how probable the alternatives of a lineage are, for the ranking of questions.

    python benchmarks/fit_doubts.py OUT [--only CONDITION] [--evidence overlap]

Simulates the conditions of suite.py with other seeds, so that answers.py measures on movies that
were not fitted, links them below OUT, and prints the numbers of `stages/correct/doubts.json`, which
it writes. Each slot of a region is an observation: what the lineage has is right, or one of the
alternatives, or none of them, or the region is no cell. Maximum a posteriori with normal priors.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from answers import Corrected
from conditions import FIRST_SEED, simulated
from proofreader import LONGEST
from scipy.optimize import minimize

from sam4ct.corrections import Correction, Kind
from sam4ct.stages.associate import measured
from sam4ct.stages.correct import doubt
from sam4ct.stages.correct.alternatives import Alternatives, Does, Slots, alternatives, slots_of
from sam4ct.stages.correct.doubt import Weights, logits
from sam4ct.tables import Floats, Ints, row_numbers

KEPT, UNLISTED, NO_CELL, UNKNOWN = -1, -2, -3, -9
"""Outcomes of a slot that are no row of its alternatives."""
SHAPES = {"bias": (2, 3, 5), "slope": (2, 3, 5), "gap": (2,), "unlisted": (2, 3, 2)}
SHAPES["no_cell"] = (3, 5)
MEANS = {"bias": 0.0, "slope": -0.7, "gap": 0.0, "unlisted": -4.0, "no_cell": 0.0}
PRECISIONS = {"bias": 0.5, "slope": 4.0, "gap": 0.5, "unlisted": 0.1, "no_cell": 0.2}
"""Precisions (1 / variance) of the normal priors of the coefficients."""


@dataclass(frozen=True)
class Observed:
    """The slots of one movie, and what is right in them."""

    table: Alternatives
    slots: Slots
    t: Ints
    outcome: Ints
    """By slot: the row of the right alternative, or one of the four above."""


def observed(movie: Corrected) -> Observed:
    """Return the slots of a movie beside the truth."""
    run = movie.run
    problem, chosen = run.base.problem, run.base.selection
    table = alternatives(problem, chosen, *measured(run.cells, run.scene))
    slots = slots_of(problem, chosen, run.cells.size)
    rows = zip(*(c.tolist() for c in (table.slot, table.u, table.v, table.w)), strict=True)
    listed = {(slot, _family(*ends)): row for row, (slot, *ends) in enumerate(rows)}
    links, splits, count = problem.links, problem.splits, problem.count
    has = {}
    for i in chosen.links.tolist():
        u, v = int(links.u[i]), int(links.v[i])
        has[u] = has[count + v] = _family(u, v)
    for i in chosen.splits.tolist():
        u, v, w = int(splits.u[i]), int(splits.v[i]), int(splits.w[i])
        has[u] = has[count + v] = has[count + w] = _family(u, v, w)
    outcome = np.full(2 * count, UNKNOWN)
    for slot in np.flatnonzero(~slots.outermost).tolist():
        said = movie.reader.says(slot % count, leaving=slot < count, longest=count)
        if said and said[0].kind is Kind.NO_CELL:
            outcome[slot] = NO_CELL
        elif said:
            right = _rows_of(movie, said[0], slot < count)
            now = has.get(slot, _family(slot, -1) if slot < count else _family(-1, slot - count))
            outcome[slot] = KEPT if right == now else listed.get((slot, right), UNLISTED)
            gap = problem.t[max(right)] - problem.t[min(r for r in right if r >= 0)]
            if gap > LONGEST and len(now) < 2:
                outcome[slot] = UNKNOWN
    return Observed(table, slots, problem.t, outcome)


def _family(u: int, *later: int) -> tuple[int, ...]:
    """Return the regions of an alternative, without what it has not, in order; u may be -1."""
    rows = sorted(row for row in later if row >= 0)
    return (u, *rows) if u >= 0 and rows else (max(u, *later),)


def _rows_of(movie: Corrected, said: Correction, leaving: bool) -> tuple[int, ...]:
    t, label = np.array([(end.t, end.label) for end in said.ends], np.int64).T
    first, *others = row_numbers(movie.run.cells, t, label).tolist()
    return _family(first, *others) if others else (first,)


def packed(weights: Weights) -> Floats:
    return np.concatenate([np.ravel(value) for value in asdict(weights).values()])


def unpacked(numbers: Floats) -> Weights:
    ends = np.cumsum([np.prod(shape) for shape in SHAPES.values()])[:-1]
    parts = np.split(numbers, ends.astype(int))
    return Weights(**{n: p.reshape(SHAPES[n]) for n, p in zip(SHAPES, parts, strict=True)})


def loss(numbers: Floats, movies: list[Observed], mean: Floats, precision: Floats) -> tuple:
    """Return the negative log posterior and its gradient."""
    weights = unpacked(numbers)
    gradient = unpacked(np.zeros_like(numbers))
    total = 0.0
    for movie in movies:
        table, slots, outcome = movie.table, movie.slots, movie.outcome
        count = len(movie.t)
        odds, others, nothing = logits(table, slots, movie.t, weights)
        weight, both = np.exp(odds), (np.exp(others), np.exp(nothing))
        sums = 1.0 + both[0] + both[1]
        np.add.at(sums, table.slot, weight)
        known, listed = outcome != UNKNOWN, outcome >= 0
        total += float(np.log(sums[known]).sum()) - float(odds[outcome[listed]].sum())
        unlisted, no_cell = outcome == UNLISTED, outcome == NO_CELL
        total -= float(others[unlisted].sum() + nothing[no_cell].sum())
        # By logit: the probability, less 1 where it is what happened.
        by_row = np.where(known[table.slot], weight / sums[table.slot], 0.0)
        by_row[outcome[listed]] -= 1.0
        side, sides = (table.slot >= count).astype(int), (np.arange(2 * count) >= count).astype(int)
        at = side, slots.does[table.slot], table.does
        score = np.clip(table.score, 0.0, doubt.HIGHEST_SCORE)
        np.add.at(gradient.bias, at, by_row)
        np.add.at(gradient.slope, at, -by_row * np.exp(weights.slope[at]) * score)
        far = (table.does == Does.FAR_LINK) & (table.u >= 0)
        missed = np.where(far, movie.t[table.v] - movie.t[table.u] - 1, 0)
        np.add.at(gradient.gap, side, -by_row * missed)
        by_slot = np.where(known, both[0] / sums, 0.0) - unlisted
        np.add.at(gradient.unlisted, (sides, slots.does, slots.may_end.astype(int)), by_slot)
        by_slot = np.where(known, both[1] / sums, 0.0) - no_cell
        np.add.at(gradient.no_cell, slots.does, by_slot[:, None] * doubt.of_region(slots))
    away = numbers - mean
    return total + 0.5 * float((precision * away**2).sum()), packed(gradient) + precision * away


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", action="append", default=[], metavar="CONDITION")
    parser.add_argument("--evidence", choices=("sam2", "overlap"), default="overlap")
    arguments = parser.parse_args()
    movies = []
    for movie in simulated(arguments.out / "movies", arguments.only, seeds=2):
        if int(movie.dataset.name.rsplit("-", 1)[1]) >= FIRST_SEED + 100:
            movies.append(observed(Corrected.of(movie, arguments.out, arguments.evidence)))
            print(f"{movie.label}: {len(movies[-1].t)} regions", flush=True)
    mean, precision = (
        np.concatenate([np.full(np.prod(shape), table[n]) for n, shape in SHAPES.items()])
        for table in (MEANS, PRECISIONS)
    )
    mean[-15::5] = -4.0  # most regions are cells
    found = minimize(loss, mean, (movies, mean, precision), jac=True, method="L-BFGS-B")
    print(found.message, found.fun)
    weights = {name: np.round(v, 3).tolist() for name, v in asdict(unpacked(found.x)).items()}
    doubt.TABLE.write_text(json.dumps(weights) + "\n")
    print(json.dumps(weights, indent=1))


if __name__ == "__main__":
    main()
