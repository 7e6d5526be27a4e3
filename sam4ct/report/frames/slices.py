"""Slices of a volume, and its side: the maximum projection along y, (z, x).

In the side view, slices are as far apart as in space. One volume is in memory at a time.
Array order (z, y, x).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sam4ct.regions import Region
from sam4ct.report.frames.extract import Extract
from sam4ct.report.frames.views import Budget, PictureSize, Shape, View, evenly
from sam4ct.types import Image

MOST_SLICES = 720
"""Slices in all frames shown, about; long movies show fewer slices of each volume."""
FEWEST_SLICES = 5
SLICES = Budget(pixels=36_000_000, bytes=2_600_000)
SIDE_BYTES = 600_000
"""Size of all side views together, about."""


@dataclass(frozen=True)
class VolumeViews:
    """How the volumes of a movie are shown."""

    zs: list[int]
    """The slices shown of every volume, numbered as in its extract."""
    slices: View
    side: View

    @classmethod
    def of(cls, shape: tuple[int, ...], shown: int, front: View, slice_px: float) -> VolumeViews:
        """Choose slices and sizes.

        The contrast is that of the projections. Their background is brighter, so that of slices
        is dark: cells stand out, and pictures are small.

        Args:
            shape: Shape of the shown part of a volume, (z, y, x).
            shown: Number of frames shown.
            front: View of the projections along z.
            slice_px: Distance of these slices, in-plane pixels.
        """
        depth, height, width = shape
        zs = evenly(depth, max(FEWEST_SLICES, MOST_SLICES // shown))
        size = PictureSize.fit((height, width), shown * len(zs), SLICES)
        side = front.size.from_the_side(depth, slice_px, SIDE_BYTES // shown)
        return cls(zs, View(size, front.contrast), View(side, front.contrast))

    def about(self, extract: Extract) -> dict[str, Any]:
        """Return what holds for all frames, as JSON values.

        `zs`: the slices shown, numbered as in the extract; `numbers`: as in the frame;
        `depth`: slices of the frame; `side`: width and height of the side view in units;
        `slice`: units from slice to slice there.
        """
        size = self.side.size
        return {
            "zs": self.zs,
            "numbers": [extract.slice_number(z) for z in self.zs],
            "depth": extract.frame[0],
            "side": [size.units[1], size.units[0]],
            "slice": round(size.units_per_px[0], 3),
        }

    def data(
        self, image: Image, regions: Mapping[int, Region], generated: Collection[int]
    ) -> dict[str, Any]:
        """Return a volume as JSON values: `side`, and `slices` in the order of `zs`."""
        from_side = image.max(axis=1).astype(np.float32)
        shapes = (
            (label, np.asarray(region.mask.any(axis=1)), (region.corner[0], region.corner[2]))
            for label, region in regions.items()
        )
        return {
            "side": self.side.data(from_side, shapes, generated),
            "slices": [
                self.slices.data(image[z].astype(np.float32), _in_slice(regions, z), generated)
                for z in self.zs
            ],
        }


def _in_slice(regions: Mapping[int, Region], z: int) -> Iterator[Shape]:
    """Yield the cells that a slice cuts."""
    for label, region in regions.items():
        first, y, x = region.corner
        if 0 <= z - first < len(region.mask) and region.mask[z - first].any():
            yield label, region.mask[z - first], (y, x)
