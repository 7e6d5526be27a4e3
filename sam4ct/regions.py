"""Regions: one object in one frame, and the overlaps between regions.

Pure numpy: no files, no torch. Coordinates are frame pixels in array order,
(y, x) or (z, y, x); one code serves both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LabelFrame = NDArray[np.integer]
Mask = NDArray[np.bool_]

DENSE_LABELS = 1 << 16
"""Up to this label, looking for each of them is cheaper than asking which are there."""


@dataclass(frozen=True, eq=False)
class Region:
    """One object in one frame: a boolean mask and the frame position of its first pixel."""

    mask: Mask
    corner: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.mask.ndim != len(self.corner):
            raise ValueError(f"mask is {self.mask.ndim}D, corner is {self.corner}")

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same mask at the same place."""
        if not isinstance(other, Region):
            return NotImplemented
        return self.corner == other.corner and np.array_equal(self.mask, other.mask)

    @property
    def size(self) -> int:
        """Number of pixels or voxels."""
        return int(np.count_nonzero(self.mask))

    @property
    def box(self) -> tuple[slice, ...]:
        """The frame slices that the mask covers."""
        return tuple(slice(c, c + n) for c, n in zip(self.corner, self.mask.shape, strict=True))

    @property
    def centroid(self) -> NDArray[np.float64]:
        """Mean position in frame pixels, (D,); nan for an empty mask."""
        at = np.argwhere(self.mask)
        if not len(at):
            return np.full(self.mask.ndim, np.nan)
        return np.asarray(at.mean(axis=0) + self.corner)

    def holds(self, pixel: Sequence[int] | NDArray[np.int64]) -> bool:
        """Whether a pixel of the frame is one of the region."""
        at = np.subtract(pixel, self.corner)
        return bool((at >= 0).all() and (at < self.mask.shape).all() and self.mask[tuple(at)])

    def part(self, box: Sequence[slice]) -> Mask:
        """Return the mask under a box of the frame, which must lie within that of the region."""
        return self.mask[
            tuple(slice(b.start - c, b.stop - c) for b, c in zip(box, self.corner, strict=True))
        ]

    def section(self, z: int) -> Region:
        """Return the slice of a volume's region at z, or the nearest one that has pixels.

        A region of an image is its own section.
        """
        if self.mask.ndim == 2:
            return self
        filled = np.flatnonzero(self.mask.any(axis=(1, 2)))
        nearest = filled[np.abs(filled + self.corner[0] - z).argmin()] if len(filled) else 0
        return Region(self.mask[nearest], self.corner[1:])

    def tight(self) -> Region:
        """Return the same region in its smallest box; an empty one keeps no pixels."""
        found = ndimage.find_objects(self.mask.astype(np.uint8), max_label=1)
        if not found or found[0] is None:
            return Region(self.mask[(slice(0, 0),) * self.mask.ndim], self.corner)
        box = found[0]
        corner = tuple(int(c) + int(s.start) for c, s in zip(self.corner, box, strict=True))
        return Region(self.mask[box], corner)

    def clipped(self, shape: tuple[int, ...]) -> Region:
        """Return the part of the region that lies in a frame of a shape."""
        box, corner = [], []
        for c, n, limit in zip(self.corner, self.mask.shape, shape, strict=True):
            low, high = max(0, -c), min(n, limit - c)
            box.append(slice(low, max(low, high)))
            corner.append(c + low)
        return Region(self.mask[tuple(box)], tuple(corner))


def regions_of(labels: LabelFrame) -> dict[int, Region]:
    """Return every labelled region of a frame, by label, in increasing order.

    Args:
        labels: Label frame, ([z,] y, x), integers; 0 is background.
    """
    top = int(labels.max(initial=0))
    names: Sequence[int] = range(top + 1)
    if top > DENSE_LABELS:
        # scipy lists every number up to the largest, present or not: number them anew.
        present = np.union1d(labels, np.zeros(1, labels.dtype))
        names, labels = present.tolist(), np.searchsorted(present, labels)
    return {
        names[number]: Region(labels[box] == number, tuple(int(s.start) for s in box))
        for number, box in enumerate(ndimage.find_objects(labels), start=1)
        if box is not None
    }


def labels_under(region: Region, labels: LabelFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the labels under a region and how many pixels of each it covers.

    Args:
        region: Must lie inside the frame (see `Region.clipped`).
        labels: Label frame, 0 is background.

    Returns:
        Labels in increasing order without background, and their pixel counts.
    """
    under = labels[region.box][region.mask]
    found, counts = np.unique(under[under > 0], return_counts=True)
    return found.astype(np.int64), counts.astype(np.int64)


class RegionSet:
    """The regions of one frame by label, where the frame itself is too large to hold.

    Answers what `labels_under` answers of a label frame; regions may overlap.
    """

    def __init__(self, regions: Mapping[int, Region]) -> None:
        self._labels = sorted(regions)
        self._regions = [regions[label] for label in self._labels]
        corners = [region.corner for region in self._regions]
        self._low = np.array(corners, dtype=np.int64)
        self._high = self._low + np.array([r.mask.shape for r in self._regions], dtype=np.int64)

    def under(self, region: Region) -> dict[int, int]:
        """Return the labels that share pixels with a region, in order, and how many."""
        if not self._labels or not region.mask.size:
            return {}
        low = np.maximum(self._low, region.corner)
        high = np.minimum(self._high, np.add(region.corner, region.mask.shape))
        shared: dict[int, int] = {}
        for row in np.flatnonzero((high > low).all(axis=1)).tolist():
            box = tuple(map(slice, low[row].tolist(), high[row].tolist()))
            both = region.part(box) & self._regions[row].part(box)
            if count := int(np.count_nonzero(both)):
                shared[self._labels[row]] = count
        return shared
