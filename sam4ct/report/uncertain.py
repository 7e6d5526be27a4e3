"""The least certain links, as pairs of thumbnails: what a person should look at first.

A thumbnail shows a region with its outline; of a volume, the slice in which the region is
largest, and no other is read. Windows are (y, x), pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.regions import Region
from sam4ct.report.frames.crop import Window, cropped
from sam4ct.report.frames.ends import LinkEnds
from sam4ct.report.frames.outlines import outline_path
from sam4ct.report.frames.projection import Contrast, as_volume, jpeg_uri, largest_plane
from sam4ct.tables import Links

SHOWN = 24
THUMBNAIL_PX = 150
THUMBNAIL_BYTES = 8_000
THUMBNAIL_UNITS = 300
LEAST_WINDOW_PX = 40
ROOM = 2.0
"""Side of the window, in extents of both regions together."""


@dataclass(frozen=True)
class Thumbnail:
    """One end of a link."""

    t: int
    track: int
    """Track label in the result; 0 if the region is not in it."""
    image: str
    """`data:` URI of a square picture; black outside the frame."""
    outline: str
    """SVG path in a square of `THUMBNAIL_UNITS`."""


@dataclass(frozen=True)
class UncertainLink:
    """One link to look at."""

    before: Thumbnail
    after: Thumbnail
    confidence: float
    division: bool
    answered: bool = False
    """A person said that it is right."""


def least_certain(links: Links, count: int = SHOWN) -> Links:
    """Return the links of the lowest confidence, the lowest first; ties in order of time."""
    order = np.lexsort((links.label2, links.t2, links.label, links.t, links.confidence))
    return links.take(order[:count])


def uncertain_links(links: Links, ends: LinkEnds) -> list[UncertainLink]:
    """Return the least certain links with their thumbnails, the least certain first.

    A link to a region that is missing, such as a mask that was split, is left out.

    Args:
        links: All links.
        ends: Their regions.
    """
    chosen, ends = least_certain(links), ends.kept()
    cards: dict[int, UncertainLink] = {}
    for row in np.lexsort((chosen.t2, chosen.t)).tolist():  # in order of time: read frames once
        t, label = int(chosen.t[row]), int(chosen.label[row])
        t2, label2 = int(chosen.t2[row]), int(chosen.label2[row])
        if label in ends.regions(t) and label2 in ends.regions(t2):
            window = _window(ends.regions(t)[label], ends.regions(t2)[label2])
            cards[row] = UncertainLink(
                before=_thumbnail(ends, t, label, window),
                after=_thumbnail(ends, t2, label2, window),
                confidence=float(chosen.confidence[row]),
                division=bool(chosen.division[row]),
                answered=bool(chosen.answered[row]),
            )
    return [cards[row] for row in sorted(cards)]


def _window(source: Region, target: Region) -> Window:
    """Return a square around two regions, with a margin; it may reach out of the frame."""
    boxes = np.array([[(s.start, s.stop) for s in r.box[-2:]] for r in (source, target)])
    low, high = boxes[:, :, 0].min(axis=0), boxes[:, :, 1].max(axis=0)
    side = max(LEAST_WINDOW_PX, round(ROOM * float((high - low).max())))
    y, x = ((low + high - side) // 2).tolist()
    return slice(y, y + side), slice(x, x + side)


def _thumbnail(ends: LinkEnds, t: int, label: int, window: Window) -> Thumbnail:
    region = ends.regions(t)[label]
    z = largest_plane(region.mask)
    crop, seen = cropped(ends.volumes, t, [first + z for first in region.corner[:-2]], window)
    grey = np.zeros(crop.shape, np.uint8)
    grey[seen] = Contrast.of([crop[seen]]).apply(crop[seen])
    side = crop.shape[0]
    scale = THUMBNAIL_UNITS / side
    corner = (region.corner[-2] - window[0].start, region.corner[-1] - window[1].start)
    pixels = min(side, THUMBNAIL_PX)
    return Thumbnail(
        t=t,
        track=ends.track_of(t).get(label, 0),
        image=jpeg_uri(grey, (pixels, pixels), THUMBNAIL_BYTES),
        outline=outline_path(as_volume(region.mask)[z], corner, (scale, scale)),
    )
