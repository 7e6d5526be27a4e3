"""Evidence of which region of one frame is which region of another.

In: two label frames, detections, and a `Propagator` (SAM 2, Ravi et al. 2024; or `StayPut`).
Out: one row for each pair of regions that may be one cell, in both directions of time.
Pairs of frames are independent: they may be done in any order, on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.regions import LabelFrame, Region, labels_under, regions_of
from sam4ct.tables import Detections, Evidence, Floats
from sam4ct.types import FrameReader, Propagated, Propagator

NEIGHBOURS = 5
"""Nearest regions within reach that get a row even if nothing overlaps."""


@dataclass(frozen=True)
class PropagatedRow:
    """Where region `label` of frame t is in frame t2, according to the propagator."""

    t: int
    label: int
    t2: int
    found: Propagated


@dataclass(frozen=True)
class PairEvidence:
    """The results of one pair of frames."""

    evidence: Evidence
    masks: list[PropagatedRow]


@dataclass(frozen=True)
class Reach:
    """How far apart two regions may be to get a row of evidence."""

    spacing_um: tuple[float, float, float]
    """Voxel size (z, y, x)."""
    radius_um: float
    """Between centroids of neighbouring frames; grows with the square root of the time step."""
    jumps: Jumps = NO_JUMPS
    """Stage shifts; they do not count as motion of cells."""

    def positions(self, detections: Detections) -> Floats:
        """Centroids without stage shifts, micrometres, (N, 3) as (z, y, x)."""
        return self.jumps.places_um(detections, self.spacing_um)


class StayPut:
    """The baseline without a network: every region stays in place, and similarities are 0.

    With a stage shift regions move along, even out of the frame.
    """

    def __init__(self, jumps: Jumps = NO_JUMPS) -> None:
        self._jumps = jumps

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        return {
            label: Propagated(self._jumps.carried(region, t, t2), 0.0)
            for label, region in regions.items()
        }

    def similarities(
        self,
        frames: tuple[int, int],
        regions: tuple[Mapping[int, Region], Mapping[int, Region]],
        pairs: Sequence[tuple[int, int]],
    ) -> Floats:
        return np.zeros(len(pairs))

    def forget_before(self, t: int) -> None:
        return None


def frame_pairs(frames: int, max_gap: int) -> Iterator[tuple[int, int]]:
    """Yield (t, dt) for all pairs t, t + dt, in order of the later frame.

    Args:
        frames: Length of the sequence.
        max_gap: Frames in which a cell may be missed between two detections.
    """
    for later in range(1, frames):
        for dt in range(1, min(max_gap + 1, later) + 1):
            yield later - dt, dt


def propagate_pair(
    reader: FrameReader,
    detections: Detections,
    propagator: Propagator,
    pair: tuple[int, int],
    reach: Reach,
) -> PairEvidence:
    """Propagate all regions of both frames of a pair into the other one and compare.

    Args:
        reader: For the label frames.
        detections: All rows of both frames (others are ignored).
        propagator: SAM 2, or `StayPut`.
        pair: (t, dt): the frames t and t + dt.
        reach: Voxel size, how far cells move, and where the stage shifts.
    """
    frames = {s: Masks.of(reader.labels(s)) for s in (pair[0], sum(pair))}
    return Propagations.between(frames, propagator).compared(detections, reach)


@dataclass(frozen=True)
class Masks:
    """The masks of a frame, as a whole and one by one."""

    labels: LabelFrame
    regions: Mapping[int, Region]
    """By label."""

    @classmethod
    def of(cls, labels: LabelFrame) -> Masks:
        return cls(labels, regions_of(labels))


@dataclass(frozen=True)
class Propagations:
    """Where all regions of two frames are in the other one, not yet compared.

    Finding them takes a network, comparing them does not.
    """

    frames: Mapping[int, Masks]
    """Of the earlier frame and of the later."""
    found: Mapping[int, Mapping[int, Propagated]]
    """By frame and label."""

    @classmethod
    def between(cls, frames: Mapping[int, Masks], propagator: Propagator) -> Propagations:
        """Propagate the regions of two frames, by the numbers of the frames."""
        ways = zip(frames, reversed(list(frames)), strict=True)
        found = {s: propagator.propagate(s, frames[s].regions, other) for s, other in ways}
        return cls(frames, found)

    def __len__(self) -> int:
        return sum(map(len, self.found.values()))

    def compared(self, detections: Detections, reach: Reach) -> PairEvidence:
        """Compare what was found with the regions that are there.

        Args:
            detections: All rows of both frames (others are ignored).
            reach: Voxel size, how far cells move, and where the stage shifts.
        """
        evidence, masks = [], []
        for source, target in zip(self.frames, reversed(list(self.frames)), strict=True):
            regions, found = self.frames[source].regions, self.found[source]
            masks += [PropagatedRow(source, i, target, found[i]) for i in sorted(found)]
            under = partial(_under, labels=self.frames[target].labels)
            staying = {i: reach.jumps.carried(r, source, target) for i, r in regions.items()}
            here, there = (detections.in_frame(s) for s in (source, target))
            evidence.append(compare(staying, found, under, here, there, reach))
        return PairEvidence(Evidence.concat(evidence), masks)


def compare(
    regions: Mapping[int, Region],
    found: Mapping[int, Propagated],
    under: Callable[[Region], Mapping[int, int]],
    source: Detections,
    target: Detections,
    reach: Reach,
) -> Evidence:
    """Compare what was found of the regions of one frame with those of another.

    Args:
        regions: Of the source frame, by label, where they lie in the target frame if they stay.
        found: Where each of them is in the target frame.
        under: The labels of the target frame under a region, and how many pixels of each.
        source: Rows of the source frame.
        target: Rows of the target frame.
        reach: Voxel size and how far cells move.

    Returns:
        Rows in order of source and target label; `similarity` is 0.
    """
    if not len(source) or not len(target):
        return Evidence.empty()
    at, there = reach.positions(source), reach.positions(target)
    dt = abs(int(target.t[0]) - int(source.t[0]))
    near = _nearest(at, there, reach.radius_um * np.sqrt(dt))
    row_of = {int(label): i for i, label in enumerate(target.label)}
    pairs: list[tuple[int, int]] = []
    shares: list[tuple[float, float, float, float, float]] = []
    for i, label in enumerate(source.label.tolist()):
        seen = found[label]
        moved, stayed = under(seen.region), under(regions[label])
        for other in sorted({*moved, *stayed, *(int(target.label[j]) for j in near[i])}):
            j = row_of[other]
            size, both, still = int(target.size[j]), moved.get(other, 0), stayed.get(other, 0)
            unmoved = still / (int(source.size[i]) + size - still)
            pairs.append((i, j))
            shares.append((*_shares(seen.region.size, size, both), unmoved, seen.object_score))
    if not pairs:
        return Evidence.empty()
    a, b = np.array(pairs).T
    iou, contained, covered, overlap, score = np.array(shares).T
    return Evidence(
        t=source.t[a],
        label=source.label[a],
        t2=target.t[b],
        label2=target.label[b],
        iou_prop=iou,
        containment_prop=contained,
        coverage_prop=covered,
        overlap=overlap,
        distance_um=np.linalg.norm(at[a] - there[b], axis=1),
        size_ratio=target.size[b] / source.size[a],
        object_score=score,
        similarity=np.zeros(len(pairs)),
        border=source.border[a] | target.border[b],
    )


def _under(region: Region, labels: LabelFrame) -> dict[int, int]:
    """Pixels of each label under a region, which may stick out of the frame."""
    found, counts = labels_under(region.clipped(labels.shape), labels)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _shares(area: int, size: int, both: int) -> tuple[float, float, float]:
    """IoU, containment and coverage of a mask of an area and a target of a size."""
    return both / max(1, area + size - both), both / max(1, area), both / size


def _nearest(at: Floats, there: Floats, radius: float) -> list[list[int]]:
    """For every point, up to NEIGHBOURS rows of `there` within the radius."""
    count = min(NEIGHBOURS, len(there))
    _, rows = cKDTree(there).query(at, k=count, distance_upper_bound=radius)
    rows = np.asarray(rows).reshape(len(at), count)
    return [[int(j) for j in row if j < len(there)] for row in rows]
