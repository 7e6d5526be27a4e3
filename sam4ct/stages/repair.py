"""Repair: fragments of one cell are told by the frames before and after, and joined.

A segmenter that cuts a cell in two does so in one frame or a few; in the frames
around, the cell is whole, and its propagated mask covers both fragments. Such
fragments are linked as one region. Whether their masks are also painted as one
is the profile's `edit_masks`. Works on tables only.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from sam4ct.geometry import Margins
from sam4ct.regions import LabelFrame
from sam4ct.stages.relabelled import Relabelled
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints, Joins, row_numbers
from sam4ct.types import FrameReader

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


def find_fragments(detections: Detections, evidence: Evidence) -> Joins:
    """Return which regions are fragments of which others; no region is in two pairs.

    A cell must be whole both earlier and later: earlier alone, it may have divided;
    and in most of these frames, or two cells under one mask would pass for a whole one.
    """
    witnesses = _witnesses(detections, evidence)
    reach = int(np.abs(evidence.t2 - evidence.t).max(initial=1))
    last = int(detections.t.max(initial=0))
    chosen: list[tuple[int, int]] = []
    used: set[int] = set()
    for (a, b), frames in sorted(witnesses.items(), key=lambda w: (-len(w[1]), w[0])):
        t = int(detections.t[a])
        within = min(reach, t) + min(reach, last - t)
        earlier = t == 0 or min(frames) < t
        later = max(frames) > t
        often = len(frames) >= SHARE * within
        if earlier and later and often and not used & {a, b}:
            used |= {a, b}
            chosen.append((a, b) if detections.size[a] >= detections.size[b] else (b, a))
    keep, drop = np.array(sorted(chosen), dtype=np.int64).reshape(-1, 2).T
    return Joins(detections.t[drop], detections.label[drop], detections.label[keep])


def _witnesses(detections: Detections, evidence: Evidence) -> dict[tuple[int, int], set[int]]:
    """Return for pairs of rows of one frame the other frames in which they are one region.

    There, that region's propagated mask covers both, both propagated masks lie in
    that region, and its size fits. The way back tells fragments from two cells
    that a mask leaked into, such as daughters just born.
    """
    source = row_numbers(detections, evidence.t, evidence.label)
    target = row_numbers(detections, evidence.t2, evidence.label2)
    found = np.flatnonzero(evidence.coverage_prop > COVERED)
    # Most masks cover one region of a frame; only those that cover more are looked at.
    _, place, covers = np.unique(
        source[found] * (int(evidence.t2.max(initial=0)) + 1) + evidence.t2[found],
        return_inverse=True,
        return_counts=True,
    )
    found = found[covers[place] > 1]
    seen: dict[tuple[int, int], list[int]] = {}
    for row in found.tolist():
        seen.setdefault((int(source[row]), int(evidence.t2[row])), []).append(row)
    fragment = np.zeros(len(detections), bool)
    fragment[target[found]] = True
    ways_back = np.flatnonzero(fragment[source])
    back = {
        (a, b): share
        for a, b, share in zip(
            source[ways_back].tolist(),
            target[ways_back].tolist(),
            evidence.containment_prop[ways_back].tolist(),
            strict=True,
        )
    }
    witnesses: dict[tuple[int, int], set[int]] = {}
    low, high = SIZE_RANGE
    for (whole, _), rows in seen.items():
        for first, second in combinations(rows, 2):
            a, b = sorted((int(target[first]), int(target[second])))
            size = (detections.size[a] + detections.size[b]) / detections.size[whole]
            inside = evidence.containment_prop[first] + evidence.containment_prop[second]
            returns = min(back.get((a, whole), 0.0), back.get((b, whole), 0.0))
            if low <= size <= high and inside > INSIDE and returns > RETURNS:
                witnesses.setdefault((a, b), set()).add(int(detections.t[whole]))
    return witnesses


def join(
    detections: Detections,
    evidence: Evidence,
    joins: Joins,
    spacing_um: tuple[float, float, float],
) -> tuple[Detections, Evidence]:
    """Return the tables with fragments joined; the larger one's label stays.

    Args:
        detections: Ordered by frame and label.
        evidence: Rows of any frame pairs.
        joins: From `find_fragments`.
        spacing_um: Voxel size (z, y, x).
    """
    if not len(joins):
        return detections, evidence
    drop, keep = _rows(detections, joins)
    target = np.arange(len(detections))
    target[drop] = keep
    merged = _merged(detections, keep, drop)
    rows = _joined_evidence(detections, evidence, merged, target, np.asarray(spacing_um))
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
    old: Detections, evidence: Evidence, new: Detections, target: Ints, spacing_um: Floats
) -> Evidence:
    """Add up the rows of fragments.

    As targets, fragments are disjoint, so intersections add up. As sources, both
    were propagated by themselves, and either mask may be the whole cell or the
    fragment: their union holds at least the larger intersection and at most the
    sum, cut to the target's size.
    """
    a = row_numbers(old, evidence.t, evidence.label)
    b = row_numbers(old, evidence.t2, evidence.label2)
    common = evidence.coverage_prop * old.size[b]
    area = np.where(
        evidence.containment_prop > 0, common / np.maximum(evidence.containment_prop, 1e-9), 0.0
    )
    still = evidence.overlap * (old.size[a] + old.size[b]) / (1.0 + evidence.overlap)
    # First targets: sum over the fragments of a target, for each original source.
    key, row = np.unique(np.stack([a, target[b]]), axis=1, return_inverse=True)
    common, still = _sums(common, row), _sums(still, row)
    area, score = _largest(area, row), _largest(evidence.object_score, row)
    similarity = _largest(evidence.similarity, row)
    outside = np.maximum(area - common, 0.0)
    # Then sources.
    key, row = np.unique(np.stack([target[key[0]], key[1]]), axis=1, return_inverse=True)
    u, v = key
    size = new.size.astype(float)
    common = np.minimum(_sums(common, row), size[v])
    area = common + _largest(outside, row)
    still = _sums(still, row)
    places = new.places_um(spacing_um)
    return Evidence(
        t=new.t[u],
        label=new.label[u],
        t2=new.t[v],
        label2=new.label[v],
        iou_prop=common / np.maximum(area + size[v] - common, 1.0),
        containment_prop=common / np.maximum(area, 1.0),
        coverage_prop=common / size[v],
        overlap=still / np.maximum(size[u] + size[v] - still, 1.0),
        distance_um=np.linalg.norm(places[u] - places[v], axis=1),
        size_ratio=size[v] / size[u],
        object_score=_largest(score, row),
        similarity=_largest(similarity, row),
        border=new.border[u] | new.border[v],
    )


def _sums(values: Floats, row: Ints) -> Floats:
    return np.asarray(np.bincount(row, weights=values), dtype=np.float64)


def _largest(values: Floats, row: Ints) -> Floats:
    out = np.full(int(row.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(out, row, values)
    return out
