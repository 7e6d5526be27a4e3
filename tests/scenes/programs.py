"""Programs of a few choices, and crowds of many that were drawn by chance."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array

from sam4ct.stages.associate.solver.set_packing import Program


def program(choices: dict[tuple[int, ...], float]) -> Program:
    """A program of choices by the ways that they take, with what each saves."""
    entries = [(n, way) for n, ways in enumerate(choices) for way in ways]
    choice, way = np.array(entries).T
    shape = len(choices), int(way.max()) + 1
    saving = np.array(list(choices.values()))
    return Program(saving, coo_array((np.ones(len(way)), (choice, way)), shape).tocsr())


def crowded(seed: int, frames: int = 12, regions: int = 15) -> Program:
    """Links of regions to the next frame's and the one after, and some divisions, by chance."""
    rng = np.random.default_rng(seed)
    choices = {}
    count = frames * regions
    for u in range(count - regions):
        ahead = rng.integers(1, 3, 5) * regions
        near = (u + ahead + rng.integers(-2, 3, 5)) % count
        choices |= {(u, count + v): rng.normal(3.0, 3.0) for v in near.tolist()}
        one, other = near[:2].tolist()
        if one != other:
            choices[u, count + one, count + other] = rng.normal(3.0, 3.0)
    return program(choices)
