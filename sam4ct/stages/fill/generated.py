"""Puts generated regions beside given ones, as if the segmenter had found them.

In: given and generated regions. Out: frames and tables with both, a propagator that asks the
network about new regions only, and the tracks that have at least one given region. Given masks
keep pixels and labels; a generated region gets a label above those of its frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sam4ct.regions import LabelFrame, Region
from sam4ct.stages.readers import Relabelled
from sam4ct.tables import Detections, Flags, Ints, Joins, Links, row_numbers
from sam4ct.types import FrameReader, Propagated, Propagator


class AddedFrames(Relabelled):
    """A `FrameReader` with regions added where the masks have background."""

    def __init__(self, reader: FrameReader, added: Callable[[int], Mapping[int, Region]]) -> None:
        """Take a reader and a look-up of what is added to a frame, by label."""
        super().__init__(reader)
        self._added = added

    def labels(self, t: int) -> LabelFrame:
        """The masks of a frame with the added ones, int64: new labels may be beyond int32."""
        labels = self._reader.labels(t).astype(np.int64)
        for label, region in self._added(t).items():
            window = labels[region.box]
            window[region.mask & (window == 0)] = label
        return labels


def in_order(parts: Sequence[Detections]) -> Detections:
    """Return the rows of several tables in one, ordered by frame and label."""
    rows = Detections.concat(parts)
    return rows.take(np.lexsort((rows.label, rows.t)))


class KnownFirst:
    """A `Propagator` that asks another one only about regions without a known answer."""

    def __init__(
        self, engine: Propagator, known: Callable[[int, int], Mapping[int, Propagated]]
    ) -> None:
        """Take the engine, and a look-up of known answers for frames t and t2, by label."""
        self._engine, self._known = engine, known

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        """Where the regions of frame t are in frame t2, known or from the engine."""
        found = {i: seen for i, seen in self._known(t, t2).items() if i in regions}
        fresh = {i: region for i, region in regions.items() if i not in found}
        return found | (self._engine.propagate(t, fresh, t2) if fresh else {})

    def forget_before(self, t: int) -> None:
        self._engine.forget_before(t)


def as_background(regions: Detections) -> Joins:
    """Return the regions as ones that become background (see `repair.JoinedFrames`)."""
    return Joins(regions.t, regions.label, np.zeros(len(regions), np.int64))


def without(detections: Detections, gone: Joins) -> Detections:
    """Return the table without the regions that are named in another one."""
    kept = np.ones(len(detections), dtype=bool)
    kept[row_numbers(detections, gone.t, gone.label)] = False
    return detections.take(kept)


def supported(detections: Detections, links: Links, generated: Flags) -> tuple[Flags, Links]:
    """Return which regions stay, and the links among them.

    A track without any given region is dropped: a chain of generated regions would prove itself.
    (A track runs from birth or division to death or division.) A mother that loses one daughter
    this way continues in the other.

    Args:
        detections: Given and generated regions, ordered by frame and label.
        links: Accepted links of both.
        generated: Which rows of the detections are generated.
    """
    u = row_numbers(detections, links.t, links.label)
    v = row_numbers(detections, links.t2, links.label2)
    track = _tracks(len(detections), u[~links.division], v[~links.division])
    given = np.zeros(len(detections), dtype=bool)
    given[track[~generated]] = True
    kept = given[track]
    stays = kept[u] & kept[v]
    left = links.take(stays)
    # Of the two links of a division, one may be left.
    daughters = np.bincount(u[stays & links.division], minlength=len(detections))
    return kept, replace(left, division=left.division & (daughters[u[stays]] == 2))


def _tracks(count: int, u: Ints, v: Ints) -> Ints:
    """Number every region by the first one of its track; links lead to later rows only."""
    track = np.arange(count)
    for source, target in sorted(
        zip(u.tolist(), v.tolist(), strict=True), key=lambda link: link[1]
    ):
        track[target] = track[source]
    return track
