"""The least certain links, as pairs of thumbnails: what a person should look at first.

Owns the choice and the crops. Links speak of regions, which are outlined; which tracks
they became is told by the caller. In 3D a thumbnail is the plane in which its region is
largest, and nothing else of the frame is read. Windows are (y, x), pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.regions import Region
from sam4ct.report.frames.outlines import outline_path
from sam4ct.report.frames.projection import Contrast, Plane, as_volume, jpeg_uri, largest_plane
from sam4ct.tables import Links
from sam4ct.types import VolumeReader

SHOWN = 24
THUMBNAIL_PX = 150
THUMBNAIL_BYTES = 8_000
THUMBNAIL_UNITS = 300
LEAST_WINDOW_PX = 40
ROOM = 2.0
"""Side of the window over the extent of source and target together."""
FRAMES_KEPT = 3

Window = tuple[slice, slice]


@dataclass(frozen=True)
class Thumbnail:
    """One end of a link."""

    t: int
    track: int
    """Track label in the result; 0 if the region is not in it."""
    image: str
    """`data:` URI of a square picture, the frame's edge filled up with black."""
    outline: str
    """SVG path in a square of `THUMBNAIL_UNITS`."""


@dataclass(frozen=True)
class UncertainLink:
    """One link to look at."""

    before: Thumbnail
    after: Thumbnail
    confidence: float
    division: bool


@dataclass(frozen=True)
class LinkEnds:
    """What there is at the ends of links, frame by frame."""

    volumes: VolumeReader
    regions: Callable[[int], Mapping[int, Region]]
    """The regions of a frame, by the labels that links speak of."""
    track_of: Callable[[int], Mapping[int, int]]
    """Track labels in the result by region label; without those that are not in it."""


@dataclass(frozen=True)
class _Frame:
    t: int
    volumes: VolumeReader
    regions: Mapping[int, Region]
    track_of: Mapping[int, int]


def least_certain(links: Links, count: int = SHOWN) -> Links:
    """Return the links of the lowest confidence, the lowest first; ties in order of time."""
    order = np.lexsort((links.label2, links.t2, links.label, links.t, links.confidence))
    return links.take(order[:count])


def uncertain_links(links: Links, ends: LinkEnds) -> list[UncertainLink]:
    """Return the least certain links with their thumbnails, the least certain first.

    A link to a region that is not there, e.g. to a mask that was split, is left out.

    Args:
        links: All links.
        ends: What they speak of.
    """
    chosen = least_certain(links)
    frame = functools.lru_cache(FRAMES_KEPT)(
        lambda t: _Frame(t, ends.volumes, ends.regions(t), ends.track_of(t))
    )
    cards: dict[int, UncertainLink] = {}
    for row in np.lexsort((chosen.t2, chosen.t)).tolist():  # in order of time: read frames once
        before, after = frame(int(chosen.t[row])), frame(int(chosen.t2[row]))
        if chosen.label[row] in before.regions and chosen.label2[row] in after.regions:
            cards[row] = _card(chosen, row, before, after)
    return [cards[row] for row in sorted(cards)]


def _card(links: Links, row: int, before: _Frame, after: _Frame) -> UncertainLink:
    label, label2 = int(links.label[row]), int(links.label2[row])
    window = _window(before.regions[label], after.regions[label2])
    return UncertainLink(
        before=_thumbnail(before, label, window),
        after=_thumbnail(after, label2, window),
        confidence=float(links.confidence[row]),
        division=bool(links.division[row]),
    )


def _window(source: Region, target: Region) -> Window:
    """Return a square around two regions, with room; it may reach out of the frame."""
    boxes = np.array([[(s.start, s.stop) for s in r.box[-2:]] for r in (source, target)])
    low, high = boxes[:, :, 0].min(axis=0), boxes[:, :, 1].max(axis=0)
    side = max(LEAST_WINDOW_PX, round(ROOM * float((high - low).max())))
    y, x = ((low + high - side) // 2).tolist()
    return slice(y, y + side), slice(x, x + side)


def _thumbnail(frame: _Frame, label: int, window: Window) -> Thumbnail:
    region = frame.regions[label]
    z = largest_plane(region.mask)
    crop, seen = _cropped(frame, [first + z for first in region.corner[:-2]], window)
    grey = np.zeros(crop.shape, np.uint8)
    grey[seen] = Contrast.of([crop[seen]]).apply(crop[seen])
    side = crop.shape[0]
    scale = THUMBNAIL_UNITS / side
    corner = (region.corner[-2] - window[0].start, region.corner[-1] - window[1].start)
    pixels = min(side, THUMBNAIL_PX)
    return Thumbnail(
        t=frame.t,
        track=frame.track_of.get(label, 0),
        image=jpeg_uri(grey, (pixels, pixels), THUMBNAIL_BYTES),
        outline=outline_path(as_volume(region.mask)[z], corner, (scale, scale)),
    )


def _cropped(frame: _Frame, plane: Sequence[int], window: Window) -> tuple[Plane, Window]:
    """Return a window of a plane, (y, x), as float32, and which part of it is in the frame.

    Args:
        frame: The frame.
        plane: Its number, in 3D; nothing in 2D.
        window: May reach out of the frame.
    """
    side = window[0].stop - window[0].start
    crop = np.zeros((side, side), np.float32)
    seen, source = [], []
    for s, n in zip(window, frame.volumes.shape[-2:], strict=True):
        low, high = max(0, s.start), min(n, s.stop)
        source.append(slice(low, high))
        seen.append(slice(low - s.start, high - s.start))
    part = (seen[0], seen[1])
    at = [*(slice(z, z + 1) for z in plane), *source]
    crop[part] = as_volume(frame.volumes.window(frame.t, at))[0]
    return crop, part
