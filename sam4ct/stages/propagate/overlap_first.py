"""Shortcut: regions whose overlap leaves no choice are followed without asking a network.

Two regions of frames next to each other are taken for one cell if they share more than half
of their union and neither touches a third: no other region can share as much with either.
Such a cell needs no look, and what is asked about it goes on from the next frame, where it
lies nearer to the answer. So a network is asked only where a chain of such pairs ends: where
cells move far, touch, divide, are missed, split or merged. Label frames in, no images.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.geometry import Window, WindowPlan
from sam4ct.jumps import Jumps
from sam4ct.regions import LabelFrame, Region, regions_of
from sam4ct.types import FrameReader, Propagated, Propagator

SHARED = 0.5
"""Of the union of two regions: sharing more, they are each other's only such partner."""
TOUCHED = 0.05
"""Share of the smaller of two regions; an overlap above it is a choice to be made."""
SURE = 10.0
"""Object score of a region that is known to be there; SAM 2's own are about as large."""


def settled(labels: LabelFrame, others: LabelFrame) -> dict[int, int]:
    """Return by label of one frame the label of another frame that it must be.

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
    touches = shared > TOUCHED * np.minimum(sizes_a[i], sizes_b[j])
    i, j, shared = i[touches], j[touches], shared[touches]
    only = (np.bincount(i)[i] == 1) & (np.bincount(j)[j] == 1)
    sure = only & (shared > SHARED * (sizes_a[i] + sizes_b[j] - shared))
    return dict(zip(a[i[sure]].tolist(), b[j[sure]].tolist(), strict=True))


class Chains:
    """Which regions of a frame are settled in the next one, or in the one before."""

    def __init__(self, reader: FrameReader, jumps: Jumps) -> None:
        """Args:
        reader: For the regions of frames.
        jumps: Of the picture; nothing is settled across one.
        """
        self._reader, self._jumps = reader, jumps
        self._settled: dict[int, dict[int, int]] = {}
        """By the earlier frame."""

    def onward(self, t: int, way: int) -> Mapping[int, int]:
        """Return the labels of frame t that are settled in frame t + way, and their labels there.

        Args:
            t: A frame.
            way: 1, or -1 for the frame before.
        """
        early = min(t, t + way)
        if not 0 <= early < self._reader.frames - 1 or early + 1 in self._jumps.by_frame:
            return {}
        if early not in self._settled:
            frames = (self._reader.labels(early + s) for s in (0, 1))
            self._settled[early] = settled(*frames)
        pairs = self._settled[early]
        return pairs if way == 1 else {there: here for here, there in pairs.items()}

    def ends(self, t: int, way: int, labels: Iterable[int]) -> set[int]:
        """Return those of some labels of frame t at which a chain ends: they are looked for.

        Args:
            t: A frame.
            way: 1, or -1 for the frame before; none are looked for where there is no frame.
            labels: All or some of the frame.
        """
        if not 0 <= t + way < self._reader.frames:
            return set()
        return set(labels) - self.onward(t, way).keys()

    def forget_before(self, t: int) -> None:
        """Drop what is kept of frames before t."""
        for early in [early for early in self._settled if early < t]:
            del self._settled[early]


@dataclass(frozen=True)
class ChainEnds(WindowPlan):
    """A plan with the windows of those regions alone at which a chain ends."""

    chains: Chains

    def needed(self, t: int) -> Sequence[Window]:
        """Windows of frame t in which a region is shown or looked for, in a fixed order."""
        near = range(t - self.reach, t + self.reach + 1)
        return sorted(
            {
                view
                for s in near
                for way in (1, -1)
                if (t - s) * way >= 0
                for label in self.chains.ends(s, way, self.boxes.get(s, {}))
                for view in self.views(s, label, t)
            }
        )


class Shortcut:
    """A `Propagator` that asks another one only at the ends of chains."""

    def __init__(self, propagator: Propagator, reader: FrameReader, chains: Chains) -> None:
        """Args:
        propagator: Asked where a chain ends, about all such regions of a frame at once.
        reader: For the regions of frames.
        chains: Which regions are settled.
        """
        self._propagator, self._reader, self._chains = propagator, reader, chains
        self._found: dict[tuple[int, int], dict[int, Propagated]] = {}
        self.settled = 0
        """Answers that were given without asking, or by those of a nearer frame."""

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        """Return, for every region of frame t by label, where it is in frame t2.

        Args:
            t: Frame of the regions.
            regions: Some of those that the frame has.
            t2: Any other frame.
        """
        found = self._everywhere(t, t2)
        self.settled += len(regions.keys() & self._chains.onward(t, 1 if t2 > t else -1).keys())
        return {label: found[label] for label in regions}

    def forget_before(self, t: int) -> None:
        """Frames before t will not be asked for again."""
        self._propagator.forget_before(t)
        for pair in [pair for pair in self._found if min(pair) < t]:
            del self._found[pair]
        # Windows may still be planned for earlier regions, which settle against the frame before.
        self._chains.forget_before(t - 1)

    def _everywhere(self, t: int, t2: int) -> dict[int, Propagated]:
        """Return where all regions of frame t are in frame t2."""
        if (t, t2) not in self._found:
            regions, way = regions_of(self._reader.labels(t)), 1 if t2 > t else -1
            onward = self._chains.onward(t, way)
            found = self._propagator.propagate(t, _without(regions, onward), t2)
            if onward:
                known = self._known(t + way, t2)
                found = found | {label: known[there] for label, there in onward.items()}
            self._found[t, t2] = found
        return self._found[t, t2]

    def _known(self, t: int, t2: int) -> dict[int, Propagated]:
        """Return where the regions of frame t are in frame t2, which may be the same."""
        if t != t2:
            return self._everywhere(t, t2)
        regions = regions_of(self._reader.labels(t))
        return {label: Propagated(region, SURE) for label, region in regions.items()}


def _without(regions: Mapping[int, Region], labels: Collection[int]) -> dict[int, Region]:
    return {label: region for label, region in regions.items() if label not in labels}
