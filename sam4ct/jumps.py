"""Jumps: frames at which the whole picture has moved, because the stage or the camera did.

A cell that stays on its dish is then somewhere else in the frame. Whatever compares places of
two frames takes the jumps between them off first. Where they are, `stages.steady` finds out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from sam4ct.regions import Region
from sam4ct.tables import Detections, Floats

Shift = tuple[int, int, int]
"""Voxels (z, y, x)."""


@dataclass(frozen=True)
class Jumps:
    """How far the picture jumps, by the first frame after each jump; most movies have none."""

    by_frame: Mapping[int, Shift] = field(default_factory=dict)

    def between(self, t: int, t2: int) -> Shift:
        """Return how much further on everything lies in frame t2 than in t, which may be later."""
        if not self.by_frame:
            return 0, 0, 0
        frames, sums = self._sums
        here, there = (sums[bisect_right(frames, frame)] for frame in (t, t2))
        return there[0] - here[0], there[1] - here[1], there[2] - here[2]

    @cached_property
    def _sums(self) -> tuple[list[int], list[Shift]]:
        """The frames after jumps, and how far all before each of them go, and all in the end."""
        frames, sums = sorted(self.by_frame), [(0, 0, 0)]
        for frame in frames:
            (z, y, x), (dz, dy, dx) = sums[-1], self.by_frame[frame]
            sums.append((z + dz, y + dy, x + dx))
        return frames, sums

    def between_um(self, t: int, t2: int, spacing_um: ArrayLike) -> Floats:
        """Return the same in micrometres, (3,)."""
        return np.asarray(np.multiply(self.between(t, t2), spacing_um), dtype=np.float64)

    def places_um(self, detections: Detections, spacing_um: ArrayLike) -> Floats:
        """Return the centroids had nothing jumped since frame 0, micrometres, (N, 3).

        Args:
            detections: Of any frames.
            spacing_um: Voxel size (z, y, x).
        """
        places = detections.places_um(spacing_um)
        for at, step in self.by_frame.items():
            places[detections.t >= at] -= np.multiply(step, spacing_um)
        return places

    def carried(self, region: Region, t: int, t2: int) -> Region:
        """Return where a region of frame t lies in frame t2 if it stays; that may be outside."""
        shift = self.between(t, t2)
        if not any(shift):
            return region
        corner = np.add(region.corner, shift[-len(region.corner) :])
        return Region(region.mask, tuple(corner.tolist()))

    def boxes_from(self, detections: Detections, direction: int) -> Detections:
        """Return the regions with the boxes that they had in the frame before, or have in the next.

        Args:
            detections: Of any frames.
            direction: 1 for the next frame, -1 for the one before.
        """
        shifts = np.zeros((len(detections), 3), dtype=np.int64)
        for at in self.by_frame:
            source = at - 1 if direction > 0 else at
            shifts[detections.t == source] = self.between(source, source + direction)
        z, y, x = shifts.T
        return replace(
            detections,
            z0=detections.z0 + z,
            z1=detections.z1 + z,
            y0=detections.y0 + y,
            y1=detections.y1 + y,
            x0=detections.x0 + x,
            x1=detections.x1 + x,
        )


NO_JUMPS = Jumps()
