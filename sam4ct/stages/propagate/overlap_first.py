"""Follows regions by overlap alone where it leaves no choice; no network is asked (`--fast`).

In: label frames. Out: pairs of regions of neighbouring frames that are certainly one cell, and a
`Propagator` that asks the network only where a chain of such pairs ends.

Two regions are a certain match if they share more than half of their union and neither touches
a third: no other region can share as much with either. What is asked about a region then goes
on from the end of its chain, which lies nearer to the answer. So the network is asked where
cells move far, touch, divide, are missed, split or merged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.geometry import Window, WindowPlan
from sam4ct.jumps import Jumps
from sam4ct.regions import LabelFrame, Region, regions_of
from sam4ct.types import FrameReader, Propagated, Propagator

MIN_IOU = 0.5
"""IoU of a certain match, exclusive: above a half, no region can have two."""
MAX_OTHER_OVERLAP = 0.05
"""Share of the smaller region; regions that overlap a third one by more are no certain match."""
CERTAIN_SCORE = 10.0
"""Object score (logit) of a matched region; SAM 2's own are about as large."""


def certain_matches(labels: LabelFrame, others: LabelFrame) -> dict[int, int]:
    """Return the label in another frame that each label of a frame certainly is.

    Args:
        labels: Label frame, ([z,] y, x), integers; 0 is background.
        others: The other frame, of the same shape.

    Returns:
        Labels of both frames, one to one, in increasing order of the first.
    """
    both = (labels > 0) & (others > 0)
    if not both.any():
        return {}
    a, sizes_a = np.unique(labels[labels > 0], return_counts=True)
    b, sizes_b = np.unique(others[others > 0], return_counts=True)
    i, j = np.searchsorted(a, labels[both]), np.searchsorted(b, others[both])
    key, shared = np.unique(i.astype(np.int64) * len(b) + j, return_counts=True)
    i, j = np.divmod(key, len(b))
    touches = shared > MAX_OTHER_OVERLAP * np.minimum(sizes_a[i], sizes_b[j])
    i, j, shared = i[touches], j[touches], shared[touches]
    only = (np.bincount(i)[i] == 1) & (np.bincount(j)[j] == 1)
    sure = only & (shared > MIN_IOU * (sizes_a[i] + sizes_b[j] - shared))
    return dict(zip(a[i[sure]].tolist(), b[j[sure]].tolist(), strict=True))


class Chains:
    """The certain matches of all pairs of neighbouring frames, computed when asked for."""

    def __init__(self, reader: FrameReader, jumps: Jumps) -> None:
        """Take a reader.

        Args:
            reader: For the regions of frames.
            jumps: Stage shifts; there is no certain match across one.
        """
        self._reader, self._jumps = reader, jumps
        self._matches: dict[int, dict[int, int]] = {}
        """By the earlier frame, then by label."""

    def onward(self, t: int, direction: int) -> Mapping[int, int]:
        """Return the label in frame t + direction of each matched label of frame t.

        Args:
            t: A frame.
            direction: 1, or -1 for the frame before.
        """
        early = min(t, t + direction)
        if not 0 <= early < self._reader.frames - 1 or early + 1 in self._jumps.by_frame:
            return {}
        if early not in self._matches:
            frames = (self._reader.labels(early + s) for s in (0, 1))
            self._matches[early] = certain_matches(*frames)
        pairs = self._matches[early]
        return pairs if direction == 1 else {there: here for here, there in pairs.items()}

    def ends(self, t: int, direction: int, labels: Iterable[int]) -> set[int]:
        """Return the labels of frame t at which a chain ends, so that the network is asked.

        Args:
            t: A frame.
            direction: 1, or -1 for the frame before; the first and last frame have no ends there.
            labels: All or some of the frame.
        """
        if not 0 <= t + direction < self._reader.frames:
            return set()
        return set(labels) - self.onward(t, direction).keys()

    def forget_before(self, t: int) -> None:
        """Drop what is kept of frames before t."""
        for early in [early for early in self._matches if early < t]:
            del self._matches[early]


@dataclass(frozen=True)
class ChainEnds(WindowPlan):
    """A plan with windows for the regions at which a chain ends only."""

    chains: Chains

    def needed(self, t: int) -> Sequence[Window]:
        """Windows of frame t in which a region is shown or searched for, in a fixed order."""
        near = range(t - self.reach, t + self.reach + 1)
        return sorted(
            {
                view
                for s in near
                for direction in (1, -1)
                if (t - s) * direction >= 0
                for label in self.chains.ends(s, direction, self.boxes.get(s, {}))
                for view in self.views(s, label, t)
            }
        )


class OverlapFirst:
    """A `Propagator` that asks another one only at the ends of chains."""

    def __init__(self, propagator: Propagator, reader: FrameReader, chains: Chains) -> None:
        """Take the propagator to ask.

        Args:
            propagator: Asked where a chain ends, about all such regions of a frame at once.
            reader: For the regions of frames.
            chains: The certain matches.
        """
        self._propagator, self._reader, self._chains = propagator, reader, chains
        self._found: dict[tuple[int, int], dict[int, Propagated]] = {}
        self.matched = 0
        """Answers that were given without asking, or from a nearer frame."""

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        """Return, for every region of frame t by label, where it is in frame t2.

        Args:
            t: Frame of the regions.
            regions: Some of those that the frame has.
            t2: Any other frame.
        """
        found = self._everywhere(t, t2)
        self.matched += len(regions.keys() & self._chains.onward(t, 1 if t2 > t else -1).keys())
        return {label: found[label] for label in regions}

    def forget_before(self, t: int) -> None:
        """Frames before t will not be asked for again."""
        self._propagator.forget_before(t)
        for pair in [pair for pair in self._found if min(pair) < t]:
            del self._found[pair]
        # Windows may still be planned for regions of frame t - 1.
        self._chains.forget_before(t - 1)

    def _everywhere(self, t: int, t2: int) -> dict[int, Propagated]:
        """Return where all regions of frame t are in frame t2."""
        if (t, t2) not in self._found:
            regions, direction = regions_of(self._reader.labels(t)), 1 if t2 > t else -1
            onward = self._chains.onward(t, direction)
            found = self._propagator.propagate(t, _without(regions, onward), t2)
            if onward:
                known = self._known(t + direction, t2)
                found = found | {label: known[there] for label, there in onward.items()}
            self._found[t, t2] = found
        return self._found[t, t2]

    def _known(self, t: int, t2: int) -> dict[int, Propagated]:
        """Return where the regions of frame t are in frame t2, which may be the same."""
        if t != t2:
            return self._everywhere(t, t2)
        regions = regions_of(self._reader.labels(t))
        return {label: Propagated(region, CERTAIN_SCORE) for label, region in regions.items()}


def _without(regions: Mapping[int, Region], labels: Collection[int]) -> dict[int, Region]:
    return {label: region for label, region in regions.items() if label not in labels}
