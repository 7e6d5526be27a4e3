"""Shapes between two regions (signed-distance interpolation, Raya and Udupa 1990), and unions.

In: regions in frame voxels, ([z,] y, x), in 2D and 3D alike. Out: regions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sam4ct.regions import Mask, Region


def together(regions: Sequence[Region]) -> Region:
    """Return several regions of a frame as one."""
    if len(regions) == 1:
        return regions[0]
    low = np.min([region.corner for region in regions], axis=0)
    high = np.max([np.add(region.corner, region.mask.shape) for region in regions], axis=0)
    mask = np.zeros(high - low, dtype=bool)
    for region in regions:
        mask[Region(region.mask, tuple(region.corner - low)).box] |= region.mask
    return Region(mask, tuple(int(c) for c in low))


def largest_part(mask: Mask) -> Mask:
    """Return the largest connected part of a mask."""
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
    """Return the shape between two regions, by interpolating signed distances to their outlines.

    Both are moved first, by whole voxels, so that their centroids coincide at the place in
    between. The shape has the interpolated size.

    Args:
        before: Region at share 0.
        after: Region at share 1.
        share: Where in between, 0 to 1.
        spacing_um: Voxel size (z, y, x): distances are those in space.
    """
    # In units of the pixel along x: then images of any scale give exactly the same numbers.
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
    # Lengths are interpolated, not areas or volumes.
    side = (1 - share) * before.size ** (1 / ndim) + share * after.size ** (1 / ndim)
    size = max(1, round(side**ndim))
    # Not the outline at distance 0: where shapes differ, it is far smaller than both.
    least = np.partition(depth, -size, axis=None)[-size]
    return Region(depth >= least, tuple(int(c) for c in low)).tight()


def _signed_depth(mask: Mask, sampling: Sequence[float]) -> NDArray[np.float64]:
    """Distance to the outline in units of the sampling: positive inside, negative outside."""
    inside, outside = (
        ndimage.distance_transform_edt(part, sampling=sampling) for part in (mask, ~mask)
    )
    return np.asarray(inside - outside)
