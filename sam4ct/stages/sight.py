"""Sight: the regions near the cells that are followed, in one frame.

A cell of a large volume is looked for where seeds lie near its last place. Every seed is
one click of the segmenter; where a cell should be and no seed is, there is one more click
(`unseeded`). Nothing else of the frame is looked at. The same rules serve all cells.
Regions are in frame voxels (z, y, x); distances in micrometres.

What becomes of a region:
    1. one of `min_size` voxels or fewer, or of `MOST` typical cells or more, is none;
    2. of two that share most of the smaller one, that stays whose click is nearer to its
       middle: a detector has seen one cell twice;
    3. voxels that two others share go to the nearer click.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.geometry import Margins, box_of
from sam4ct.intensity import contrast_nearby
from sam4ct.regions import Region
from sam4ct.stages.shapes import largest_part
from sam4ct.tables import Flags, Floats, Ints, Sightings
from sam4ct.types import SeedReader, VolumeReader, VolumeSegmenter

SAME = 0.7
"""Share of the smaller of two regions from which on both are taken for one cell: of cells seen
twice, 95 % share .83 and more, of sisters just born, .59 and less."""
FRINGE = 0.5
"""Diameters from the edge of what is looked at."""
MOST = 12.0
"""Typical cells: what is that large has more than twice the diameter."""


@dataclass(frozen=True, kw_only=True)
class SightRules:
    """Where cells are looked for, and what is taken for one."""

    spacing_um: tuple[float, float, float]
    """Voxel size (z, y, x)."""
    reach_um: float
    """Seeds this far from where a cell is or should be are looked at."""
    diameter_um: float
    """Of a typical cell."""
    min_size: int
    """Voxels; regions of this size or smaller are dropped."""
    min_size_unseeded: int
    """The same where there is no seed."""
    edge: Margins
    """Regions that reach into it are marked: the edge of the frame may cut them."""

    @property
    def typical_size(self) -> float:
        """Voxels of a typical cell: those of a ball."""
        return float(np.pi / 6.0 * self.diameter_um**3 / np.prod(self.spacing_um))


@dataclass(frozen=True)
class Scope:
    """What is looked at."""

    volumes: VolumeReader
    seeds: SeedReader
    segmenter: VolumeSegmenter


@dataclass(frozen=True)
class Sighted:
    """The regions that were found in a frame."""

    t: int
    regions: Mapping[int, Region]
    """By label, from 1; none is empty, none overlap."""
    rows: Sightings

    def places_um(self, spacing_um: Sequence[float]) -> Floats:
        """Centroids, (n, 3), by row."""
        places = np.stack([self.rows.z, self.rows.y, self.rows.x], axis=1)
        return np.asarray(places * np.asarray(spacing_um))


@dataclass(frozen=True)
class Click:
    """A region, and the click that it came of."""

    at_um: Floats
    region: Region


def first_sight(scope: Scope, initial_um: Floats, rules: SightRules) -> Sighted:
    """Return the regions of frame 0: of the cells to follow, then of seeds near them.

    Args:
        scope: What is looked at.
        initial_um: Places of the cells to follow, (n, 3), no two in one voxel; the labels of
            their regions are 1 to n in this order. What the segmenter does not see is a ball:
            a cell to follow is followed.
        rules: Where and what.
    """
    own = [
        click if _is_there(click, rules) else Click(click.at_um, _ball(click.at_um, scope, rules))
        for click in clicks_at(scope, 0, initial_um, rules)
    ]
    others = without_doubles(near_seeds(scope, 0, initial_um, rules), rules, beside=own)
    regions = parted([*own, *others], rules)
    kept = [r for r in regions[len(own) :] if credible(r, rules.min_size, rules)]
    return described(scope, 0, [*regions[: len(own)], *kept], [], initial_um, rules)


def near_seeds(scope: Scope, t: int, around_um: Floats, rules: SightRules) -> list[Click]:
    """Return what the segmenter finds at the seeds near some places.

    Args:
        scope: What is looked at.
        t: Frame.
        around_um: Where cells are or should be, (n, 3).
        rules: Where and what.
    """
    places = scope.seeds.seeds(t).places
    if not len(places) or not len(around_um):
        return []
    distance, _ = cKDTree(around_um).query(places * np.asarray(rules.spacing_um))
    near = places[distance <= rules.reach_um]
    # Seeds come in any order; what is found must not depend on it.
    near = near[np.lexsort(near.T[::-1])]
    clicks = clicks_at(scope, t, near * np.asarray(rules.spacing_um), rules)
    return [click for click in clicks if credible(click.region, rules.min_size, rules)]


def without_doubles(
    clicks: Sequence[Click], rules: SightRules, beside: Sequence[Click] = ()
) -> list[Click]:
    """Return the clicks of different cells, in their order.

    Args:
        clicks: Of one frame.
        rules: For the distances.
        beside: Clicks that stay in any case.
    """
    spacing = np.asarray(rules.spacing_um)
    off = [float(np.linalg.norm(c.region.centroid * spacing - c.at_um)) for c in clicks]
    kept: list[int] = []
    for i in sorted(range(len(clicks)), key=lambda i: (off[i], i)):
        others = [*beside, *(clicks[j] for j in kept)]
        if not any(same_cell(clicks[i].region, other.region) for other in others):
            kept.append(i)
    return [clicks[i] for i in sorted(kept)]


def parted(clicks: Sequence[Click], rules: SightRules) -> list[Region]:
    """Return the regions of clicks such that none overlap: shared voxels go to the nearer click."""
    spacing = np.asarray(rules.spacing_um)
    masks = [click.region.mask.copy() for click in clicks]
    for i, one in enumerate(clicks):
        for j in range(i + 1, len(clicks)):
            other = clicks[j]
            box = shared_box(one.region, other.region)
            if box is None:
                continue
            at = np.argwhere(one.region.part(box) & other.region.part(box))
            at += [part.start for part in box]
            far = [np.linalg.norm(at * spacing - c.at_um, axis=1) for c in (one, other)]
            for number, lost in ((i, at[far[0] > far[1]]), (j, at[far[0] <= far[1]])):
                masks[number][tuple((lost - clicks[number].region.corner).T)] = False
    return [
        Region(largest_part(mask), click.region.corner).tight()
        for mask, click in zip(masks, clicks, strict=True)
    ]


def described(
    scope: Scope,
    t: int,
    seeded: Sequence[Region],
    unseeded: Sequence[Region],
    around_um: Floats,
    rules: SightRules,
) -> Sighted:
    """Return the regions of a frame with their labels, from 1 on, and what is measured of them.

    Args:
        scope: What is looked at.
        t: Frame.
        seeded: Regions of seeds.
        unseeded: Others.
        around_um: Places around which was looked in the frame before, too, (n, 3).
        rules: For the distances.
    """
    regions = dict(enumerate([*seeded, *unseeded], start=1))
    if not regions:
        return Sighted(t, {}, Sightings.empty())
    boxes = np.array([box_of(region) for region in regions.values()], dtype=np.int64)
    places = np.array([region.centroid for region in regions.values()])
    rows = Sightings(
        t=np.full(len(regions), t),
        label=np.array(list(regions)),
        size=np.array([region.size for region in regions.values()]),
        z=places[:, 0],
        y=places[:, 1],
        x=places[:, 2],
        z0=boxes[:, 0],
        y0=boxes[:, 1],
        x0=boxes[:, 2],
        z1=boxes[:, 3],
        y1=boxes[:, 4],
        x1=boxes[:, 5],
        border=np.zeros(len(regions), dtype=bool),
        contrast=np.array([_contrast(scope, t, r, rules) for r in regions.values()]),
        seeded=np.arange(len(regions)) < len(seeded),
        fringe=_at_fringe(places * np.asarray(rules.spacing_um), around_um, rules),
    )
    return Sighted(t, regions, replace(rows, border=rules.edge.holds(rows)))


def clicks_at(scope: Scope, t: int, places_um: Floats, rules: SightRules) -> list[Click]:
    """Return what the segmenter finds at places, one click each; empty regions among it."""
    last = np.array(scope.volumes.shape) - 1.0
    voxels = np.clip(places_um / np.asarray(rules.spacing_um), 0.0, last)
    found = scope.segmenter.segment(t, [tuple(voxel) for voxel in voxels.tolist()])
    return [Click(at, region) for at, region in zip(places_um, found, strict=True)]


def voxel_of(at_um: Floats, rules: SightRules) -> Ints:
    """Return the voxel that is clicked at a place, (3,)."""
    return np.asarray(np.floor(at_um / np.asarray(rules.spacing_um) + 0.5), dtype=np.int64)


def credible(region: Region, least: int, rules: SightRules) -> bool:
    """Whether a region has the size of a cell; `least` voxels are too few."""
    return least < region.size < MOST * rules.typical_size


def _is_there(click: Click, rules: SightRules) -> bool:
    """Whether a click found a cell where it was."""
    seen = credible(click.region, rules.min_size, rules)
    return seen and click.region.holds(voxel_of(click.at_um, rules))


def same_cell(one: Region, other: Region) -> bool:
    """Whether two regions are one cell seen twice."""
    box = shared_box(one, other)
    if box is None:
        return False
    both = int(np.count_nonzero(one.part(box) & other.part(box)))
    return both > SAME * min(one.size, other.size)


def shared_box(one: Region, other: Region) -> tuple[slice, ...] | None:
    """Return the box of the frame that two regions have in common; None if there is none."""
    low = np.maximum(one.corner, other.corner)
    high = np.minimum(np.add(one.corner, one.mask.shape), np.add(other.corner, other.mask.shape))
    return tuple(map(slice, low.tolist(), high.tolist())) if (high > low).all() else None


def _at_fringe(places_um: Floats, around_um: Floats, rules: SightRules) -> Flags:
    """Say which places are at the edge of what was looked at around others."""
    distance, _ = cKDTree(around_um).query(places_um)
    return np.asarray(distance > rules.reach_um - FRINGE * rules.diameter_um)


def _contrast(scope: Scope, t: int, region: Region, rules: SightRules) -> float:
    """Return how bright a region is, beside what lies around it."""
    margin = np.ceil(0.5 * rules.diameter_um / np.asarray(rules.spacing_um)).astype(int)
    low = np.maximum(np.subtract(region.corner, margin), 0)
    high = np.minimum(np.add(region.corner, region.mask.shape) + margin, scope.volumes.shape)
    around = scope.volumes.window(t, tuple(map(slice, low.tolist(), high.tolist())))
    mask = np.zeros(around.shape, dtype=bool)
    mask[Region(region.mask, tuple((region.corner - low).tolist())).box] = region.mask
    return contrast_nearby(around, mask)


def _ball(at_um: Floats, scope: Scope, rules: SightRules) -> Region:
    """Return a ball of a typical cell's size around a place in the frame."""
    spacing = np.asarray(rules.spacing_um)
    centre, reach = at_um / spacing, 0.5 * rules.diameter_um / spacing
    low = np.floor(centre - reach).astype(int)
    shape = np.ceil(centre + reach).astype(int) + 1 - low
    offsets = (np.moveaxis(np.indices(shape), 0, -1) + low) * spacing - at_um
    inside = np.linalg.norm(offsets, axis=-1) <= 0.5 * rules.diameter_um
    inside[tuple(np.round(centre).astype(int) - low)] = True
    return Region(inside, tuple(low.tolist())).clipped(scope.volumes.shape).tight()
