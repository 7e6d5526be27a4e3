"""Pairs: which two regions the rows of evidence speak of, and which pairs are rivals.

Evidence is directed, and gathered in both directions of time; here both are of one pair
u -> v, u earlier. What a pair is worth is the business of `candidates`. Pure tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.stages.rivals import Rivals
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints, row_numbers


@dataclass(frozen=True)
class Pairs:
    """Possible links, and which evidence rows speak of each."""

    u: Ints
    """Increasing."""
    v: Ints
    """Increasing where u is the same."""
    dt: Ints
    row: Ints
    """Number of the link that each evidence row speaks of."""
    forward: Flags
    """By evidence row: whether it looks ahead in time."""
    frames: Ints
    """Number of the pair of frames, by link."""
    ways_out: Rivals
    """Links out of one region into one frame."""
    ways_in: Rivals

    def spread(self, values: Floats, rows: Flags) -> Floats:
        """Return by link the value of one of its evidence rows, 0 without."""
        column = np.zeros(len(self.u))
        column[self.row[rows]] = values[rows]
        return column

    def least_margin(self, values: Floats) -> Floats:
        """How much larger a value is than the best rival's on either side."""
        return np.minimum(self.ways_out.margin(values), self.ways_in.margin(values))

    def nearnesses(self, name: str, distance: Floats) -> dict[str, Floats]:
        """How much nearer a link leads than its rivals, out of u and into v."""
        return {
            f"{name}forward_nearness": self.ways_out.nearness(distance),
            f"{name}backward_nearness": self.ways_in.nearness(distance),
        }


def pairs_of(detections: Detections, evidence: Evidence) -> Pairs:
    """Return the pairs of regions that evidence speaks of, in either direction."""
    a = row_numbers(detections, evidence.t, evidence.label)
    b = row_numbers(detections, evidence.t2, evidence.label2)
    forward = evidence.t < evidence.t2
    u, v, row = _distinct(np.where(forward, a, b), np.where(forward, b, a))
    dt = detections.t[v] - detections.t[u]
    steps = int(dt.max(initial=0)) + 1
    return Pairs(
        u,
        v,
        dt,
        row,
        forward,
        detections.t[u] * steps + dt,
        Rivals.of(u * steps + dt),
        Rivals.of(v * steps + dt),
    )


def _distinct(u: Ints, v: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the pairs that there are, in order, and the number of that of each row."""
    names = u * (int(v.max(initial=0)) + 1) + v
    order = np.argsort(names)
    other = np.append(True, np.diff(names[order]) != 0)[: len(order)]
    row = np.empty_like(order)
    row[order] = np.cumsum(other) - 1
    first = order[other]
    return u[first], v[first], row
