"""The data of the frames viewer: pictures, outlines and tracks, as plain JSON values.

Owns which frames are shown and how large; how they are drawn is left to `page.js`
and `drawing.js`. Frames are read one at a time and forgotten. Outlines are (x, y)
in units of the page; the longer side of a frame has `SIDE_UNITS` of them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sam4ct.lineage import Track
from sam4ct.regions import regions_of
from sam4ct.report.flat import Contrast, jpeg_uri, projected, silhouette
from sam4ct.report.outlines import outline_path
from sam4ct.types import FrameReader

SIDE_UNITS = 1400
MOST_FRAMES = 120
FEWEST_FRAMES = 24
MOST_OUTLINES = 30_000
"""Over all frames shown, about; movies of crowds show fewer frames."""
WIDEST_PX = 700
MOST_PICTURE_PX = 20_000_000
"""Over all frames shown; long movies get smaller pictures."""
MOST_PICTURE_BYTES = 2_200_000
"""Over all frames shown, about: noise may need more even at the lowest quality."""
CONTRAST_FRAMES = 5


class ResultFrames(Protocol):
    """Random access to the masks of a result."""

    def labels(self, t: int) -> NDArray[np.uint16]:
        """The result masks of a frame, ([z,] y, x): track labels, 0 is background."""
        ...


@dataclass(frozen=True)
class PictureSize:
    """The common size of all pictures, and of the page's units."""

    shape: tuple[int, int]
    """Height and width in pixels of the picture."""
    units: tuple[int, int]
    """Height and width in units."""
    units_per_px: float
    """Per pixel of the frame, not of the picture."""
    max_bytes: int
    """Budget of one picture."""

    @classmethod
    def fit(cls, frame: tuple[int, int], count: int) -> PictureSize:
        """Choose the size for `count` pictures of frames of (y, x) pixels; never enlarged."""
        scale = min(
            1.0,
            WIDEST_PX / max(frame),
            math.sqrt(MOST_PICTURE_PX / (count * math.prod(frame))),
        )
        units_per_px = SIDE_UNITS / max(frame)
        return cls(
            shape=(max(1, round(frame[0] * scale)), max(1, round(frame[1] * scale))),
            units=(round(frame[0] * units_per_px), round(frame[1] * units_per_px)),
            units_per_px=units_per_px,
            max_bytes=MOST_PICTURE_BYTES // count,
        )


def evenly(frames: int, count: int) -> list[int]:
    """Return up to `count` frame numbers, first and last among them, at even steps."""
    if frames <= count:
        return list(range(frames))
    return sorted({int(t) for t in np.linspace(0, frames - 1, count).round()})


def shown_frames(frames: int, tracks: Sequence[Track]) -> list[int]:
    """Return the frames to show: all of a short movie, else evenly chosen ones."""
    cells = sum(track.end - track.begin + 1 for track in tracks)
    affordable = MOST_OUTLINES * frames // max(1, cells)
    return evenly(frames, min(MOST_FRAMES, max(FEWEST_FRAMES, affordable)))


def movie_contrast(reader: FrameReader) -> Contrast:
    """Return one contrast for the whole movie, from a few of its frames."""
    chosen = evenly(reader.frames, CONTRAST_FRAMES)
    return Contrast.of(projected(reader.image(t)) for t in chosen)


def viewer_data(
    reader: FrameReader,
    result: ResultFrames,
    tracks: Sequence[Track],
    hues: Mapping[int, int],
    generated: Collection[tuple[int, int]],
) -> dict[str, Any]:
    """Return everything the viewer draws.

    Args:
        reader: The images.
        result: The track labels of every frame.
        tracks: All tracks.
        hues: In degrees, by track label.
        generated: (t, track label) of regions that no input mask supports.

    Returns:
        JSON values: `size` (width and height in units), `tracks` (rows of label, begin,
        end, parent, hue), and `frames` (`t`, `image`, and `cells`: rows of label,
        1 if generated else 0, x, y of the centre, path).
    """
    shown = shown_frames(reader.frames, tracks)
    height, width = reader.shape[-2:]
    size = PictureSize.fit((height, width), len(shown))
    contrast = movie_contrast(reader)
    frames = []
    for t in shown:
        grey = contrast.apply(projected(reader.image(t)))
        cells = _cells(result.labels(t), t, size.units_per_px, generated)
        image = jpeg_uri(grey, size.shape, size.max_bytes)
        frames.append({"t": t, "image": image, "cells": list(cells)})
    return {
        "size": [size.units[1], size.units[0]],
        "tracks": [[*track.row(), hues[track.label]] for track in tracks],
        "frames": frames,
    }


def _cells(
    labels: NDArray[np.uint16],
    t: int,
    units_per_px: float,
    generated: Collection[tuple[int, int]],
) -> Iterator[tuple[int, int, int, int, str]]:
    """Yield label, generated, centre x, centre y and path of every region of a frame."""
    for label, region in regions_of(labels).items():
        mask, corner = silhouette(region.mask), (region.corner[-2], region.corner[-1])
        centre = (np.argwhere(mask).mean(axis=0) + 0.5 + corner) * units_per_px
        path = outline_path(mask, corner, units_per_px)
        y, x = (round(float(c)) for c in centre)
        yield label, int((t, label) in generated), x, y, path
