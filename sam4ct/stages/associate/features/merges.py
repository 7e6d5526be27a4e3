"""Features of merges: two regions of one frame that one mask of the next or last frame may cover.

In: detections, and candidate links between neighbouring frames. Out: pairs of regions for each
mask, with features that tell how well they fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sam4ct.stages.associate.features.columns import (
    MIN_LOG_ODDS,
    CandidateRows,
    Features,
    in_diameters,
    scaled,
)
from sam4ct.stages.associate.features.competitors import Competitors, pairs_in_groups
from sam4ct.stages.associate.features.links import Candidates
from sam4ct.tables import Detections, Floats, Ints

MERGE_FEATURES = (
    "size",
    "centre",
    "box",
    "elsewhere",
    "kin_low",
    "same_high",
    "large",
)
MERGED_SIZE_RATIO = (0.55, 1.8)
"""Least and largest size of both regions together, relative to the mask."""
MIN_SIZE_SHARE = 0.2
"""Least size of the smaller region, relative to the mask."""
MAX_CENTRE_OFFSET = 0.6
"""Diameters of the mask between its centre and that of both regions, at most."""
MAX_BOX_DIFFERENCE = 2.0
"""Sum of log ratios of box sides; larger differences count as this."""


@dataclass(frozen=True)
class MergeCandidates(CandidateRows):
    """MergeCandidates; masks and regions are row numbers of the detections."""

    mask: Ints
    one: Ints
    other: Ints
    axis_um: Floats
    """From the first centre to the other, (n, 3)."""
    share: Floats
    """Size of the first relative to both."""
    features: Features
    """Those of MERGE_FEATURES."""


@dataclass(frozen=True)
class Steps(CandidateRows):
    """Candidate links between neighbouring frames, from a region to a mask, forward or backward."""

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


def merge_candidates(
    detections: Detections, steps: Steps, places_um: Floats, diameter_um: Floats
) -> MergeCandidates:
    """Return the pairs of regions that one mask may cover.

    Args:
        detections: Ordered by frame and label.
        steps: All candidate links of some frames with the next, or with the last.
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
    elsewhere = Competitors.of(steps.region).best_other(steps.same, alone=MIN_LOG_ODDS)
    columns = {
        "size": np.log(both / size[mask]),
        "centre": off,
        "box": _unlike_boxes(detections, mask, one, other),
        "elsewhere": scaled(np.maximum(elsewhere[first], elsewhere[second])),
        "kin_low": scaled(np.minimum(steps.kin[first], steps.kin[second])),
        "same_high": scaled(np.maximum(steps.same[first], steps.same[second])),
        "large": np.log(size[mask] / _usual_sizes(detections)[detections.t[mask]]),
    }
    found = MergeCandidates(
        mask,
        one,
        other,
        places_um[other] - places_um[one],
        share,
        Features.named(len(mask), columns, MERGE_FEATURES),
    )
    return found.take(off < MAX_CENTRE_OFFSET)


def _plausible(detections: Detections, steps: Steps) -> tuple[Ints, Ints]:
    """Return pairs of rows of steps to one mask, of regions that together are about its size."""
    first, second = pairs_in_groups(steps.mask)
    size = detections.size
    whole = size[steps.mask[first]]
    one, other = size[steps.region[first]], size[steps.region[second]]
    low, high = (limit * whole for limit in MERGED_SIZE_RATIO)
    fits = (one + other > low) & (one + other < high)
    fits &= np.minimum(one, other) > MIN_SIZE_SHARE * whole
    return first[fits], second[fits]


def _unlike_boxes(detections: Detections, mask: Ints, one: Ints, other: Ints) -> Floats:
    """Return the sum of absolute log ratios of the sides of both regions' box and the mask's."""
    unlike = np.zeros(len(mask))
    for axis in "zyx":
        low, high = (getattr(detections, f"{axis}{end}") for end in "01")
        around = np.maximum(high[one], high[other]) - np.minimum(low[one], low[other])
        unlike += np.abs(np.log(around / (high - low)[mask]))
    return np.minimum(unlike, MAX_BOX_DIFFERENCE)


def _usual_sizes(detections: Detections) -> Floats:
    """Return the median size of each frame's regions."""
    frames = int(detections.t.max(initial=0)) + 1
    ends = np.searchsorted(detections.t, np.arange(frames + 1))
    sizes = (detections.size[a:b] for a, b in pairwise(ends.tolist()))
    return np.array([np.median(size) if len(size) else 1.0 for size in sizes])
