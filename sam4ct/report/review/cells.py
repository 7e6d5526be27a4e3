"""The outlines of the regions that a picture of a question shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from sam4ct.regions import Region
from sam4ct.report.frames.crop import Window
from sam4ct.report.frames.outlines import PlacedMask, outline_paths

UNITS = 600
"""Side of a picture in units of its outlines."""


@dataclass(frozen=True)
class Frame:
    """What the page shows of the regions of a frame."""

    regions: Mapping[int, Region]
    """By label."""
    tracks: Mapping[int, int]
    """Track labels in the result, by label; regions that are not in the result are missing."""
    named: Set[int]
    """Labels that a question names here; they are shown whatever their number."""


def cells_in(frame: Frame, z: int, window: Window, most: int) -> list[list[Any]]:
    """Return the regions in a slice of a window: those that are named, and the nearest others.

    A region that is named but has no pixel in this slice is shown as in the nearest slice.

    Args:
        frame: The regions.
        z: The slice; 0 in 2D.
        window: (y, x), pixels.
        most: Of regions, unless more are named.

    Returns:
        Rows of label, track label (0: none), path, whether the region has pixels in this slice,
        and a pixel of the region near its middle, "y x" or "z y x".
    """
    here = [label for label in frame.named if label in frame.regions]
    room = max(0, most - len(here))
    labels = sorted(here) + _nearest(frame, z, window, room)
    regions = [frame.regions[label] for label in labels]
    scale = UNITS / (window[0].stop - window[0].start)
    paths = outline_paths([_placed(each.section(z), window) for each in regions], (scale, scale))
    return [
        [label, frame.tracks.get(label, 0), path, _cut_by(region, z), middle_pixel(region)]
        for label, region, path in zip(labels, regions, paths, strict=True)
        if path
    ]


def middle_pixel(region: Region) -> str:
    """Return the pixel of a region that is nearest to its centroid, as text: "[z ]y x"."""
    at = np.argwhere(region.mask) + np.asarray(region.corner)
    nearest = at[((at - region.centroid) ** 2).sum(axis=1).argmin()]
    return " ".join(map(str, nearest.tolist()))


def _placed(section: Region, window: Window) -> PlacedMask:
    y, x = (c - part.start for c, part in zip(section.corner, window, strict=True))
    return section.mask, (y, x)


def _nearest(frame: Frame, z: int, window: Window, most: int) -> list[int]:
    """Return the labels of other regions that touch the window in a slice, the nearest first."""
    centre = [(part.start + part.stop) / 2 for part in window]
    found: list[tuple[float, int]] = []
    for label, region in frame.regions.items():
        if label not in frame.named and _cut_by(region, z) and _touches(region, window):
            middle = [(part.start + part.stop) / 2 for part in region.box[-2:]]
            away = float(np.hypot(*np.subtract(middle, centre)))
            found.append((away, label))
    return [label for _, label in sorted(found)[:most]]


def _cut_by(region: Region, z: int) -> bool:
    """Whether a region has pixels in a slice; always in 2D."""
    if region.mask.ndim == 2:
        return True
    row = z - region.corner[0]
    return bool(0 <= row < region.mask.shape[0] and region.mask[row].any())


def _touches(region: Region, window: Sequence[slice]) -> bool:
    pairs = zip(region.box[-2:], window, strict=True)
    return all(own.start < part.stop and part.start < own.stop for own, part in pairs)
