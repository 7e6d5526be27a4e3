"""Unseeded: where a cell that is followed should be, and the detector saw nothing.

One click there, unless a seed's region is in its place. Where a seed's region may be one
daughter, and no seed the other's, there is one more on the other side of the mother. What
the segmenter finds is fits_expected_cell if it is about as large as it should be, about where it
was expected, and mostly beside all other regions. Regions are in frame voxels (z, y, x);
distances in micrometres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.regions import Region
from sam4ct.stages.fill import FILL_SIZE_RATIO
from sam4ct.stages.follow.prompts import Click, RegionRules, Scope, clicks_at, has_cell_size
from sam4ct.stages.follow.suppression import shared_box
from sam4ct.tables import Floats
from sam4ct.types import Propagated

Expected = tuple[Floats, int]
"""Where a cell should be, (3,) in micrometres, and how large, in voxels."""

OWN = 0.5
"""Share of a region that must lie beside all others."""
NEAR = 0.35
"""Diameters from an expected place within which a seed's region is the one expected."""
FAR = 0.75
"""Diameters from an expected place within which the middle of what is found must be."""
DAUGHTER = 0.8
"""Size, in that of the cell before, up to which a region may be a daughter."""
APART = 1.0
"""Diameters from where the cell should be within which its daughters are."""


@dataclass(frozen=True)
class TrackEnd:
    """The last region of a cell that is followed."""

    label: int
    """Of the region."""
    expected_um: Floats
    """Where the cell is in the next frame if it moves on as it and its neighbours did, (3,)."""
    unseeded: int
    """Frames in a row, up to now, in which no seed was behind it."""


def clicks_without_seeds(
    scope: Scope,
    t: int,
    track_ends: Sequence[TrackEnd],
    regions: Mapping[int, Region],
    found: Mapping[int, Propagated],
    seeded: Sequence[Region],
    rules: RegionRules,
) -> list[Click]:
    """Return what is found of cells without a seed.

    Args:
        scope: What is looked at.
        t: Frame.
        track_ends: The cells that may go on without a seed.
        regions: Those of the frame before, by label.
        found: Where SAM 2 sees them in this frame.
        seeded: The regions of this frame's seeds.
        rules: What is fits_expected_cell.
    """
    spacing = np.asarray(rules.spacing_um)
    centres = np.array([r.centroid for r in seeded]).reshape(-1, 3) * spacing
    sizes = [regions[tip.label].size for tip in track_ends]
    seen = [place_of(tip, regions[tip.label], found[tip.label], rules) for tip in track_ends]
    # SAM 2 goes on in one daughter, not in the middle between both.
    middles = [tip.expected_um for tip in track_ends]
    asked = [
        *_without_region(list(zip(seen, sizes, strict=True)), centres, rules),
        *_second_daughters(list(zip(middles, sizes, strict=True)), centres, seeded, rules),
    ]
    last = (np.array(scope.volumes.shape) - 0.5) * spacing
    asked = [a for a in asked if (a[0] >= -0.5 * spacing).all() and (a[0] <= last).all()]
    if not asked:
        return []
    clicks = clicks_at(scope, t, np.array([at for at, _ in asked]), rules)
    accepted: list[Click] = []
    for (_, size), click in zip(asked, clicks, strict=True):
        if fits_expected_cell(click, size, [*seeded, *(other.region for other in accepted)], rules):
            accepted.append(click)
    return accepted


def _without_region(
    expected: Sequence[Expected], centres_um: Floats, rules: RegionRules
) -> Iterator[Expected]:
    """Yield the places at which there is no seed's region.

    One may well reach there from beside: without a click of its own, a cell is often taken
    for a part of its neighbour.
    """
    for at, size in expected:
        if not (np.linalg.norm(centres_um - at, axis=1) <= NEAR * rules.diameter_um).any():
            yield at, size


def _second_daughters(
    mothers: Sequence[Expected],
    centres_um: Floats,
    seeded: Sequence[Region],
    rules: RegionRules,
) -> Iterator[Expected]:
    """Yield where the sister of a region would be that may be a daughter: opposite of it."""
    for at, size in mothers:
        distance = np.linalg.norm(centres_um - at, axis=1)
        if not len(distance):
            continue
        nearest = int(distance.argmin())
        beside = NEAR < distance[nearest] / rules.diameter_um <= APART
        if beside and seeded[nearest].size <= DAUGHTER * size:
            yield 2.0 * at - centres_um[nearest], seeded[nearest].size


def place_of(tip: TrackEnd, region: Region, found: Propagated, rules: RegionRules) -> Floats:
    """Return where a cell should be: where SAM 2 sees it, else where it was going, (3,)."""
    low, high = FILL_SIZE_RATIO
    plausible = low * region.size <= found.region.size <= high * region.size
    if not plausible or found.object_score <= 0.0:
        return tip.expected_um
    return np.asarray(found.region.centroid * np.asarray(rules.spacing_um))


def fits_expected_cell(
    click: Click, size: float, others: Sequence[Region], rules: RegionRules
) -> bool:
    """Whether what a click found may be the cell that is expected.

    Args:
        click: At the expected place.
        size: Expected, voxels.
        others: Regions of the frame.
        rules: For sizes and distances.
    """
    if not has_cell_size(click.region, rules.min_size_unseeded, rules):
        return False
    mask = click.region.mask.copy()
    for other in others:
        box = shared_box(click.region, other)
        if box is not None:
            Region(mask, click.region.corner).part(box)[other.part(box)] = False
    own = Region(mask, click.region.corner)
    least = max(OWN * click.region.size, FILL_SIZE_RATIO[0] * size)
    if not least <= own.size <= FILL_SIZE_RATIO[1] * size:
        return False
    off = np.linalg.norm(own.centroid * np.asarray(rules.spacing_um) - click.at_um)
    return bool(off <= FAR * rules.diameter_um)
