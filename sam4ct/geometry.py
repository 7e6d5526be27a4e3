"""Windows: the square crops that SAM 2 looks at, snapped to a grid so that cells share them.

A volume is seen as slabs of a few slices, each by the slice in its middle; an image
is a volume of one slice. Pure numpy. Windows are given in frame pixels, (y, x) of
their first pixel; they lie inside the frame wherever the frame is large enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from sam4ct.jumps import NO_JUMPS, Jumps, Shift
from sam4ct.regions import Region
from sam4ct.tables import Detections, Flags

Box = tuple[int, int, int, int, int, int]
"""z0, y0, x0, z1, y1, x1 of a region; the end is exclusive. In an image z is 0 to 1."""


@dataclass(frozen=True, order=True)
class Window:
    """A square crop of one slice: its first pixel and its side, frame pixels."""

    y: int
    x: int
    side: int
    slab: int = 0
    """Number of the slab whose middle slice is seen; 0 in an image."""

    @property
    def corner(self) -> tuple[int, int]:
        return self.y, self.x


@dataclass(frozen=True)
class Margins:
    """The outer parts of a frame: cells there may be cut, come from outside, or leave."""

    shape: tuple[int, ...]
    """Of the frame, ([z,] y, x)."""
    in_plane: int = 1
    """Pixels from the edges in y and x; 1: what touches them."""
    slices: int = 0
    """From the first and the last; 0: those are no edges."""

    def holds(self, detections: Detections) -> Flags:
        """Say which regions reach into a margin."""
        sides = {"y": (self.shape[-2], self.in_plane), "x": (self.shape[-1], self.in_plane)}
        if len(self.shape) > 2:
            sides["z"] = self.shape[0], self.slices
        inside = np.ones(len(detections), dtype=bool)
        for axis, (length, margin) in sides.items():
            inside &= getattr(detections, f"{axis}0") >= margin
            inside &= getattr(detections, f"{axis}1") <= length - margin
        return ~inside


@dataclass(frozen=True)
class Slabs:
    """A volume cut into slabs, so few that a cell touches two or three of them."""

    depth: int = 1
    """Slices of the volume; 1 for an image."""
    height: int = 1
    """Slices of a slab; the last slab may have fewer."""
    reach: int = 0
    """Slabs above and below its own in which a region is looked for."""

    def of(self, z: float) -> int:
        """Number of the slab that holds a slice."""
        return min(max(int(z), 0), self.depth - 1) // self.height

    def slices(self, slab: int) -> range:
        """Slices of a slab."""
        first = slab * self.height
        return range(first, min(first + self.height, self.depth))

    def middle(self, slab: int) -> int:
        """The slice by which a slab is seen."""
        slices = self.slices(slab)
        return slices[len(slices) // 2]

    def near(self, slab: int) -> range:
        """The slabs within reach of one."""
        last = self.of(self.depth - 1)
        return range(max(0, slab - self.reach), min(last, slab + self.reach) + 1)


@dataclass(frozen=True)
class WindowGrid:
    """Chooses the window of a region.

    The centre of the region's box is snapped to multiples of the step. A region
    too large for the usual side gets a window of twice (four times, ...) the
    side, on a grid as much coarser, so that there is always context around it.
    """

    shape: tuple[int, ...]
    """Frame shape ([z,] y, x)."""
    side: int
    """Usual side of a window, pixels, even."""
    step: float
    """Grid step as a share of the side; 0 centres every window on its region."""
    fill: float = 0.6
    """Largest share of the side that a region's box may take; less where the step is coarse."""
    slabs: Slabs = Slabs()

    def window(self, box: Box) -> Window:
        """Return the window of the region with this bounding box, in the slab of its middle."""
        z0, y0, x0, z1, y1, x1 = box
        extent = max(y1 - y0, x1 - x0)
        side = self.side
        # Snapping moves the window by up to half a step; the region must not stick out of it.
        fill = min(self.fill, 1.0 - self.step)
        while extent > fill * side and side < max(self.shape[-2:]):
            side *= 2
        y = self._start((y0 + y1) / 2.0, side, self.shape[-2])
        x = self._start((x0 + x1) / 2.0, side, self.shape[-1])
        return Window(y, x, side, self.slabs.of((z0 + z1 - 1) / 2.0))

    def views(self, window: Window) -> tuple[Window, ...]:
        """Return the windows in which the object of a window is looked for."""
        return tuple(replace(window, slab=slab) for slab in self.slabs.near(window.slab))

    def moved(self, window: Window, shift: Shift) -> Window:
        """Return where what a window shows has gone with a jump of the picture.

        Half of the window stays in the frame at least; what is outside is shown as nothing.
        """
        if not any(shift):
            return window
        half, (height, width) = window.side // 2, self.shape[-2:]
        return replace(
            window,
            y=min(max(window.y + shift[1], -half), height - half),
            x=min(max(window.x + shift[2], -half), width - half),
            slab=self.slabs.of(self.slabs.middle(window.slab) + shift[0]),
        )

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
    jumps: Jumps = field(default=NO_JUMPS, kw_only=True)
    """Of the picture; windows jump with it."""

    @classmethod
    def of(
        cls, detections: Detections, grid: WindowGrid, reach: int, jumps: Jumps = NO_JUMPS
    ) -> WindowPlan:
        boxes: dict[int, dict[int, Box]] = {}
        names = ("z0", "y0", "x0", "z1", "y1", "x1")
        ends = np.stack([getattr(detections, name) for name in names], axis=1)
        rows = zip(detections.t.tolist(), detections.label.tolist(), ends.tolist(), strict=True)
        for t, label, (z0, y0, x0, z1, y1, x1) in rows:
            boxes.setdefault(t, {})[label] = (z0, y0, x0, z1, y1, x1)
        return cls(grid, boxes, reach, jumps=jumps)

    def window(self, t: int, label: int) -> Window:
        """Where a region is shown to the network."""
        return self._windows[t][label]

    def views(self, t: int, label: int, t2: int) -> tuple[Window, ...]:
        """Where a region of frame t is looked for in frame t2."""
        return self._views(self.window(t, label), self.jumps.between(t, t2))

    def needed(self, t: int) -> Sequence[Window]:
        """Windows of frame t that any frame pair asks for, in a fixed order."""
        near = range(t - self.reach, t + self.reach + 1)
        return sorted(
            {
                view
                for s in near
                for window in set(self._windows.get(s, {}).values())
                for view in self._views(window, self.jumps.between(s, t))
            }
        )

    def _views(self, window: Window, shift: Shift) -> tuple[Window, ...]:
        return self.grid.views(self.grid.moved(window, shift))

    @cached_property
    def _windows(self) -> dict[int, dict[int, Window]]:
        return {
            t: {label: self.grid.window(box) for label, box in boxes.items()}
            for t, boxes in self.boxes.items()
        }


def box_of(region: Region) -> Box:
    """Return the box of a region, ([z,] y, x)."""
    low = (0, *region.corner)[-3:]
    high = (1, *(c + n for c, n in zip(region.corner, region.mask.shape, strict=True)))[-3:]
    return low[0], low[1], low[2], high[0], high[1], high[2]


def even(value: float) -> int:
    """Round to the nearest positive even integer."""
    return max(2, 2 * int(np.floor(value / 2.0 + 0.5)))
