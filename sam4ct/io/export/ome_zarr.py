"""OME-Zarr 0.5: the images, with the masks of the result as labels below them.

NAME.ome.zarr/
    0                   the images, (t, [z,] y, x)
    labels/tracks/0     the masks
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zarr

from sam4ct.io.export.graph import TrackGraph
from sam4ct.io.movie import Volumes
from sam4ct.io.ome_zarr import Movie, create_movie
from sam4ct.runtime import Progress

LABELS, TRACKS = "labels", "tracks"


def write_ome_zarr(folder: Path, graph: TrackGraph, images: Volumes) -> None:
    """Write images and masks; one frame of either is held at a time.

    Args:
        folder: Becomes the group of the images.
        graph: The result.
        images: Its images.
    """
    name, frames, size = graph.name, graph.frames, graph.spacing_um
    movie = Movie(name, frames, graph.shape, str(images.dtype), size)
    masks = Movie(TRACKS, frames, graph.shape, "uint16", size)
    pixels = create_movie(folder, movie, every_chunk=False)
    _state_time(zarr.open_group(folder), graph.interval_s)
    group = zarr.create_group(folder / LABELS, zarr_format=3)
    group.attrs["ome"] = {"version": "0.5", "labels": [TRACKS]}
    labels = create_movie(folder / LABELS / TRACKS, masks, every_chunk=False)
    of = {"version": "0.5", "source": {"image": "../../"}}
    _state_time(zarr.open_group(folder / LABELS / TRACKS), graph.interval_s, {"image-label": of})
    with Progress(frames, "export images", "frames") as progress:
        for t in range(frames):
            pixels[t] = images.window(t, [slice(None)] * len(graph.shape))
            labels[t] = graph.labels(t)
            progress.step()


def _state_time(
    group: zarr.Group, interval_s: float | None, more: dict[str, Any] | None = None
) -> None:
    """Add the time between frames, if it is known, and more, to the metadata of a movie."""
    ome: dict[str, Any] = {**dict(group.attrs)["ome"], **(more or {})}  # type: ignore[dict-item]
    if interval_s:
        (image,) = ome["multiscales"]
        image["axes"][0]["unit"] = "second"
        image["datasets"][0]["coordinateTransformations"][0]["scale"][0] = interval_s
    group.attrs["ome"] = ome
