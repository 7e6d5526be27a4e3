"""Programs of a few candidates, and crowds of many that were drawn by chance."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array

from sam4ct.stages.associate.solver.set_packing import SetPacking


def program(candidates: dict[tuple[int, ...], float]) -> SetPacking:
    """A program of candidates by the slots that they use, with the reward of each."""
    entries = [(n, slot) for n, slots in enumerate(candidates) for slot in slots]
    candidate, slot = np.array(entries).T
    shape = len(candidates), int(slot.max()) + 1
    reward = np.array(list(candidates.values()))
    return SetPacking(reward, coo_array((np.ones(len(slot)), (candidate, slot)), shape).tocsr())


def crowded(seed: int, frames: int = 12, regions: int = 15) -> SetPacking:
    """Links of regions to the next frame's and the one after, and some divisions, by chance."""
    rng = np.random.default_rng(seed)
    candidates = {}
    count = frames * regions
    for u in range(count - regions):
        ahead = rng.integers(1, 3, 5) * regions
        near = (u + ahead + rng.integers(-2, 3, 5)) % count
        candidates |= {(u, count + v): rng.normal(3.0, 3.0) for v in near.tolist()}
        one, other = near[:2].tolist()
        if one != other:
            candidates[u, count + one, count + other] = rng.normal(3.0, 3.0)
    return program(candidates)
