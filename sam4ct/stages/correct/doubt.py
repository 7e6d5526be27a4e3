"""How probable each alternative is, and what an answer is expected to be worth.

In: alternatives. Out: their probabilities, and the expected gain of asking about each slot.

Of each slot, one is right: what the lineage has, an alternative, something that is not listed, or
the region is no cell. Their weights are 1, exp(bias - slope * score), and exp(bias + ...) of the
slot (conditional logit, McFadden 1974), fitted to simulated movies (`benchmarks/fit_doubts.py`).
The gain is the sum over the alternatives of their probability times the links that they change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.stages.correct.alternatives import Alternatives, Does, Slots
from sam4ct.tables import Floats, Ints

TABLE = Path(__file__).with_name("doubts.json")
HIGHEST_SCORE = 30.0
"""Log odds; larger ones count as this."""
UNLISTED_CHANGES = (2.0, 3.0, 1.0)
"""Links that change if none of the alternatives is right, by what the lineage has."""
NO_CELL_CHANGES = (0.5, 1.0, 0.1)
"""If the region is no cell: links between it and cells are wrong."""


@dataclass(frozen=True)
class Weights:
    """The fitted numbers.

    The first axis is the side: 0 where a region goes, 1 where it comes from; the second is what the
    lineage has there.
    """

    bias: NDArray[np.float64]
    """(2, 3, 5), by what the alternative does."""
    slope: NDArray[np.float64]
    """(2, 3, 5), logarithms."""
    gap: NDArray[np.float64]
    """(2,) logits, by side, that each missed frame costs a far link."""
    unlisted: NDArray[np.float64]
    """(2, 3, 2), the last axis is whether the region may end there."""
    no_cell: NDArray[np.float64]
    """(3, 5), by what the lineage has: bias, and factors of `Slots.alone`, of the logarithmic size
    below and above the median, and of `Slots.length`."""


@cache
def fitted() -> Weights:
    """Return the weights that are shipped."""
    numbers = json.loads(TABLE.read_text())
    return Weights(**{name: np.array(value) for name, value in numbers.items()})


@dataclass(frozen=True)
class Doubts:
    """Probabilities."""

    probability: Floats
    """By alternative."""
    now: Floats
    """By slot, that what the lineage has is right."""
    unlisted: Floats
    """By slot, that the region is a cell, but no alternative is right."""
    no_cell: Floats
    """By slot, that the region is no cell, or a part of one."""
    gain: Floats
    """By slot: wrong and missing links that an answer is expected to remove."""


def doubts(table: Alternatives, slots: Slots, t: Ints, weights: Weights | None = None) -> Doubts:
    """Return how probable alternatives are.

    Args:
        table: All alternatives.
        slots: What the lineage has.
        t: Frames of regions, (N,).
        weights: None: those that are shipped.
    """
    logit, unlisted, no_cell = logits(table, slots, t, weights or fitted())
    weight, others, nothing = np.exp(logit), np.exp(unlisted), np.exp(no_cell)
    total = 1.0 + others + nothing
    np.add.at(total, table.slot, weight)
    gain = others * np.take(UNLISTED_CHANGES, slots.does)
    gain += nothing * np.take(NO_CELL_CHANGES, slots.does)
    np.add.at(gain, table.slot, weight * table.changes)
    gain = np.where(slots.outermost, 0.0, gain / total)
    return Doubts(weight / total[table.slot], 1.0 / total, others / total, nothing / total, gain)


def logits(
    table: Alternatives, slots: Slots, t: Ints, weights: Weights
) -> tuple[Floats, Floats, Floats]:
    """Return the logits of alternatives, and by slot of none of them and of no cell.

    What the lineage has is 0. Args as of `doubts`.
    """
    count = len(t)
    side, has = (table.slot >= count).astype(int), slots.does[table.slot]
    far = (table.does == Does.FAR_LINK) & (table.u >= 0)
    missed = np.where(far, t[table.v] - t[table.u] - 1, 0)
    at = side, has, table.does
    score = np.clip(table.score, 0.0, HIGHEST_SCORE)  # below 0, exchanges got in each other's way
    logit = weights.bias[at] - np.exp(weights.slope[at]) * score - weights.gap[side] * missed
    sides = (np.arange(2 * count) >= count).astype(int)
    unlisted = weights.unlisted[sides, slots.does, slots.may_end.astype(int)]
    no_cell = (weights.no_cell[slots.does] * of_region(slots)).sum(axis=1)
    return logit, unlisted, no_cell


def of_region(slots: Slots) -> Floats:
    """Return what tells that a region is no cell, (2 * N, 5), in the order of `Weights.no_cell`."""
    small, large = np.maximum(-slots.size, 0.0), np.maximum(slots.size, 0.0)
    return np.stack([np.ones(len(small)), slots.alone, small, large, slots.length], axis=1)
