"""Splits the evidence of a sequence into chunks of frames, so that its features fit in memory.

In: detections and evidence. Out: chunks with a halo: the frames around a chunk on which its
features depend. So the features do not depend on where chunks begin. What is measured on the
whole sequence (`features.similarity`) is computed once and handed to every chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sam4ct.runtime import each
from sam4ct.stages.associate.features import MAX_DIVISION_STEP, Changes, Matches, Precomputed
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints

CHUNK_ROWS, SUBCHUNKS = 500_000, 4
"""Evidence rows of a chunk, about, and the parts in which the links of a chunk are scored."""
MIN_CHUNK_FRAMES = 8
"""Frames of a chunk, at least: those of its halo are scored twice."""


@dataclass(frozen=True)
class Chunk:
    """Frames whose links into later frames are scored together."""

    first: int
    end: int
    """One past the last frame."""
    halo: tuple[int, int]
    """First frame, and one past the last, of the links on which features of the chunk depend."""

    def holds(self, t: Ints) -> Flags:
        """Return which frames belong to the chunk itself."""
        return np.asarray((t >= self.first) & (t < self.end))


class Chunks:
    """Evidence by the earlier one of its two frames."""

    def __init__(
        self,
        detections: Detections,
        evidence: Evidence,
        diameter_um: Floats,
        rows: int | None = None,
    ) -> None:
        """Sort the evidence, and measure what depends on the whole sequence.

        Args:
            detections: Ordered by frame and label.
            evidence: Rows of any frame pairs, any order.
            diameter_um: Of every detection, (N,).
            rows: Evidence rows of a chunk, about; CHUNK_ROWS if None.
        """
        self._evidence, self._rows = evidence, rows or CHUNK_ROWS
        self._reach = int(np.abs(evidence.t2 - evidence.t).max(initial=1))
        self.frames = int(detections.t.max(initial=0)) + 1
        earlier = np.minimum(evidence.t, evidence.t2)
        self._order: Ints | None = None
        if (np.diff(earlier) < 0).any():
            self._order = np.argsort(earlier, kind="stable")
        self._begins = _begins(earlier, self.frames)
        self._precomputed: Precomputed | None = None
        parts = list(self._cut(0, self.frames, self._rows // SUBCHUNKS, 1))
        if len(parts) > 1:

            def links_in(part: tuple[int, int]) -> tuple[Matches, Changes]:
                rows = self.evidence(*part)
                matches = Matches.of(detections, rows)
                changes = Changes.among(detections, rows, matches, diameter_um)
                return matches.kept(), changes

            matches, changes = zip(*each(links_in, parts), strict=True)
            every = Changes.concat(changes)
            self._precomputed = Precomputed(Matches.concat(matches), every.likenesses())
            self._first_links = _begins(every.t, self.frames)

    def __iter__(self) -> Iterator[Chunk]:
        for first, end in self._cut(0, self.frames, self._rows, MIN_CHUNK_FRAMES):
            # Competing links come from as far back as evidence reaches; daughters go on ahead.
            halo = max(0, first + 1 - self._reach), min(self.frames, end + MAX_DIVISION_STEP)
            yield Chunk(first, end, halo)

    def parts(self, first: int, end: int) -> Iterator[tuple[Evidence, Precomputed | None]]:
        """Yield the evidence for links out of some frames, and what is precomputed for it.

        All rows of one frame are in one part.
        """
        for part in self._cut(first, end, self._rows // SUBCHUNKS, 1):
            yield self.evidence(*part), self.precomputed(*part)

    def _cut(self, first: int, end: int, rows: int, frames: int) -> Iterator[tuple[int, int]]:
        """Yield (first, end) frames of pieces of about so many rows and at least so many frames."""
        while first < end:
            full = int(np.searchsorted(self._begins, self._begins[first] + rows))
            until = min(end, max(full, first + frames))
            yield first, until
            first = until

    def evidence(self, first: int, end: int) -> Evidence:
        """Return the evidence rows for links out of some frames."""
        place = slice(self._begins[first], self._begins[end])
        rows = place if self._order is None else self._order[place]
        return Evidence(**{n: getattr(self._evidence, n)[rows] for n in Evidence.schema()})

    def precomputed(self, first: int, end: int) -> Precomputed | None:
        """Return what is precomputed for links out of some frames; None for a single part."""
        if self._precomputed is None:
            return None
        links = slice(self._first_links[first], self._first_links[end])
        rows = slice(self._begins[first], self._begins[end])
        whole = self._precomputed
        return Precomputed(whole.matches.some(links, rows), whole.likenesses[links])


def _begins(t: Ints, frames: int) -> Ints:
    """Return how many rows come before each frame, and in all."""
    return np.concatenate([[0], np.cumsum(np.bincount(t, minlength=frames))])
