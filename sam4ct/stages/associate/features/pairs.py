"""Pairs: which two regions the rows of evidence speak of, and which pairs are rivals.

Evidence is directed, and gathered in both directions of time; here both are of one pair
u -> v, u earlier. What a pair is worth is the business of `candidates`. Pure tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.stages.associate.features.competitors import Rivals
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints, row_numbers

Rows = NDArray[np.integer[Any]]
"""Row numbers, in 64 bits or, to be kept, in 32."""


@dataclass(frozen=True)
class Matches:
    """Possible links u -> v, and which of them each row of evidence speaks of."""

    u: Rows
    """Increasing."""
    v: Rows
    """Increasing where u is the same."""
    row: Rows
    """Number of the link that each evidence row speaks of."""

    @classmethod
    def of(cls, detections: Detections, evidence: Evidence) -> Matches:
        """Return the pairs of regions that evidence speaks of, in either direction."""
        a = row_numbers(detections, evidence.t, evidence.label)
        b = row_numbers(detections, evidence.t2, evidence.label2)
        forward = evidence.t < evidence.t2
        return cls(*_distinct(np.where(forward, a, b), np.where(forward, b, a)))

    def kept(self) -> Matches:
        """Return the same in half the memory."""
        return Matches(*(c.astype(np.int32) for c in (self.u, self.v, self.row)))

    @classmethod
    def concat(cls, parts: Sequence[Matches]) -> Matches:
        """Return the matches of parts of which each begins where the one before ends."""
        before = np.cumsum([0, *(len(part.u) for part in parts)]).tolist()
        return cls(
            np.concatenate([part.u for part in parts]),
            np.concatenate([part.v for part in parts]),
            np.concatenate([p.row + n for p, n in zip(parts, before[:-1], strict=True)]),
        )

    def some(self, links: slice, rows: slice) -> Matches:
        """Return those of some links, which some rows of evidence speak of, and no others."""
        return Matches(self.u[links], self.v[links], self.row[rows] - int(links.start))


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


def pairs_of(detections: Detections, evidence: Evidence, matches: Matches | None = None) -> Pairs:
    """Return the pairs of regions that evidence speaks of, sooner if its matches are known."""
    if matches is None:
        matches = Matches.of(detections, evidence)
    # As numpy indexes: it would convert smaller numbers each time.
    u, v, row = (np.asarray(c, np.int64) for c in (matches.u, matches.v, matches.row))
    dt = detections.t[v] - detections.t[u]
    steps = int(dt.max(initial=0)) + 1
    return Pairs(
        u,
        v,
        dt,
        row,
        evidence.t < evidence.t2,
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
