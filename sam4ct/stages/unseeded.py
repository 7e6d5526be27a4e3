"""Unseeded: where a cell that is followed should be, and the detector saw nothing.

One click there, if no region of a seed is in the way; what the segmenter finds is believed
if it is about as large as the cell was, about where it was expected, and mostly beside all
other regions. Regions are in frame voxels (z, y, x); distances in micrometres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.regions import Region
from sam4ct.stages.fill import SIZE_RANGE
from sam4ct.stages.shapes import largest_part
from sam4ct.stages.sight import (
    Click,
    Scope,
    SightRules,
    clicks_at,
    credible,
    shared_box,
    voxel_of,
)
from sam4ct.tables import Floats
from sam4ct.types import Propagated

OWN = 0.5
"""Share of a region that must lie beside all others."""
FAR = 0.75
"""Diameters from an expected place within which the middle of what is found must be."""


@dataclass(frozen=True)
class Tip:
    """The last region of a cell that is followed."""

    label: int
    """Of the region."""
    expected_um: Floats
    """Where the cell is in the next frame if it moves on as it and its neighbours did, (3,)."""
    unseeded: int
    """Frames in a row, up to now, in which no seed was behind it."""


def unseeded_regions(
    scope: Scope,
    t: int,
    tips: Sequence[Tip],
    regions: Mapping[int, Region],
    found: Mapping[int, Propagated],
    seeded: Sequence[Region],
    rules: SightRules,
) -> list[Region]:
    """Return regions of cells without a seed; they overlap neither each other nor any seeded one.

    Args:
        scope: What is looked at.
        t: Frame.
        tips: The cells that may go on without a seed.
        regions: Those of the frame before, by label.
        found: Where SAM 2 sees them in this frame.
        seeded: The regions of this frame's seeds.
        rules: What is believed.
    """
    spacing = np.asarray(rules.spacing_um)
    expected = [(tip, place_of(tip, regions[tip.label], found[tip.label], rules)) for tip in tips]
    last = (np.array(scope.volumes.shape) - 0.5) * spacing
    asked = [
        (tip, at)
        for tip, at in expected
        if (at >= -0.5 * spacing).all()
        and (at <= last).all()
        and not any(region.holds(voxel_of(at, rules)) for region in seeded)
    ]
    if not asked:
        return []
    clicks = clicks_at(scope, t, np.array([at for _, at in asked]), rules)
    accepted: list[Region] = []
    for (tip, _), click in zip(asked, clicks, strict=True):
        own = believed(click, regions[tip.label].size, [*seeded, *accepted], rules)
        if own is not None:
            accepted.append(own)
    return accepted


def place_of(tip: Tip, region: Region, found: Propagated, rules: SightRules) -> Floats:
    """Return where a cell should be: where SAM 2 sees it, else where it was going, (3,)."""
    low, high = SIZE_RANGE
    plausible = low * region.size <= found.region.size <= high * region.size
    if not plausible or found.object_score <= 0.0:
        return tip.expected_um
    return np.asarray(found.region.centroid * np.asarray(rules.spacing_um))


def believed(click: Click, size: int, others: Sequence[Region], rules: SightRules) -> Region | None:
    """Return the part of a click's region that is its own; None if it is not believed.

    Args:
        click: At the expected place.
        size: Of the cell before, voxels.
        others: Regions of the frame.
        rules: For sizes and distances.
    """
    if not credible(click.region, rules.min_size_unseeded, rules):
        return None
    mask = click.region.mask.copy()
    for other in others:
        box = shared_box(click.region, other)
        if box is not None:
            Region(mask, click.region.corner).part(box)[other.part(box)] = False
    own = Region(largest_part(mask), click.region.corner).tight()
    least = max(OWN * click.region.size, SIZE_RANGE[0] * size, rules.min_size_unseeded + 1.0)
    if not least <= own.size <= SIZE_RANGE[1] * size:
        return None
    off = np.linalg.norm(own.centroid * np.asarray(rules.spacing_um) - click.at_um)
    return own if off <= FAR * rules.diameter_um else None
