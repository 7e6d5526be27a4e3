"""Fragments: parts of one cell under masks of their own, told by the frames before and after.

A segmenter that cuts a cell in two does so in one frame or a few; in the frames
around, the cell is whole, and its propagated mask covers both fragments. What becomes
of them is the business of `repair`. Works on tables only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.stages.associate.features import pairs_in_groups
from sam4ct.tables import Detections, Evidence, Floats, Ints, Joins, Table, row_numbers

COVERED = 0.6
"""Share of each fragment that a whole cell's propagated mask must cover."""
SHARE = 0.6
"""Share of the frames within reach that must show the cell whole."""
INSIDE = 0.7
"""Share of that mask that must lie in the two fragments together."""
RETURNS = 0.6
"""Share of each fragment's own propagated mask that must lie in the whole cell."""
SIZE_RANGE = (0.65, 1.5)
"""Of the fragments' common size to the whole cell's."""


@dataclass(frozen=True)
class Witnesses(Table):
    """One row two regions of one frame, and another frame in which they are one region."""

    one: Ints
    """Row number of the first of the two in the detections."""
    other: Ints
    """That of the second; the larger number."""
    t: Ints
    """The frame that shows them as one."""


@dataclass(frozen=True)
class Suspects(Table):
    """One row two regions of one frame that some other frame shows as one."""

    one: Ints
    other: Ints
    """Row numbers, as those of `Witnesses`."""
    frames: Ints
    """How many frames show them as one."""
    first: Ints
    """The earliest of these."""
    last: Ints
    """The latest."""


def find_fragments(detections: Detections, evidence: Evidence) -> Joins:
    """Return which regions are fragments of which others; no region is in two pairs.

    A cell must be whole both earlier and later: earlier alone, it may have divided;
    and in most of these frames, or two cells under one mask would pass for a whole one.

    Args:
        detections: Ordered by frame and label.
        evidence: Rows of any frame pairs, in both directions of time.
    """
    found = _suspects(_witnesses(detections, evidence))
    reach = int(np.abs(evidence.t2 - evidence.t).max(initial=1))
    t, end = detections.t[found.one], int(detections.t.max(initial=0))
    within = np.minimum(reach, t) + np.minimum(reach, end - t)
    earlier = (t == 0) | (found.first < t)
    found = found.take(earlier & (found.last > t) & (found.frames >= SHARE * within))
    # Of pairs that share a region, the one that more frames show as one.
    found = found.take(np.lexsort((found.other, found.one, -found.frames)))
    chosen: list[tuple[int, int]] = []
    used: set[int] = set()
    for a, b in zip(found.one.tolist(), found.other.tolist(), strict=True):
        if used.isdisjoint((a, b)):
            used |= {a, b}
            chosen.append((a, b) if detections.size[a] >= detections.size[b] else (b, a))
    keep, drop = np.array(sorted(chosen), dtype=np.int64).reshape(-1, 2).T
    return Joins(detections.t[drop], detections.label[drop], detections.label[keep])


def _suspects(witnesses: Witnesses) -> Suspects:
    """Return the pairs of regions, in order, and what frames show each of them as one."""
    rows = np.stack([witnesses.one, witnesses.other, witnesses.t], axis=1)
    # Two regions of one frame may both be taken for the whole cell: the frame counts once.
    rows = np.unique(rows, axis=0)
    pairs, first, frames = np.unique(rows[:, :2], axis=0, return_index=True, return_counts=True)
    one, other = pairs.T
    return Suspects(one, other, frames, rows[first, 2], rows[first + frames - 1, 2])


def _witnesses(detections: Detections, evidence: Evidence) -> Witnesses:
    """Return by which frames two regions of one frame are one region.

    There, that region's propagated mask covers both, both propagated masks lie in
    that region, and its size fits. The way back tells fragments from two cells
    that a mask leaked into, such as daughters just born.
    """
    first, second = _covered_together(evidence)
    (whole, a), (_, b) = _ends(detections, evidence, first), _ends(detections, evidence, second)
    size = (detections.size[a] + detections.size[b]) / detections.size[whole]
    inside = evidence.containment_prop[first] + evidence.containment_prop[second]
    # Smaller shares do not suffice, and are as good as none.
    back = np.flatnonzero(evidence.containment_prop > RETURNS)
    held = _Shares(
        *_ends(detections, evidence, back), evidence.containment_prop[back], len(detections)
    )
    returns = np.minimum(held.of(a, whole), held.of(b, whole))
    low, high = SIZE_RANGE
    shown = (low <= size) & (size <= high) & (inside > INSIDE) & (returns > RETURNS)
    return Witnesses(np.minimum(a, b), np.maximum(a, b), detections.t[whole]).take(shown)


def _ends(detections: Detections, evidence: Evidence, rows: Ints) -> tuple[Ints, Ints]:
    """Return which regions some rows of evidence are of, and which they look at."""
    return (
        row_numbers(detections, evidence.t[rows], evidence.label[rows]),
        row_numbers(detections, evidence.t2[rows], evidence.label2[rows]),
    )


def _covered_together(evidence: Evidence) -> tuple[Ints, Ints]:
    """Return rows of evidence, two by two, of regions that one propagated mask covers."""
    found = np.flatnonzero(evidence.coverage_prop > COVERED)
    frames, labels = (int(c.max(initial=0)) + 1 for c in (evidence.t2, evidence.label))
    mask = evidence.t[found] * labels + evidence.label[found]
    first, second = pairs_in_groups(mask * frames + evidence.t2[found])
    return found[first], found[second]


class _Shares:
    """Shares of propagated masks that lie in other regions, looked up by both."""

    def __init__(self, source: Ints, target: Ints, share: Floats, regions: int) -> None:
        """Args:
        source, target: Row numbers, below `regions`.
        share: Of each pair.
        regions: How many there are.
        """
        self._base = regions
        key = source * self._base + target
        order = np.argsort(key)
        self._key, self._share = key[order], share[order]

    def of(self, source: Ints, target: Ints) -> Floats:
        """Return a share for each pair of row numbers; 0 where the evidence has none."""
        key = source * self._base + target
        place = np.searchsorted(self._key, key)
        there = place < len(self._key)
        there[there] = self._key[place[there]] == key[there]
        share = np.zeros(len(key))
        share[there] = self._share[place[there]]
        return share
