"""Repair: fragments of one cell are joined, in tables and in masks; specks are dropped.

Which regions are fragments is told by `fragments`. They are linked as one region; whether
their masks are also painted as one is the profile's `edit_masks`. No files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from sam4ct.geometry import Margins
from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.regions import LabelFrame
from sam4ct.stages.readers import Relabelled
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints, Joins, row_numbers
from sam4ct.types import FrameReader


class JoinedFrames(Relabelled):
    """A `FrameReader` whose masks have the fragments joined: they carry one label.

    Regions joined to 0 are background.
    """

    def __init__(self, reader: FrameReader, joins: Joins) -> None:
        super().__init__(reader)
        self._joins = joins

    def labels(self, t: int) -> LabelFrame:
        """The masks of a frame, fragments under the label of the region they were joined to."""
        labels = self._reader.labels(t)
        rows = np.flatnonzero(self._joins.t == t)
        if not len(rows):
            return labels
        joined = labels.copy()
        for label, into in zip(self._joins.label[rows], self._joins.into[rows], strict=True):
            joined[labels == label] = into
        return joined


def join(
    detections: Detections,
    evidence: Evidence,
    joins: Joins,
    spacing_um: tuple[float, float, float],
    jumps: Jumps = NO_JUMPS,
) -> tuple[Detections, Evidence]:
    """Return the tables with fragments joined; the larger one's label stays.

    Args:
        detections: Ordered by frame and label.
        evidence: Rows of any frame pairs.
        joins: From `fragments`.
        spacing_um: Voxel size (z, y, x).
        jumps: Of the picture.
    """
    if not len(joins):
        return detections, evidence
    drop, keep = _rows(detections, joins)
    target = np.arange(len(detections))
    target[drop] = keep
    merged = _merged(detections, keep, drop)
    places = jumps.places_um(merged, spacing_um)
    rows = _joined_evidence(detections, evidence, merged, target, places)
    return joined_detections(detections, joins), rows


def joined_detections(detections: Detections, joins: Joins) -> Detections:
    """Return the detections with fragments joined, without the evidence."""
    drop, keep = _rows(detections, joins)
    kept = np.ones(len(detections), dtype=bool)
    kept[drop] = False
    return _merged(detections, keep, drop).take(kept)


def specks(detections: Detections, min_size: int, edge: Margins) -> Flags:
    """Which regions are too small to be cells: `min_size` pixels (voxels) or fewer.

    A region at the edge of the frame is not: the rest of it may be outside.
    """
    return np.asarray((detections.size <= min_size) & ~edge.holds(detections))


def without_specks(
    detections: Detections, evidence: Evidence, min_size: int, edge: Margins
) -> tuple[Detections, Evidence]:
    """Return the tables without `specks`."""
    large = ~specks(detections, min_size, edge)
    rows = large[row_numbers(detections, evidence.t, evidence.label)]
    rows &= large[row_numbers(detections, evidence.t2, evidence.label2)]
    return detections.take(large), evidence.take(rows)


def _rows(detections: Detections, joins: Joins) -> tuple[Ints, Ints]:
    """Rows of the fragments, and of the regions that they are joined to."""
    drop = row_numbers(detections, joins.t, joins.label)
    return drop, row_numbers(detections, joins.t, joins.into)


def _merged(detections: Detections, keep: Ints, drop: Ints) -> Detections:
    """Give each kept row the size, centre, box and contrast of both fragments."""
    columns = {name: getattr(detections, name).copy() for name in detections.schema()}
    size = detections.size[keep] + detections.size[drop]
    for axis in "zyx":
        centre, first, end = columns[axis], columns[f"{axis}0"], columns[f"{axis}1"]
        total = centre[keep] * detections.size[keep] + centre[drop] * detections.size[drop]
        centre[keep] = total / size
        first[keep] = np.minimum(first[keep], first[drop])
        end[keep] = np.maximum(end[keep], end[drop])
    bright = columns["contrast"]
    total = bright[keep] * detections.size[keep] + bright[drop] * detections.size[drop]
    bright[keep] = total / size
    columns["size"][keep] = size
    columns["border"][keep] |= columns["border"][drop]
    return Detections(**columns)


def _joined_evidence(
    old: Detections, evidence: Evidence, new: Detections, target: Ints, places_um: Floats
) -> Evidence:
    """Add up the rows of fragments.

    As targets, fragments are disjoint, so intersections add up. As sources, both
    were propagated by themselves, and either mask may be the whole cell or the
    fragment: their union holds at least the larger intersection and at most the
    sum, cut to the target's size.

    Args:
        old: Detections before fragments were joined.
        evidence: Rows between them.
        new: The same rows, those that stay with the size and place of both fragments.
        target: By row of the detections, the one that it becomes a part of, or itself.
        places_um: Centroids of the new rows, (N, 3).
    """
    a = row_numbers(old, evidence.t, evidence.label)
    b = row_numbers(old, evidence.t2, evidence.label2)
    pieces = _Pieces.of(old.size, evidence, a, b)
    # First targets, for each original source; then sources.
    (a, b), row = np.unique(np.stack([a, target[b]]), axis=1, return_inverse=True)
    pieces = pieces.of_targets(row)
    (u, v), row = np.unique(np.stack([target[a], b]), axis=1, return_inverse=True)
    size = new.size.astype(float)
    pieces = pieces.of_sources(row, size[v])
    common, area, still = pieces.common, pieces.area, pieces.still
    return Evidence(
        t=new.t[u],
        label=new.label[u],
        t2=new.t[v],
        label2=new.label[v],
        iou_prop=common / np.maximum(area + size[v] - common, 1.0),
        containment_prop=common / np.maximum(area, 1.0),
        coverage_prop=common / size[v],
        overlap=still / np.maximum(size[u] + size[v] - still, 1.0),
        distance_um=np.linalg.norm(places_um[u] - places_um[v], axis=1),
        size_ratio=size[v] / size[u],
        object_score=pieces.score,
        similarity=pieces.similarity,
        border=new.border[u] | new.border[v],
    )


@dataclass(frozen=True)
class _Pieces:
    """What of evidence rows adds up: pixels or voxels where `Evidence` has shares; (rows,) each."""

    common: Floats
    """Of the propagated mask in the target."""
    area: Floats
    """Of the propagated mask."""
    still: Floats
    """Of the unmoved source in the target."""
    score: Floats
    similarity: Floats

    @classmethod
    def of(cls, size: Ints, evidence: Evidence, source: Ints, target: Ints) -> Self:
        """Return those of rows between regions of some sizes, by the numbers of both."""
        share, overlap = evidence.containment_prop, evidence.overlap
        common = evidence.coverage_prop * size[target]
        area = np.where(share > 0, common / np.maximum(share, 1e-9), 0.0)
        still = overlap * (size[source] + size[target]) / (1.0 + overlap)
        return cls(common, area, still, evidence.object_score, evidence.similarity)

    def of_targets(self, row: Ints) -> _Pieces:
        """Return them with fragments joined as targets; `row` is that of each in the answer."""
        return _Pieces(
            _sums(self.common, row),
            _largest(self.area, row),
            _sums(self.still, row),
            _largest(self.score, row),
            _largest(self.similarity, row),
        )

    def of_sources(self, row: Ints, size: Floats) -> _Pieces:
        """Return them with fragments joined as sources, of targets of some sizes."""
        common = np.minimum(_sums(self.common, row), size)
        outside = _largest(np.maximum(self.area - self.common, 0.0), row)
        return _Pieces(
            common,
            common + outside,
            _sums(self.still, row),
            _largest(self.score, row),
            _largest(self.similarity, row),
        )


def _sums(values: Floats, row: Ints) -> Floats:
    return np.asarray(np.bincount(row, weights=values), dtype=np.float64)


def _largest(values: Floats, row: Ints) -> Floats:
    out = np.full(int(row.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(out, row, values)
    return out
