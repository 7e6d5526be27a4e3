"""What a person changed in a lineage, as corrections.

In: the regions of a result with its links, and the same regions with the links of an edited
lineage. Out: the answers that lead from one to the other. Of every region that was touched, both
sides are said: where it comes from and where it goes, so that the solver decides nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sam4ct.corrections import Correction, End, Kind
from sam4ct.tables import Detections, Floats, Ints

SAME_PLACE = 1.0
"""Pixels; a node so near to the centroid of a region is that region."""

Step = tuple[int, int]
"""Rows of two regions: the earlier and the later one."""


@dataclass(frozen=True)
class Differences:
    """Answers, and what cannot be said as one."""

    corrections: tuple[Correction, ...]
    unsaid: tuple[str, ...]
    """In words."""


def matched(regions: Detections, t: Ints, places: Floats, given: Ints | None = None) -> Ints:
    """Return the row of the region that each node is; -1 where there is none.

    A node is the region whose centroid is nearest, if that is at its place or its box holds the
    node; a region is one node at most.

    Args:
        regions: Ordered by frame and label.
        t: Frame of each node.
        places: (nodes, axes), ([z,] y, x), pixels.
        given: Label of each node, if it is known; 0 is none.
    """
    axes = "zyx"[-places.shape[1] :]
    centres = np.stack([getattr(regions, axis) for axis in axes], axis=1)
    low = np.stack([getattr(regions, f"{axis}0") for axis in axes], axis=1)
    high = np.stack([getattr(regions, f"{axis}1") for axis in axes], axis=1)
    found: list[tuple[bool, float, int, int]] = []
    for node, (frame, place) in enumerate(zip(t.tolist(), places, strict=True)):
        rows = np.arange(*np.searchsorted(regions.t, [frame, frame + 1]))
        far = np.linalg.norm(centres[rows] - place, axis=1)
        inside = ((low[rows] - 0.5 <= place) & (place < high[rows] + 0.5)).all(axis=1)
        near = np.flatnonzero(inside | (far <= SAME_PLACE))
        for i in near.tolist():
            named = given is not None and regions.label[rows[i]] == given[node]
            found.append((not named, float(far[i]), node, int(rows[i])))
    row, taken = np.full(len(t), -1), set[int]()
    for _, _, node, region in sorted(found):
        if row[node] < 0 and region not in taken:
            row[node] = region
            taken.add(region)
    return row


def steps_between(row: Ints, edges: Ints, count: int) -> list[Step]:
    """Return the steps between regions, past nodes that are none (a frame that was filled).

    Args:
        row: Of the region of each node; -1 where there is none.
        edges: (edges, 2), nodes.
        count: Nodes.
    """
    before: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges.tolist():
        before[target].append(source)
    steps = set[Step]()
    for target in range(count):
        if row[target] < 0:
            continue
        waiting, seen = list(before[target]), set[int]()
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if row[node] >= 0:
                steps.add((int(row[node]), int(row[target])))
            else:
                waiting += before[node]
    return sorted(steps)


def differences(
    regions: Detections,
    links: Iterable[Step],
    cells: Iterable[int],
    steps: Iterable[Step],
    kept: Iterable[int],
    ndim: int,
) -> Differences:
    """Return the answers that lead from a lineage to an edited one.

    Args:
        regions: Ordered by frame and label.
        links: Of the result.
        cells: Rows of the regions that are in the result.
        steps: Of the edited lineage.
        kept: Rows of the regions that are in it.
        ndim: Axes of a frame.
    """
    stays = set(kept)
    old = {step for step in links if stays.issuperset(step)}
    new, unsaid = _sayable(regions, set(steps))
    gone = sorted(set(cells) - stays)
    touched = {row for step in old ^ new for row in step}
    lost = {step for step in links if not stays.issuperset(step)}
    touched |= {row for step in lost for row in step} & stays
    ends = _Ends(regions, ndim)
    said = [Correction(Kind.NO_CELL, (ends(row),)) for row in gone]
    after, before = _after(new), {v: u for u, v in new}
    for row in sorted(touched | {before[row] for row in touched if row in before}):
        later = after.get(row, [])
        if len(later) == 2:
            said.append(Correction(Kind.DIVIDES, (ends(row), *map(ends, later))))
        elif later:
            said.append(Correction(Kind.SAME_CELL, (ends(row), ends(later[0]))))
        elif row in touched:
            said.append(Correction(Kind.ENDS, (ends(row),)))
        if row in touched and row not in before:
            said.append(Correction(Kind.BEGINS, (ends(row),)))
    return Differences(tuple(said), tuple(unsaid))


class _Ends:
    """Names regions by label and place."""

    def __init__(self, regions: Detections, ndim: int) -> None:
        self._regions, self._axes = regions, "zyx"[-ndim:]

    def __call__(self, row: int) -> End:
        place = tuple(float(getattr(self._regions, axis)[row]) for axis in self._axes)
        return End(int(self._regions.t[row]), int(self._regions.label[row]), place)


def _after(steps: Iterable[Step]) -> Mapping[int, list[int]]:
    after: dict[int, list[int]] = {}
    for u, v in sorted(steps):
        after.setdefault(u, []).append(v)
    return after


def _sayable(regions: Detections, steps: set[Step]) -> tuple[set[Step], list[str]]:
    """Return the steps that answers can say, and in words those that they cannot."""
    unsaid: list[str] = []
    before: dict[int, list[int]] = {}
    for u, v in sorted(steps):
        before.setdefault(v, []).append(u)
    for v, earlier in before.items():
        if len(earlier) > 1:
            unsaid.append(f"{_named(regions, v)} comes from {len(earlier)} cells")
            steps = {step for step in steps if step[1] != v}
    for u, later in _after(steps).items():
        frames = {int(regions.t[v]) for v in later}
        if len(later) > 2 or len(frames) > 1:
            unsaid.append(f"{_named(regions, u)} divides into {len(later)} cells")
            steps = {step for step in steps if step[0] != u}
            if len(later) > 2:
                unsaid[-1] += ", two are possible"
            else:
                unsaid[-1] += " that begin in different frames"
    return steps, unsaid


def _named(regions: Detections, row: int) -> str:
    return f"region {regions.label[row]} of frame {regions.t[row]}"


def without_older(older: Iterable[Correction], newer: Iterable[Correction]) -> Iterator[Correction]:
    """Yield those older answers that speak of no region that newer ones speak of."""
    named = {(end.t, end.label) for one in newer for end in one.ends}
    for one in older:
        if named.isdisjoint((end.t, end.label) for end in one.ends):
            yield one
