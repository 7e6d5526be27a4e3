"""Couples: two regions of one frame that may be what one mask of the next or last frame covers.

Says how well the two fit, in numbers free of units; what these are worth is the business
of `costs`. Pure tables: no images, no files.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sam4ct.stages.associate.features.columns import (
    LEAST_ODDS,
    Choices,
    Features,
    in_diameters,
    scaled,
)
from sam4ct.stages.associate.features.competitors import best_other, two_by_two
from sam4ct.stages.associate.features.links import Candidates
from sam4ct.tables import Detections, Floats, Ints

COUPLE_FEATURES = (
    "size",
    "centre",
    "box",
    "elsewhere",
    "kin_low",
    "same_high",
    "large",
)
SIZE_RANGE = (0.55, 1.8)
"""Of what the two are to the mask together; others are not what it covers."""
LEAST_SHARE = 0.2
"""Share of the mask that the smaller one has at least."""
REACH = 0.6
"""Diameters of the mask that their common centre may be off."""
UNLIKE = 2.0
"""What boxes that differ more count as."""


@dataclass(frozen=True)
class Couples(Choices):
    """Couples; masks and regions are row numbers of the detections."""

    mask: Ints
    one: Ints
    other: Ints
    way_um: Floats
    """From the one to the other, (n, 3)."""
    share: Floats
    """Of the one in the size of both."""
    features: Features
    """Those of COUPLE_FEATURES."""


@dataclass(frozen=True)
class Steps(Choices):
    """Possible links between neighbouring frames: from a region to a mask, either way in time."""

    region: Ints
    mask: Ints
    kin: Floats
    """Log odds that one of the two is the other or a part of it."""
    same: Floats
    """Log odds that both are one cell."""
    drift_um: Floats
    """How far the cells around move from the frame of the region to that of the mask, (n, 3)."""

    @classmethod
    def to_later(cls, links: Candidates, kin: Floats, same: Floats) -> Steps:
        return cls(links.u, links.v, kin, same, links.drift_um)

    @classmethod
    def to_earlier(cls, links: Candidates, kin: Floats, same: Floats) -> Steps:
        return cls(links.v, links.u, kin, same, -links.drift_um)


def couples(
    detections: Detections, steps: Steps, places_um: Floats, diameter_um: Floats
) -> Couples:
    """Return the couples among regions that may go to, or come from, one mask.

    Args:
        detections: Ordered by frame and label.
        steps: All possible links of some frames with the next, or with the last.
        places_um: Centroid of every detection, (N, 3).
        diameter_um: Of every detection, (N,).
    """
    first, second = _plausible(detections, steps)
    mask, one, other = steps.mask[first], steps.region[first], steps.region[second]
    size = detections.size.astype(np.float64)
    both = size[one] + size[other]
    share = size[one] / both
    drift = 0.5 * (steps.drift_um[first] + steps.drift_um[second])
    middle = share[:, None] * places_um[one] + (1.0 - share)[:, None] * places_um[other]
    off = in_diameters(middle + drift - places_um[mask], diameter_um[mask])
    beside = best_other(steps.same, steps.region, alone=LEAST_ODDS)
    columns = {
        "size": np.log(both / size[mask]),
        "centre": off,
        "box": _unlike_boxes(detections, mask, one, other),
        "elsewhere": scaled(np.maximum(beside[first], beside[second])),
        "kin_low": scaled(np.minimum(steps.kin[first], steps.kin[second])),
        "same_high": scaled(np.maximum(steps.same[first], steps.same[second])),
        "large": np.log(size[mask] / _usual_sizes(detections)[detections.t[mask]]),
    }
    found = Couples(
        mask,
        one,
        other,
        places_um[other] - places_um[one],
        share,
        Features.named(len(mask), columns, COUPLE_FEATURES),
    )
    return found.take(off < REACH)


def _plausible(detections: Detections, steps: Steps) -> tuple[Ints, Ints]:
    """Return rows of steps to one mask, two by two, of regions that are about its size."""
    first, second = two_by_two(steps.mask)
    size = detections.size
    whole = size[steps.mask[first]]
    one, other = size[steps.region[first]], size[steps.region[second]]
    low, high = (limit * whole for limit in SIZE_RANGE)
    fits = (one + other > low) & (one + other < high)
    fits &= np.minimum(one, other) > LEAST_SHARE * whole
    return first[fits], second[fits]


def _unlike_boxes(detections: Detections, mask: Ints, one: Ints, other: Ints) -> Floats:
    """How much longer or shorter the box around two regions is than a mask's: logs, added up."""
    unlike = np.zeros(len(mask))
    for axis in "zyx":
        low, high = (getattr(detections, f"{axis}{end}") for end in "01")
        around = np.maximum(high[one], high[other]) - np.minimum(low[one], low[other])
        unlike += np.abs(np.log(around / (high - low)[mask]))
    return np.minimum(unlike, UNLIKE)


def _usual_sizes(detections: Detections) -> Floats:
    """Return the median size of each frame's regions."""
    frames = int(detections.t.max(initial=0)) + 1
    ends = np.searchsorted(detections.t, np.arange(frames + 1))
    sizes = (detections.size[a:b] for a, b in pairwise(ends.tolist()))
    return np.array([np.median(size) if len(size) else 1.0 for size in sizes])
