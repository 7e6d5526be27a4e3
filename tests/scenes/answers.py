"""Random linking problems, lineages of them, and answers about these."""

from __future__ import annotations

import random
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scenes.problems import problem

from sam4ct.corrections import Correction, End, Kind
from sam4ct.stages.associate.solver import Problem, Solved
from sam4ct.tables import Detections

Lineage = tuple[set[tuple[int, int]], set[tuple[int, int, int]]]
"""Links (u, v) and divisions (u, v, w) by row."""
WIDTH = 4
"""Regions of a frame in random problems; their labels are 1 to WIDTH."""


def regions(given: Problem) -> Detections:
    """Detections whose labels count from 1 in each frame."""
    columns: dict[str, Any] = {
        name: np.zeros(given.count, kind) for name, kind in Detections.schema().items()
    }
    label = np.arange(given.count) - np.searchsorted(given.t, given.t) + 1
    return Detections(**(columns | {"t": given.t, "label": label}))


def answer(given: Problem, kind: Kind, *rows: int) -> Correction:
    found = regions(given)
    return Correction(kind, tuple(End(int(found.t[r]), int(found.label[r])) for r in rows))


def lineage(found: Solved) -> Lineage:
    chosen, links, splits = found.selection, found.problem.links, found.problem.splits
    return (
        {(int(links.u[e]), int(links.v[e])) for e in chosen.links},
        {
            (int(splits.u[s]), *sorted((int(splits.v[s]), int(splits.w[s]))))  # type: ignore[misc]
            for s in chosen.splits
        },
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """A few frames of cells with random costs; cells may divide, but not too early."""
    frames, seed = draw(st.integers(2, 6)), draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    times = np.repeat(np.arange(frames), WIDTH).tolist()
    here = [range(WIDTH * t, WIDTH * (t + 1)) for t in range(frames)]
    steps = [(u, v) for a, b in pairwise(here) for u in a for v in b]
    steps += [(u, v) for a, b in zip(here, here[2:], strict=False) for u in a for v in b]
    links = {pair: float(rng.normal(0.5, 2.0)) for pair in steps if rng.random() < 0.6}
    splits = {
        (u, v, w): float(rng.normal(1.0, 2.0))
        for a, b in pairwise(here)
        for u in a
        for v, w in combinations(b, 2)
        if rng.random() < 0.3
    }
    given: Problem = problem(times, links, splits, min_cycle=draw(st.integers(1, 3)))
    return given


def random_truth(given: Problem, seed: int) -> list[Correction]:
    """Answers about all regions from a lineage that has nothing to do with the costs."""
    rng, found = random.Random(seed), []
    free = {t: [r for r in range(given.count) if given.t[r] == t] for t in given.t.tolist()}
    begun = set(range(given.count))
    for rows in free.values():
        rng.shuffle(rows)
    for u in range(given.count):
        later = free.get(int(given.t[u]) + 1, [])
        choice = rng.random()
        if choice < 0.15 and len(later) >= 2:
            v, w = later.pop(), later.pop()
            begun -= {v, w}
            found.append(answer(given, Kind.DIVIDES, u, v, w))
        elif choice < 0.7 and later:
            v = later.pop()
            begun -= {v}
            found += [
                answer(given, Kind.SAME_CELL, u, v),
                answer(given, Kind.DOES_NOT_DIVIDE, u),
            ]
        else:
            found.append(answer(given, Kind.ENDS, u))
    return found + [answer(given, Kind.BEGINS, v) for v in begun]
