"""Fill: regions for the frames in which a linked cell was missed.

Decides what a missing region looks like and whether it may be added; where
propagated masks lie and how the result is painted is left to others. Given
masks keep their pixels: a generated region takes what they leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sam4ct.regions import Mask, Region, regions_of
from sam4ct.tables import Links
from sam4ct.types import FrameReader

SIZE_RANGE = (0.4, 2.5)
"""A propagated mask outside this range of the expected size is not believed."""
LEAST_LEFT = 0.3
"""Share of the expected size that must remain after given masks took their pixels."""


class PropagatedMasks(Protocol):
    """Looks up where region (t, label) is in frame t2 according to the propagator."""

    def __call__(self, t: int, label: int, t2: int) -> Region | None: ...


@dataclass(frozen=True)
class Generated:
    """A region made for a cell in a frame where it has no mask."""

    t: int
    """Frame of the region."""
    source_t: int
    source_label: int
    """The detection before the gap; with `t` it names the region."""
    region: Region


@dataclass(frozen=True, kw_only=True)
class FillRules:
    """How gaps are filled."""

    method: str
    """"propagate", "interpolate" or "none", as in the profile."""
    min_size: int
    """Regions this small are not added; never more than half of the cell's own size counts."""
    spacing_um: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Voxel size (z, y, x)."""


def fill_gaps(
    links: Links, reader: FrameReader, masks: PropagatedMasks, rules: FillRules
) -> list[Generated]:
    """Return a region for every missed frame that can be filled, in order of frame and link.

    A gap is filled in all its frames or not at all, so that no track gets a hole.

    Args:
        links: Accepted links; those over more than one frame have gaps.
        reader: For the given masks.
        masks: Propagated masks from either end of a gap.
        rules: What may be added.
    """
    gaps = links.take((links.t2 - links.t > 1) & ~links.division)
    if rules.method == "none":
        return []
    ends = _ends(gaps, reader)
    while len(gaps):
        made = _made(gaps, ends, reader, masks, rules)
        missed = gaps.t2 - gaps.t - 1
        whole = np.array([len(made.get(row, [])) for row in range(len(gaps))]) == missed
        if whole.all():
            found = (g for some in made.values() for g in some)
            return sorted(found, key=lambda g: (g.t, g.source_t, g.source_label))
        # What was made for the others must not stand in the way of those that can be filled.
        gaps = gaps.take(whole)
    return []


def _made(
    gaps: Links,
    ends: dict[tuple[int, int], Region],
    reader: FrameReader,
    masks: PropagatedMasks,
    rules: FillRules,
) -> dict[int, list[Generated]]:
    """Return by row of the gaps the regions that find room, each frame read once."""
    wanted: dict[int, list[int]] = {}
    for row in range(len(gaps)):
        for t in range(int(gaps.t[row]) + 1, int(gaps.t2[row])):
            wanted.setdefault(t, []).append(row)
    made: dict[int, list[Generated]] = {}
    for t, rows in sorted(wanted.items()):
        taken = reader.labels(t) > 0
        for row in rows:
            region = _fit(*_candidates(gaps, row, t, ends, masks, rules), taken, rules)
            if region is not None:
                taken[region.box] |= region.mask
                source = int(gaps.t[row]), int(gaps.label[row])
                made.setdefault(row, []).append(Generated(t, *source, region))
    return made


def _ends(gaps: Links, reader: FrameReader) -> dict[tuple[int, int], Region]:
    """Read the regions at both ends of all gaps, each frame once."""
    wanted: dict[int, set[int]] = {}
    for frames, labels in ((gaps.t, gaps.label), (gaps.t2, gaps.label2)):
        for t, label in zip(frames.tolist(), labels.tolist(), strict=True):
            wanted.setdefault(t, set()).add(label)
    found = {}
    for t, labels_wanted in sorted(wanted.items()):
        regions = regions_of(reader.labels(t))
        found.update({(t, label): regions[label] for label in labels_wanted})
    return found


def _candidates(
    gaps: Links,
    row: int,
    t: int,
    ends: dict[tuple[int, int], Region],
    masks: PropagatedMasks,
    rules: FillRules,
) -> tuple[list[Region], float]:
    """Return possible shapes in frame t, best first, and the expected size."""
    before = int(gaps.t[row]), int(gaps.label[row])
    after = int(gaps.t2[row]), int(gaps.label2[row])
    share = (t - before[0]) / (after[0] - before[0])
    expected = (1 - share) * ends[before].size + share * ends[after].size
    middle = between(ends[before], ends[after], share, rules.spacing_um)
    if rules.method == "interpolate":
        return [middle], expected
    seen = [masks(*end, t) for end in ((after, before) if share >= 0.5 else (before, after))]
    low, high = (limit * expected for limit in SIZE_RANGE)
    return [r for r in seen if r is not None and low <= r.size <= high] + [middle], expected


def _fit(shapes: Iterable[Region], size: float, taken: Mask, rules: FillRules) -> Region | None:
    """Return the first shape that leaves enough pixels beside the given masks, cut to them."""
    least = max(1.0, LEAST_LEFT * size, min(rules.min_size + 1.0, 0.5 * size))
    for shape in shapes:
        inside = shape.clipped(taken.shape)
        free = largest_part(inside.mask & ~taken[inside.box])
        if np.count_nonzero(free) >= least:
            return Region(free, inside.corner).tight()
    return None


def largest_part(mask: Mask) -> Mask:
    """Keep the largest connected part: what is left of a shape may be scraps."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(parts == np.bincount(parts.ravel())[1:].argmax() + 1)


def between(
    before: Region,
    after: Region,
    share: float,
    spacing_um: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Region:
    """Return the shape between two regions, by their signed distances to the outline.

    Both are moved to the place between their centroids first, by whole voxels. The
    shape has the size between theirs.

    Args:
        before: Region at share 0.
        after: Region at share 1.
        share: Where in between, 0 to 1.
        spacing_um: Voxel size (z, y, x): distances are those in space.
    """
    # In units of the finest pixel: then images of any scale give exactly the same numbers.
    sampling = [side / spacing_um[-1] for side in spacing_um[-before.mask.ndim :]]
    centres = [region.centroid for region in (before, after)]
    place = (1 - share) * centres[0] + share * centres[1]
    shifts = [np.round(place - c).astype(int) for c in centres]
    corners = [np.asarray(r.corner) + s for r, s in zip((before, after), shifts, strict=True)]
    low = np.minimum(*corners) - 1
    high = np.maximum(corners[0] + before.mask.shape, corners[1] + after.mask.shape) + 1
    depth = np.zeros(high - low)
    for region, corner, weight in zip((before, after), corners, (1 - share, share), strict=True):
        drawn = np.zeros(high - low, dtype=bool)
        drawn[Region(region.mask, tuple(corner - low)).box] = region.mask
        depth += weight * _signed_depth(drawn, sampling)
    ndim = before.mask.ndim
    # Lengths change evenly, not areas or volumes.
    side = (1 - share) * before.size ** (1 / ndim) + share * after.size ** (1 / ndim)
    size = max(1, round(side**ndim))
    # Where shapes differ, the outline of depth 0 would be far smaller than both of them.
    least = np.partition(depth, -size, axis=None)[-size]
    return Region(depth >= least, tuple(int(c) for c in low)).tight()


def _signed_depth(mask: Mask, sampling: Sequence[float]) -> NDArray[np.float64]:
    """Distance to the outline in units of the sampling: positive inside, negative outside."""
    inside, outside = (
        ndimage.distance_transform_edt(part, sampling=sampling) for part in (mask, ~mask)
    )
    return np.asarray(inside - outside)
