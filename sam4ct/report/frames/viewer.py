"""The data of the frames viewer: which frames are shown, their pictures, outlines and tracks.

Plain JSON values, drawn by `page.js` and `drawing.js`. One frame is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from sam4ct.lineage import Track
from sam4ct.regions import Region
from sam4ct.report.frames.extract import Extract
from sam4ct.report.frames.projection import Contrast, projected, silhouette
from sam4ct.report.frames.slices import MOST_SLICES, VolumeViews
from sam4ct.report.frames.views import Budget, PictureSize, Shape, View, evenly
from sam4ct.types import Image

MOST_FRAMES = 120
FEWEST_FRAMES = 24
FEWEST_VOLUMES = 16
MOST_OUTLINES = 30_000
"""About, in all frames shown; movies with more cells show fewer frames."""
OUTLINES_OF_A_VOLUME = 7
"""Outlines of one cell, about: from the front, from the side, and in the slices that cut it."""
ENOUGH_SLICES = 10
"""Slices of a volume that are shown before more frames are."""
PICTURES = Budget(pixels=20_000_000, bytes=2_200_000)
CONTRAST_FRAMES = 5


class ShownFrames(Protocol):
    """Random access to the shown part of a movie. Frames run from 0 to `frames` - 1."""

    @property
    def frames(self) -> int: ...

    @property
    def extract(self) -> Extract:
        """Which voxels of every frame are shown."""
        ...

    def image(self, t: int) -> Image:
        """The extract of a frame, ([z,] y, x)."""
        ...

    def regions(self, t: int) -> Mapping[int, Region]:
        """The cells of a frame by track label, in voxels of the extract; none is empty."""
        ...


def shown_frames(frames: int, tracks: Sequence[Track], depth: int = 1) -> list[int]:
    """Return the frames to show: all of a short movie, else evenly chosen ones.

    Args:
        frames: Number of frames of the movie.
        tracks: All tracks.
        depth: Number of slices; 1 in 2D.
    """
    cells = sum(track.end - track.begin + 1 for track in tracks)
    each, fewest = (OUTLINES_OF_A_VOLUME, FEWEST_VOLUMES) if depth > 1 else (1, FEWEST_FRAMES)
    affordable = MOST_OUTLINES * frames // max(1, each * cells)
    most = min(MOST_FRAMES, MOST_SLICES // min(depth, ENOUGH_SLICES))
    return evenly(frames, min(most, max(fewest, affordable)))


def movie_contrast(movie: ShownFrames, shown: Sequence[int]) -> Contrast:
    """Return one contrast for the whole movie, from a few of the frames that are shown."""
    chosen = [shown[n] for n in evenly(len(shown), CONTRAST_FRAMES)]
    return Contrast.of(projected(movie.image(t)) for t in chosen)


def viewer_data(
    movie: ShownFrames,
    tracks: Sequence[Track],
    hues: Mapping[int, int],
    generated: Collection[tuple[int, int]],
    slice_px: float = 1.0,
) -> dict[str, Any]:
    """Return everything the viewer draws.

    Args:
        movie: Images and cells.
        tracks: All tracks.
        hues: In degrees, by track label.
        generated: (t, track label) of regions that no input mask supports.
        slice_px: Distance of the slices of volumes, in-plane pixels of the frame.

    Returns:
        JSON values: `size` (width and height in units), `tracks` (rows of label, begin,
        end, parent, hue), and `frames` (`t`, `image`, and `cells`: rows of label,
        1 if generated else 0, x, y of the centre, path). In 3D also `volume`
        (`VolumeViews.about`) and what `VolumeViews.data` says of each frame.
    """
    extract, shape = movie.extract, movie.extract.shape
    volume = len(shape) == 3
    shown = shown_frames(movie.frames, tracks, shape[0] if volume else 1)
    height, width = shape[-2:]
    size = PictureSize.fit((height, width), len(shown), PICTURES)
    front = View(size, movie_contrast(movie, shown))
    apart = slice_px * extract.flatness
    views = VolumeViews.of(shape, len(shown), front, apart) if volume else None
    frames = []
    for t in shown:
        image, regions = movie.image(t), movie.regions(t)
        made = {label for label in regions if (t, label) in generated}
        shapes = (_from_the_front(label, region) for label, region in regions.items())
        frame = {"t": t} | front.data(projected(image), shapes, made)
        frames.append(frame | (views.data(image, regions, made) if views else {}))
    return {
        "size": front.size.units[::-1],
        "tracks": [[*track.row(), hues[track.label]] for track in tracks],
        "frames": frames,
    } | ({"volume": views.about(extract)} if views else {})


def _from_the_front(label: int, region: Region) -> Shape:
    return label, silhouette(region.mask), (region.corner[-2], region.corner[-1])
