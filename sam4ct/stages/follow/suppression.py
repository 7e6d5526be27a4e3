"""Overlaps: which regions of one frame are one cell, and whose voxels are whose.

Regions are in frame voxels (z, y, x); places and distances in micrometres.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sam4ct.regions import Region
from sam4ct.stages.fill import largest_part
from sam4ct.stages.follow.prompts import Click, RegionRules, voxel_of
from sam4ct.tables import Floats, Ints

SAME = 0.7
"""Share of the smaller of two regions from which on both are taken for one cell: of cells seen
twice, 95 % share .83 and more, of daughter_pairs just born, .59 and less."""


def without_doubles(
    clicks: Sequence[Click], rules: RegionRules, beside: Sequence[Click] = ()
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


def disjoint(clicks: Sequence[Click], rules: RegionRules) -> list[Region]:
    """Return the regions of clicks such that none overlap: shared voxels go to the nearer click."""
    masks = [click.region.mask.copy() for click in clicks]
    for i, one in enumerate(clicks):
        for j in range(i + 1, len(clicks)):
            other = clicks[j]
            box = shared_box(one.region, other.region)
            if box is None:
                continue
            at = np.argwhere(one.region.part(box) & other.region.part(box))
            at += [part.start for part in box]
            far = [_distances(at, click, rules) for click in (one, other)]
            for number, lost in ((i, at[far[0] > far[1]]), (j, at[far[0] <= far[1]])):
                masks[number][tuple((lost - clicks[number].region.corner).T)] = False
    return [
        Region(largest_part(mask), click.region.corner).tight()
        for mask, click in zip(masks, clicks, strict=True)
    ]


def _distances(voxels: Ints, click: Click, rules: RegionRules) -> Floats:
    """Return how far voxels, (n, 3), are from a click; its own voxel is nearer than any other."""
    distance = np.linalg.norm(voxels * np.asarray(rules.spacing_um) - click.at_um, axis=1)
    return np.where((voxels == voxel_of(click.at_um, rules)).all(axis=1), -1.0, distance)


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
