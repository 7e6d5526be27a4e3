"""Views: a picture of a plane with the outlines of its cells, within a budget of bytes.

Planes are (rows, columns): (y, x), or (z, x) from the side. Outlines are (x, y) in units of
the page; the longer side of a frame has `SIDE_UNITS`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sam4ct.regions import Mask
from sam4ct.report.frames.outlines import outline_paths
from sam4ct.report.frames.projection import Contrast, Plane, jpeg_uri

SIDE_UNITS = 1400
TALLEST_UNITS = 4 * SIDE_UNITS
"""Largest height of a view from the side."""

Shape = tuple[int, Mask, tuple[int, int]]
"""A cell in a plane: its label, its mask, and the position of the mask's first pixel."""


@dataclass(frozen=True)
class Budget:
    """Largest size of all pictures of one view together."""

    pixels: int
    """The more pictures, the smaller each is."""
    bytes: int
    """About: noise may need more even at the lowest quality."""
    widest_px: int = 700


@dataclass(frozen=True)
class PictureSize:
    """The common size of all pictures of a view, and of its units."""

    shape: tuple[int, int]
    """Height and width in pixels of the picture."""
    units: tuple[int, int]
    """Height and width in units."""
    units_per_px: tuple[float, float]
    """Per pixel of the plane, not of the picture; down and to the right."""
    max_bytes: int
    """Budget of one picture."""

    @classmethod
    def fit(cls, frame: tuple[int, int], count: int, budget: Budget) -> PictureSize:
        """Choose the size for `count` pictures of frames of (y, x) pixels; never enlarged."""
        scale = min(
            1.0,
            budget.widest_px / max(frame),
            math.sqrt(budget.pixels / (count * math.prod(frame))),
        )
        units_per_px = SIDE_UNITS / max(frame)
        return cls(
            shape=(max(1, round(frame[0] * scale)), max(1, round(frame[1] * scale))),
            units=(round(frame[0] * units_per_px), round(frame[1] * units_per_px)),
            units_per_px=(units_per_px, units_per_px),
            max_bytes=budget.bytes // count,
        )

    def from_the_side(self, depth: int, slice_px: float, max_bytes: int) -> PictureSize:
        """Return the size for (z, x) planes beside these pictures, as wide as they are.

        Slices that are too far apart to be shown, as in files with a wrong voxel size, are
        moved closer together.

        Args:
            depth: Number of slices.
            slice_px: Distance of the slices, in-plane pixels.
            max_bytes: Budget of one picture.
        """
        units_per_slice = min(slice_px * self.units_per_px[1], TALLEST_UNITS / depth)
        height = max(1, round(depth * units_per_slice))
        return replace(
            self,
            shape=(max(1, round(height * self.shape[1] / self.units[1])), self.shape[1]),
            units=(height, self.units[1]),
            units_per_px=(units_per_slice, self.units_per_px[1]),
            max_bytes=max_bytes,
        )


@dataclass(frozen=True)
class View:
    """How all planes of one kind are shown."""

    size: PictureSize
    contrast: Contrast

    def data(
        self, plane: Plane, shapes: Iterable[Shape], generated: Collection[int]
    ) -> dict[str, Any]:
        """Return a plane as JSON values: `image`, and `cells` (see `_rows`)."""
        size = self.size
        image = jpeg_uri(self.contrast.apply(plane), size.shape, size.max_bytes)
        return {"image": image, "cells": list(_rows(shapes, size.units_per_px, generated))}


def evenly(count: int, most: int) -> list[int]:
    """Return up to `most` numbers below `count`, first and last among them, at even steps."""
    if count <= most:
        return list(range(count))
    return sorted({int(n) for n in np.linspace(0, count - 1, most).round()})


def _rows(
    shapes: Iterable[Shape], units_per_px: tuple[float, float], generated: Collection[int]
) -> Iterator[tuple[int, int, int, int, str]]:
    """Yield label, 1 if generated else 0, centre x, centre y and path of every cell."""
    shapes = list(shapes)
    paths = outline_paths([(mask, corner) for _, mask, corner in shapes], units_per_px)
    for (label, mask, corner), path in zip(shapes, paths, strict=True):
        y, x = (
            round((at + 0.5 + first) * units)
            for at, first, units in zip(_centre(mask), corner, units_per_px, strict=True)
        )
        yield label, int(label in generated), x, y, path


def _centre(mask: Mask) -> tuple[float, float]:
    """Return the mean position of a mask's pixels, (y, x), which has some; pixels."""
    at = np.flatnonzero(mask)
    rows, columns = np.divmod(at, mask.shape[1])
    return int(rows.sum()) / len(at), int(columns.sum()) / len(at)
