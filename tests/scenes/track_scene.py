"""What the stages of mode "track" are tested with: drawn balls, seeds, tables, plain costs.

Places are voxels (z, y, x); a voxel is a micrometre wide unless a test says something else.
The fakes of the Protocols note what they were asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scenes.drawn import Labels, label_frame

from sam4ct.geometry import Margins
from sam4ct.regions import Region, regions_of
from sam4ct.stages.associate.costs import Costs, Odds, Quadratic
from sam4ct.stages.associate.features.divisions import DIVISION_FEATURES
from sam4ct.stages.associate.features.links import LINK_FEATURES
from sam4ct.stages.follow.prompts import RegionRules, Scope
from sam4ct.stages.follow.sliding_window import SlidingWindowRules
from sam4ct.stages.follow.step import FollowRules
from sam4ct.tables import Evidence, Floats, Sightings
from sam4ct.types import Image, Propagated, Seeds

At = tuple[float, float, float]
SHAPE = (21, 60, 90)
RADIUS = 5.0
CELL = 515
"""Voxels of a ball of that radius around a voxel."""
DARK, BRIGHT = 20.0, 100.0
RULES = RegionRules(
    spacing_um=(1.0, 1.0, 1.0),
    reach_um=15.0,
    diameter_um=2 * RADIUS,
    min_size=50,
    min_size_unseeded=100,
    edge=Margins(SHAPE),
)
FOLLOW = FollowRules(region_rules=RULES, max_unseeded=2)
NOTHING = Region(np.zeros((0, 0, 0), bool), (0, 0, 0))


def ball_at(at: At, radius: float = RADIUS, shape: tuple[int, ...] = SHAPE) -> Region:
    """A ball of voxels around a place; what lies outside of the frame is cut off."""
    low = np.floor(np.subtract(at, radius)).astype(int)
    grid = np.moveaxis(np.indices((int(2 * radius) + 3,) * 3), 0, -1) + low
    mask = np.linalg.norm(grid - at, axis=-1) <= radius
    return Region(mask, tuple(low.tolist())).clipped(shape).tight()


def drawn_cells(*frames: Sequence[tuple[int, int, int]], radius: float = RADIUS) -> list[Labels]:
    """One label frame per list of places."""
    return [label_frame(SHAPE, places, radius) for places in frames]


@dataclass
class DrawnVolumes:
    """A `types.VolumeReader` of label frames: bright cells on a dark ground."""

    drawn: Sequence[Labels]
    read: list[int] = field(default_factory=list)
    """Voxels of every window."""

    @property
    def frames(self) -> int:
        return len(self.drawn)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.drawn[0].shape

    def window(self, t: int, window: Sequence[slice]) -> Image:
        part = self.drawn[t][tuple(window)]
        self.read.append(part.size)
        return np.where(part > 0, BRIGHT, DARK)


@dataclass
class DrawnSeeds:
    """A `types.SeedReader` of places."""

    places: Sequence[Sequence[At]]

    def seeds(self, t: int) -> Seeds:
        return Seeds(np.array(self.places[t], dtype=float).reshape(-1, 3))


@dataclass
class Balls:
    """A `types.VolumeSegmenter` that finds a ball at every click, whatever the image shows."""

    radius: float = RADIUS
    shape: tuple[int, ...] = SHAPE
    asked: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)

    def segment(self, t: int, points: Sequence[tuple[float, ...]]) -> list[Region]:
        self.asked += [(t, point) for point in points]
        return [ball_at((z, y, x), self.radius, self.shape) for z, y, x in points]


@dataclass
class DrawnCells:
    """A `types.VolumeSegmenter` that finds the drawn cell under a click, or nothing."""

    drawn: Sequence[Labels]
    asked: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)

    def segment(self, t: int, points: Sequence[tuple[float, ...]]) -> list[Region]:
        self.asked += [(t, point) for point in points]
        cells, regions = self.drawn[t], regions_of(self.drawn[t])
        voxels = [tuple(round(c) for c in point) for point in points]
        return [regions.get(int(cells[voxel]), NOTHING) for voxel in voxels]


@dataclass
class Mover:
    """A `types.Recogniser` that sees every region moved by a step a frame.

    A pair of regions is as alike as the frames' and labels' numbers say, so that it can be
    told from any other pair.
    """

    step: tuple[int, int, int] = (0, 0, 0)
    score: float = 3.0
    asked: list[tuple[int, list[int], int]] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        self.asked.append((t, list(regions), t2))
        return {
            label: Propagated(moved(region, self.step, t2 - t), self.score)
            for label, region in regions.items()
        }

    def similarities(
        self,
        frames: tuple[int, int],
        regions: tuple[Mapping[int, Region], Mapping[int, Region]],
        pairs: Sequence[tuple[int, int]],
    ) -> NDArray[np.float64]:
        return np.array([alike(*frames, *pair) for pair in pairs])

    def forget_before(self, t: int) -> None:
        self.forgotten.append(t)


def moved(region: Region, step: Sequence[int], times: int = 1) -> Region:
    corner = tuple(c + times * s for c, s in zip(region.corner, step, strict=True))
    return Region(region.mask, corner).clipped(SHAPE)


def alike(t: int, t2: int, label: int, label2: int) -> float:
    """What `Mover` says of a region of frame t and one of frame t2."""
    return (1000 * t + 100 * t2 + 10 * label + label2) / 10000


def scope_of(
    drawn: Sequence[Labels], seeds: Sequence[Sequence[At]], segmenter: Any = None
) -> Scope:
    """Drawn cells and seeds; without another segmenter, the cell under a click is found."""
    return Scope(DrawnVolumes(drawn), DrawnSeeds(seeds), segmenter or DrawnCells(drawn))


def places_um(*places: At) -> Floats:
    """Places as stages take them, (n, 3)."""
    return np.array(places, dtype=float).reshape(-1, 3)


# Tables by hand


def sightings(
    t: int,
    *places: At,
    unseeded: Collection[int] = (),
    at_search_edge: Collection[int] = (),
    size: int = CELL,
) -> Sightings:
    """One row a place, labels from 1 in their order; those in `unseeded` have no seed."""
    at = places_um(*places)
    low, high = np.round(at - RADIUS).astype(int), np.round(at + RADIUS).astype(int) + 1
    labels = np.arange(1, len(at) + 1)
    return Sightings(
        np.full(len(at), t),
        labels,
        np.full(len(at), size),
        *at.T,
        *low.T,
        *high.T,
        border=np.zeros(len(at), bool),
        contrast=np.full(len(at), BRIGHT - DARK),
        seeded=~np.isin(labels, list(unseeded)),
        at_search_edge=np.isin(labels, list(at_search_edge)),
    )


def evidence(
    t: int,
    odds: Mapping[tuple[int, int], float],
    dividing: Collection[tuple[int, int]] = (),
) -> Evidence:
    """Evidence between frames t and t + 1: the log odds of links by their two labels.

    Two links out of one region that are both in `dividing` are likely to be a division.
    """
    label, label2 = np.array(list(odds), dtype=np.int64).reshape(-1, 2).T
    count = len(label)
    return Evidence(
        t=np.full(count, t),
        label=label,
        t2=np.full(count, t + 1),
        label2=label2,
        iou_prop=np.array([(value + ODDS) / (2 * ODDS) for value in odds.values()]),
        containment_prop=np.zeros(count),
        coverage_prop=np.array([0.95 if pair in dividing else 0.1 for pair in odds]),
        overlap=np.zeros(count),
        distance_um=np.full(count, 3.0),
        size_ratio=np.ones(count),
        object_score=np.zeros(count),
        similarity=np.zeros(count),
        border=np.zeros(count, bool),
    )


ODDS = 5.0
"""Largest log odds of a link, at an IoU of 1; -ODDS at 0."""
END = 4.0
ALONE = 1.0
UNSEEDED = 2.5


def _plain(names: Sequence[str], feature: str) -> Quadratic:
    """Log odds from one feature alone, -ODDS at 0 to ODDS at 1."""
    none = dict.fromkeys(names, 0.0)
    return Quadratic(bias=-ODDS, weights=none | {feature: 2 * ODDS}, squares=none)


COSTS = Costs(
    first=Odds(
        link=_plain(LINK_FEATURES, "forward_iou"),
        division=_plain(DIVISION_FEATURES, "forward_coverage_low"),
    ),
    appear=END,
    disappear=END,
    appear_border=0.0,
    disappear_border=0.0,
    alone=ALONE,
    skip=0.0,
    unseeded=UNSEEDED,
)
"""Plain numbers, so that a case can be reckoned by hand; the fitted ones are others."""


def window_rules(ahead: int = 2, **changed: Any) -> SlidingWindowRules:
    usual = {"spacing_um": (1.0, 1.0, 1.0), "border": Margins(SHAPE)}
    return SlidingWindowRules(ahead=ahead, **(usual | changed))
