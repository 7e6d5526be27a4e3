"""Windows: the square crops that SAM 2 looks at, snapped to a grid so that cells share them.

Pure numpy. Windows are given in frame pixels, (y, x) of their first pixel; they
lie inside the frame wherever the frame is large enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sam4ct.tables import Detections

Box = tuple[int, int, int, int]
"""y0, x0, y1, x1 of a region; the end is exclusive."""


@dataclass(frozen=True, order=True)
class Window:
    """A square crop: its first pixel and its side, frame pixels."""

    y: int
    x: int
    side: int

    @property
    def corner(self) -> tuple[int, int]:
        return self.y, self.x


@dataclass(frozen=True)
class WindowGrid:
    """Chooses the window of a region.

    The centre of the region's box is snapped to multiples of the step. A region
    too large for the usual side gets a window of twice (four times, ...) the
    side, on a grid as much coarser, so that there is always context around it.
    """

    shape: tuple[int, int]
    """Frame shape (y, x)."""
    side: int
    """Usual side of a window, pixels, even."""
    step: float
    """Grid step as a share of the side; 0 centres every window on its region."""
    fill: float = 0.6
    """Largest share of the side that a region's box may take; less where the step is coarse."""

    def window(self, box: Box) -> Window:
        """Return the window of the region with this bounding box."""
        y0, x0, y1, x1 = box
        extent = max(y1 - y0, x1 - x0)
        side = self.side
        # Snapping moves the window by up to half a step; the region must not stick out of it.
        fill = min(self.fill, 1.0 - self.step)
        while extent > fill * side and side < max(self.shape):
            side *= 2
        y = self._start((y0 + y1) / 2.0, side, self.shape[0])
        x = self._start((x0 + x1) / 2.0, side, self.shape[1])
        return Window(y, x, side)

    def _start(self, centre: float, side: int, length: int) -> int:
        step = max(1, round(self.step * side))
        first = round(centre / step) * step - side // 2
        if length <= side:
            return -((side - length) // 2)
        return min(max(first, 0), length - side)


@dataclass(frozen=True)
class WindowPlan:
    """Which windows every frame needs: those of its own regions and of its neighbours in time.

    Made from the detections alone, before any image is read, so that it is the
    same for a whole run and for any shard of it.
    """

    grid: WindowGrid
    boxes: Mapping[int, Mapping[int, Box]]
    """Frame, then label, then the region's box."""
    reach: int
    """Largest number of frames between source and target."""

    @classmethod
    def of(cls, detections: Detections, grid: WindowGrid, reach: int) -> WindowPlan:
        boxes: dict[int, dict[int, Box]] = {}
        columns = (detections.t, detections.label, detections.y0, detections.x0)
        ends = (detections.y1, detections.x1)
        for t, label, y0, x0, y1, x1 in zip(*columns, *ends, strict=True):
            boxes.setdefault(int(t), {})[int(label)] = (int(y0), int(x0), int(y1), int(x1))
        return cls(grid, boxes, reach)

    def window(self, t: int, label: int) -> Window:
        return self._windows[t][label]

    def needed(self, t: int) -> Sequence[Window]:
        """Windows of frame t that any frame pair asks for, in a fixed order."""
        near = range(t - self.reach, t + self.reach + 1)
        return sorted({w for s in near for w in self._windows.get(s, {}).values()})

    @cached_property
    def _windows(self) -> dict[int, dict[int, Window]]:
        return {
            t: {label: self.grid.window(box) for label, box in boxes.items()}
            for t, boxes in self.boxes.items()
        }


def even(value: float) -> int:
    """Round to the nearest positive even integer."""
    return max(2, 2 * int(np.floor(value / 2.0 + 0.5)))
