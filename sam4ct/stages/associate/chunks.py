"""Spans: the evidence of a sequence a few frames at a time, so that its features fit in memory.

What a link or a division is like depends on regions a few frames around; a span brings the
evidence of these along, so features do not depend on where spans begin. Pure tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sam4ct.runtime import each
from sam4ct.stages.associate.features import MAX_DIVISION_STEP, Changes, Known, Matches
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints

ROWS, PARTS = 500_000, 4
"""Of evidence in a span, about, and parts of it: links are judged part by part."""
LEAST_FRAMES = 8
"""Of a span, if there are so many: the frames around it are looked at twice."""


@dataclass(frozen=True)
class Span:
    """Frames whose links into later ones are judged together."""

    first: int
    end: int
    """One past the last."""
    around: tuple[int, int]
    """First frame, and one past the last, of links that matter to these."""

    def holds(self, t: Ints) -> Flags:
        """Which frames belong to the span itself."""
        return np.asarray((t >= self.first) & (t < self.end))


class Spans:
    """Evidence by the earlier frame of the two that it speaks of."""

    def __init__(
        self,
        detections: Detections,
        evidence: Evidence,
        diameter_um: Floats,
        rows: int | None = None,
    ) -> None:
        """Args:
        detections: Ordered by frame and label.
        evidence: Rows of any frame pairs, any order.
        diameter_um: Of every detection, (N,).
        rows: Of evidence in a span, about; ROWS if not given.
        """
        self._evidence, self._rows = evidence, rows or ROWS
        self._reach = int(np.abs(evidence.t2 - evidence.t).max(initial=1))
        self.frames = int(detections.t.max(initial=0)) + 1
        earlier = np.minimum(evidence.t, evidence.t2)
        self._order: Ints | None = None
        if (np.diff(earlier) < 0).any():
            # Sixteen bits are sorted in linear time.
            small = earlier.astype(np.uint16) if self.frames < 2**16 else earlier
            self._order = np.argsort(small, kind="stable")
        self._begins = _begins(earlier, self.frames)
        self._known: Known | None = None
        parts = list(self._cut(0, self.frames, self._rows // PARTS, 1))
        if len(parts) > 1:

            def links_in(part: tuple[int, int]) -> tuple[Matches, Changes]:
                rows = self.evidence(*part)
                matches = Matches.of(detections, rows)
                changes = Changes.among(detections, rows, matches, diameter_um)
                return matches.kept(), changes

            matches, changes = zip(*each(links_in, parts), strict=True)
            every = Changes.concat(changes)
            self._known = Known(Matches.concat(matches), every.likenesses())
            self._first_links = _begins(every.t, self.frames)

    def __iter__(self) -> Iterator[Span]:
        for first, end in self._cut(0, self.frames, self._rows, LEAST_FRAMES):
            # Daughters may have come from as far back, and are asked how they go on.
            around = max(0, first + 1 - self._reach), min(self.frames, end + MAX_DIVISION_STEP)
            yield Span(first, end, around)

    def parts(self, first: int, end: int) -> Iterator[tuple[Evidence, Known | None]]:
        """Yield the evidence of links out of some frames and what is known of these, in parts.

        Rows out of one frame are in one part.
        """
        for part in self._cut(first, end, self._rows // PARTS, 1):
            yield self.evidence(*part), self.known(*part)

    def _cut(self, first: int, end: int, rows: int, frames: int) -> Iterator[tuple[int, int]]:
        """Yield first frames, and those past the last, of pieces of about so many rows."""
        while first < end:
            full = int(np.searchsorted(self._begins, self._begins[first] + rows))
            until = min(end, max(full, first + frames))
            yield first, until
            first = until

    def evidence(self, first: int, end: int) -> Evidence:
        """Return the rows that speak of links out of some frames into later ones."""
        place = slice(self._begins[first], self._begins[end])
        rows = place if self._order is None else self._order[place]
        return Evidence(**{n: getattr(self._evidence, n)[rows] for n in Evidence.schema()})

    def known(self, first: int, end: int) -> Known | None:
        """Return what is known of links out of some frames; None if all are in one part."""
        if self._known is None:
            return None
        links = slice(self._first_links[first], self._first_links[end])
        rows = slice(self._begins[first], self._begins[end])
        return Known(self._known.matches.some(links, rows), self._known.likenesses[links])


def _begins(t: Ints, frames: int) -> Ints:
    """Return how many rows come before each frame, and in all."""
    return np.concatenate([[0], np.cumsum(np.bincount(t, minlength=frames))])
