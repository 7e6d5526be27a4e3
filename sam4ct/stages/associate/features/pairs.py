"""Directed evidence to pairs of regions, and which pairs compete.

In: evidence rows, gathered in both directions of time. Out: pairs u -> v, u earlier; pairs out
of one region, or into one region, compete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.stages.associate.features.competitors import Competitors
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints, row_numbers

Rows = NDArray[np.integer[Any]]
"""Row numbers, in 64 bits or, to be kept, in 32."""


@dataclass(frozen=True)
class Matches:
    """Pairs u -> v, and which of them each row of evidence is about."""

    u: Rows
    """Increasing."""
    v: Rows
    """Increasing where u is the same."""
    row: Rows
    """The pair that each evidence row is about."""

    @classmethod
    def of(cls, detections: Detections, evidence: Evidence) -> Matches:
        """Return the pairs that evidence is about, in either direction."""
        a = row_numbers(detections, evidence.t, evidence.label)
        b = row_numbers(detections, evidence.t2, evidence.label2)
        forward = evidence.t < evidence.t2
        return cls(*_distinct(np.where(forward, a, b), np.where(forward, b, a)))

    def kept(self) -> Matches:
        """Return the same in half the memory."""
        return Matches(*(c.astype(np.int32) for c in (self.u, self.v, self.row)))

    @classmethod
    def concat(cls, parts: Sequence[Matches]) -> Matches:
        """Join the matches of consecutive parts."""
        before = np.cumsum([0, *(len(part.u) for part in parts)]).tolist()
        return cls(
            np.concatenate([part.u for part in parts]),
            np.concatenate([part.v for part in parts]),
            np.concatenate([p.row + n for p, n in zip(parts, before[:-1], strict=True)]),
        )

    def some(self, links: slice, rows: slice) -> Matches:
        """Return the matches of some links, and of the evidence rows that are about them."""
        return Matches(self.u[links], self.v[links], self.row[rows] - int(links.start))


@dataclass(frozen=True)
class Pairs:
    """Candidate links, and which evidence rows are about each."""

    u: Ints
    """Increasing."""
    v: Ints
    """Increasing where u is the same."""
    dt: Ints
    row: Ints
    """The pair that each evidence row is about."""
    forward: Flags
    """By evidence row: whether it leads forward in time."""
    frames: Ints
    """Number of the pair of frames, by link."""
    leaving: Competitors
    """Links out of one region into one frame compete."""
    entering: Competitors
    """Links into one region out of one frame compete."""

    def spread(self, values: Floats, rows: Flags) -> Floats:
        """Return by link the value of one of its evidence rows, 0 without."""
        column = np.zeros(len(self.u))
        column[self.row[rows]] = values[rows]
        return column

    def least_margin(self, values: Floats) -> Floats:
        """Return how much larger a value is than the best competitor's on either side."""
        return np.minimum(self.leaving.margin(values), self.entering.margin(values))

    def nearnesses(self, name: str, distance: Floats) -> dict[str, Floats]:
        """Return how much shorter a link is than its competitors, out of u and into v."""
        return {
            f"{name}forward_nearness": self.leaving.nearness(distance),
            f"{name}backward_nearness": self.entering.nearness(distance),
        }


def pairs_of(detections: Detections, evidence: Evidence, matches: Matches | None = None) -> Pairs:
    """Return the pairs that evidence is about; faster if its matches are known."""
    if matches is None:
        matches = Matches.of(detections, evidence)
    # int64: numpy would convert int32 at every indexing.
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
        Competitors.of(u * steps + dt),
        Competitors.of(v * steps + dt),
    )


def _distinct(u: Ints, v: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the distinct pairs in order, and the number of the pair of each row."""
    names = u * (int(v.max(initial=0)) + 1) + v
    order = np.argsort(names)
    other = np.append(True, np.diff(names[order]) != 0)[: len(order)]
    row = np.empty_like(order)
    row[order] = np.cumsum(other) - 1
    first = order[other]
    return u[first], v[first], row
