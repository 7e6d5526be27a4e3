"""The least certain links, as pairs of thumbnails: what a person should look at first.

Owns the choice and the crops. Links speak of input masks, so their outlines come
from the input; the tracks they became are looked up in the result. In 3D a
thumbnail is the plane in which its region is largest. Windows are (y, x), pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam4ct.regions import Region, labels_under, regions_of
from sam4ct.report.flat import Contrast, Plane, as_volume, jpeg_uri, largest_plane
from sam4ct.report.outlines import outline_path
from sam4ct.report.viewer import ResultFrames
from sam4ct.tables import Links
from sam4ct.types import FrameReader, Image

SHOWN = 24
THUMBNAIL_PX = 150
THUMBNAIL_BYTES = 8_000
THUMBNAIL_UNITS = 300
LEAST_WINDOW_PX = 40
ROOM = 2.0
"""Side of the window over the extent of source and target together."""
_FRAMES_KEPT = 3

Window = tuple[slice, slice]


@dataclass(frozen=True)
class Thumbnail:
    """One end of a link."""

    t: int
    track: int
    """Track label in the result; 0 if the mask is not in it."""
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
class _Frame:
    image: Image
    regions: dict[int, Region]
    tracks: dict[int, int]
    """Track label by input label."""


def least_certain(links: Links, count: int = SHOWN) -> Links:
    """Return the links of the lowest confidence, the lowest first; ties in order of time."""
    order = np.lexsort((links.label2, links.t2, links.label, links.t, links.confidence))
    return links.take(order[:count])


def uncertain_links(links: Links, reader: FrameReader, result: ResultFrames) -> list[UncertainLink]:
    """Return the least certain links with their thumbnails, the least certain first.

    A link to a mask that is not in the input, e.g. one that was split, is left out.

    Args:
        links: All links; labels are those of the input masks.
        reader: Images and input masks.
        result: The result's track labels.
    """
    chosen = least_certain(links)
    frame = functools.lru_cache(_FRAMES_KEPT)(lambda t: _read(t, reader, result))
    cards: dict[int, UncertainLink] = {}
    for row in np.lexsort((chosen.t2, chosen.t)).tolist():  # in order of time: read frames once
        before, after = frame(int(chosen.t[row])), frame(int(chosen.t2[row]))
        if chosen.label[row] in before.regions and chosen.label2[row] in after.regions:
            cards[row] = _card(chosen, row, before, after)
    return [cards[row] for row in sorted(cards)]


def _read(t: int, reader: FrameReader, result: ResultFrames) -> _Frame:
    regions = regions_of(reader.labels(t))
    tracks = result.labels(t)
    return _Frame(reader.image(t), regions, {k: _track(r, tracks) for k, r in regions.items()})


def _track(region: Region, tracks: NDArray[np.uint16]) -> int:
    """Return the track label that covers most of a region; 0 if none does."""
    labels, counts = labels_under(region, tracks)
    return int(labels[counts.argmax()]) if len(labels) else 0


def _card(links: Links, row: int, before: _Frame, after: _Frame) -> UncertainLink:
    label, label2 = int(links.label[row]), int(links.label2[row])
    window = _window(before.regions[label], after.regions[label2])
    return UncertainLink(
        before=_thumbnail(int(links.t[row]), before, label, window),
        after=_thumbnail(int(links.t2[row]), after, label2, window),
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


def _thumbnail(t: int, frame: _Frame, label: int, window: Window) -> Thumbnail:
    region = frame.regions[label]
    z = largest_plane(region.mask)
    depth = region.corner[0] + z if region.mask.ndim == 3 else 0
    crop, seen = _cropped(as_volume(frame.image)[depth], window)
    grey = np.zeros(crop.shape, np.uint8)
    grey[seen] = Contrast.of([crop[seen]]).apply(crop[seen])
    side = crop.shape[0]
    scale = THUMBNAIL_UNITS / side
    corner = (region.corner[-2] - window[0].start, region.corner[-1] - window[1].start)
    pixels = min(side, THUMBNAIL_PX)
    return Thumbnail(
        t=t,
        track=frame.tracks[label],
        image=jpeg_uri(grey, (pixels, pixels), THUMBNAIL_BYTES),
        outline=outline_path(as_volume(region.mask)[z], corner, (scale, scale)),
    )


def _cropped(plane: Image, window: Window) -> tuple[Plane, Window]:
    """Return a window of a plane, (y, x), as float32, and which part of it is in the frame."""
    side = window[0].stop - window[0].start
    crop = np.zeros((side, side), np.float32)
    seen, source = [], []
    for s, n in zip(window, plane.shape, strict=True):
        low, high = max(0, s.start), min(n, s.stop)
        source.append(slice(low, high))
        seen.append(slice(low - s.start, high - s.start))
    part = (seen[0], seen[1])
    crop[part] = plane[source[0], source[1]]
    return crop, part
