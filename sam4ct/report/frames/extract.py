"""Extracts: the voxels that a report shows of frames too large to show whole.

An extract is a box of the frame, and every n-th voxel of it along each axis. Frame voxels in
array order ([z,] y, x).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from sam4ct.regions import Region

Box = tuple[slice, ...]

MOST_VOXELS = 16_000_000
"""Voxels of one extract, which is in memory while it is drawn."""
MARGIN_PX = 24
"""Margin around the box to show: in-plane pixels, and as many slices as are as far in space."""


@dataclass(frozen=True)
class Extract:
    """A box of a frame, and the steps in which its voxels are shown along each axis."""

    frame: tuple[int, ...]
    """Shape of the whole frame."""
    box: Box
    """In the frame; not empty."""
    steps: tuple[int, ...]

    def __post_init__(self) -> None:
        for part, step, length in zip(self.box, self.steps, self.frame, strict=True):
            if not 0 <= part.start < part.stop <= length or step < 1:
                raise ValueError(f"every {self.steps} of {self.box} in a frame of {self.frame}")

    @classmethod
    def whole(cls, frame: Sequence[int]) -> Extract:
        """Return the extract that is all of a frame."""
        return cls(tuple(frame), tuple(slice(0, n) for n in frame), (1,) * len(frame))

    @classmethod
    def around(cls, box: Box, frame: Sequence[int], spacing_um: Sequence[float]) -> Extract:
        """Return the finest extract of no more than `MOST_VOXELS` that shows a box and its margin.

        Pixels become coarser where they are finest in space, those in the plane first.

        Args:
            box: The box to show, (z, y, x).
            frame: Shape of the frame, which holds the box.
            spacing_um: Voxel size (z, y, x).
        """
        around = _with_margin(box, frame, spacing_um)
        size = np.array([part.stop - part.start for part in around])
        steps = np.ones(3, dtype=int)
        while prod((-(-size // steps)).tolist()) > MOST_VOXELS:
            across, in_plane = steps[0] * spacing_um[0], steps[-1] * spacing_um[-1]
            steps[slice(1, 3) if in_plane <= across else 0] += 1
        return cls(tuple(frame), around, tuple(steps.tolist()))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the shown part."""
        return tuple(
            len(range(part.start, part.stop, step))
            for part, step in zip(self.box, self.steps, strict=True)
        )

    @property
    def is_whole(self) -> bool:
        return self == Extract.whole(self.frame)

    @property
    def flatness(self) -> float:
        """Factor by which the distance of slices grows, in pixels shown."""
        return self.steps[0] / self.steps[-1]

    def slice_number(self, z: int) -> int:
        """Return the number in the frame of a shown slice."""
        return int(self.box[0].start) + z * self.steps[0]

    def sampled(self, region: Region) -> Region:
        """Return the shown voxels of a region in the box: one at least."""
        low = np.array([part.start for part in self.box])
        ahead = low - region.corner
        first = np.maximum(0, -(ahead // self.steps))
        offset = ahead + first * self.steps
        parts = zip(offset.tolist(), self.steps, strict=True)
        mask = region.mask[tuple(slice(start, None, step) for start, step in parts)]
        found = Region(mask, tuple(first.tolist())).clipped(self.shape)
        if found.mask.any():
            return found
        # A region between the shown voxels gets the nearest one.
        nearest = np.rint((region.centroid - low) / self.steps).astype(int)
        inside = np.clip(nearest, 0, np.array(self.shape) - 1)
        return Region(np.ones((1,) * len(low), dtype=bool), tuple(inside.tolist()))


def _with_margin(box: Box, frame: Sequence[int], spacing_um: Sequence[float]) -> Box:
    margins = [max(1, round(MARGIN_PX * spacing_um[-1] / spacing)) for spacing in spacing_um]
    return tuple(
        slice(max(0, part.start - margin), min(length, part.stop + margin))
        for part, margin, length in zip(box, margins, frame, strict=True)
    )
