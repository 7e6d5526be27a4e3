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

from sam4ct.geometry import box_of
from sam4ct.intensity import contrast_nearby
from sam4ct.regions import Region
from sam4ct.stages.follow.prompts import (
    Click,
    RegionRules,
    Scope,
    ball_at,
    clicks_at,
    has_cell_size,
    voxel_of,
)
from sam4ct.stages.follow.suppression import disjoint, without_doubles
from sam4ct.tables import Flags, Floats, Sightings

SEARCH_EDGE_DIAMETERS = 0.5
"""Diameters from the edge of what is looked at."""


@dataclass(frozen=True)
class FrameRegions:
    """The regions that were found in a frame."""

    t: int
    regions: Mapping[int, Region]
    """By label, from 1; none is empty, none overlap."""
    rows: Sightings

    def places_um(self, spacing_um: Sequence[float]) -> Floats:
        """Centroids, (n, 3), by row."""
        return self.rows.places_um(spacing_um)


def first_regions(scope: Scope, initial_um: Floats, rules: RegionRules) -> FrameRegions:
    """Return the regions of frame 0: of the cells to follow, then of seeds near them.

    Args:
        scope: What is looked at.
        initial_um: Places of the cells to follow, (n, 3), no two in one voxel; the labels of
            their regions are 1 to n in this order. What the segmenter does not see is a ball:
            a cell to follow is followed.
        rules: Where and what.
    """
    own = [
        click if _is_there(click, rules) else Click(click.at_um, ball_at(click.at_um, scope, rules))
        for click in clicks_at(scope, 0, initial_um, rules)
    ]
    others = without_doubles(near_seeds(scope, 0, initial_um, rules), rules, beside=own)
    regions = disjoint([*own, *others], rules)
    kept = [r for r in regions[len(own) :] if has_cell_size(r, rules.min_size, rules)]
    return described(scope, 0, [*regions[: len(own)], *kept], [], initial_um, rules)


def near_seeds(scope: Scope, t: int, around_um: Floats, rules: RegionRules) -> list[Click]:
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
    return [click for click in clicks if has_cell_size(click.region, rules.min_size, rules)]


def described(
    scope: Scope,
    t: int,
    seeded: Sequence[Region],
    unseeded: Sequence[Region],
    around_um: Floats,
    rules: RegionRules,
) -> FrameRegions:
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
        return FrameRegions(t, {}, Sightings.empty())
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
        at_search_edge=_at_fringe(places * np.asarray(rules.spacing_um), around_um, rules),
    )
    return FrameRegions(t, regions, replace(rows, border=rules.edge.holds(rows)))


def _is_there(click: Click, rules: RegionRules) -> bool:
    """Whether a click found a cell where it was."""
    seen = has_cell_size(click.region, rules.min_size, rules)
    return seen and click.region.holds(voxel_of(click.at_um, rules))


def _at_fringe(places_um: Floats, around_um: Floats, rules: RegionRules) -> Flags:
    """Say which places are at the edge of what was looked at around others."""
    distance, _ = cKDTree(around_um).query(places_um)
    return np.asarray(distance > rules.reach_um - SEARCH_EDGE_DIAMETERS * rules.diameter_um)


def _contrast(scope: Scope, t: int, region: Region, rules: RegionRules) -> float:
    """Return how bright a region is, beside what lies around it."""
    margin = np.ceil(0.5 * rules.diameter_um / np.asarray(rules.spacing_um)).astype(int)
    low = np.maximum(np.subtract(region.corner, margin), 0)
    high = np.minimum(np.add(region.corner, region.mask.shape) + margin, scope.volumes.shape)
    around = scope.volumes.window(t, tuple(map(slice, low.tolist(), high.tolist())))
    mask = np.zeros(around.shape, dtype=bool)
    mask[Region(region.mask, tuple((region.corner - low).tolist())).box] = region.mask
    return contrast_nearby(around, mask)
