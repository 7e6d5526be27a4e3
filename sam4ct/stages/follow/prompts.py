"""Clicks: what the segmenter finds at a place, and whether that may be a cell.

Regions are in frame voxels (z, y, x); places and distances in micrometres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.geometry import Margins
from sam4ct.regions import Region
from sam4ct.tables import Floats, Ints
from sam4ct.types import SeedReader, VolumeReader, VolumeSegmenter

MOST = 12.0
"""Typical cells: what is that large has more than twice the diameter."""


@dataclass(frozen=True, kw_only=True)
class RegionRules:
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
class Click:
    """A region, and the click that it came of."""

    at_um: Floats
    region: Region


def clicks_at(scope: Scope, t: int, places_um: Floats, rules: RegionRules) -> list[Click]:
    """Return what the segmenter finds at places, one click each; empty regions among it."""
    last = np.array(scope.volumes.shape) - 1.0
    voxels = np.clip(places_um / np.asarray(rules.spacing_um), 0.0, last)
    found = scope.segmenter.segment(t, [tuple(voxel) for voxel in voxels.tolist()])
    return [Click(at, region) for at, region in zip(places_um, found, strict=True)]


def voxel_of(at_um: Floats, rules: RegionRules) -> Ints:
    """Return the voxel that is clicked at a place, (3,)."""
    return np.asarray(np.floor(at_um / np.asarray(rules.spacing_um) + 0.5), dtype=np.int64)


def has_cell_size(region: Region, least: int, rules: RegionRules) -> bool:
    """Whether a region has the size of a cell; `least` voxels are too few."""
    return least < region.size < MOST * rules.typical_size


def ball_at(at_um: Floats, scope: Scope, rules: RegionRules) -> Region:
    """Return a ball of a typical cell's size around a place in the frame."""
    spacing = np.asarray(rules.spacing_um)
    # A place on the outer face of the frame's outermost voxels is in them.
    centre = np.clip(at_um / spacing, 0.0, np.array(scope.volumes.shape) - 1.0)
    reach = 0.5 * rules.diameter_um / spacing
    low = np.floor(centre - reach).astype(int)
    shape = np.ceil(centre + reach).astype(int) + 1 - low
    offsets = (np.moveaxis(np.indices(shape), 0, -1) + low) * spacing - at_um
    inside = np.linalg.norm(offsets, axis=-1) <= 0.5 * rules.diameter_um
    inside[tuple(voxel_of(centre * spacing, rules) - low)] = True
    return Region(inside, tuple(low.tolist())).clipped(scope.volumes.shape).tight()
