"""The report of a run that follows chosen cells, whose frames may be too large to hold.

Owns what is read for it: of the frames that are shown, the box around all cells that are
followed, slab by slab and made coarser as it comes; of the least certain links, the few
planes around their ends. How it is shown is left to `sam4ct.report`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.lineage import Track
from sam4ct.regions import Region
from sam4ct.report import write_page
from sam4ct.report.extract import MOST_VOXELS, Box, Extract
from sam4ct.report.uncertain import LinkEnds
from sam4ct.tables import Links
from sam4ct.types import Image, VolumeReader


def write_track_report(
    path: Path,
    volumes: VolumeReader,
    regions: Callable[[int], Mapping[int, Region]],
    track_of: Callable[[int], Mapping[int, int]],
    tracks: Sequence[Track],
    links: Links,
    facts: Mapping[str, Any],
) -> None:
    """Write the report of a run in mode "track".

    Args:
        path: The HTML file; replaced if it is there.
        volumes: The movie, (z, y, x). Slabs are read one after the other: one that keeps
            what it has decoded (`CachedVolumes`) decodes nothing twice.
        regions: The regions of the cells that are followed, of a frame, by region label;
            none is empty, all lie in the frame. Asked for every frame, and again for
            those that are shown.
        track_of: Track labels by region label, of a frame.
        tracks: A valid track table.
        links: All links between these regions with their confidence; may be empty.
        facts: As `report.write_report` takes them; `spacing_um` is that of the movie.

    Raises:
        WorkError: The disk refuses.
        SequenceError: The movie cannot be read.
    """
    box = _box_around(regions, volumes)
    spacing = facts.get("spacing_um") or (1.0, 1.0, 1.0)
    movie = _FollowedCells(volumes, regions, track_of, Extract.around(box, volumes.shape, spacing))
    write_page(path, movie, LinkEnds(volumes, regions, track_of), tracks, links, facts)


@dataclass(frozen=True)
class _FollowedCells:
    """The cells that are followed and what is around them; `ShownFrames`."""

    volumes: VolumeReader
    by_label: Callable[[int], Mapping[int, Region]]
    track_of: Callable[[int], Mapping[int, int]]
    extract: Extract

    @property
    def frames(self) -> int:
        return self.volumes.frames

    def image(self, t: int) -> Image:
        """The extract of a frame, (z, y, x)."""
        return read_extract(self.volumes, t, self.extract)

    def regions(self, t: int) -> Mapping[int, Region]:
        """The cells of a frame by track label, in voxels of the extract."""
        tracks = self.track_of(t)
        return {
            tracks[label]: self.extract.sampled(region)
            for label, region in self.by_label(t).items()
            if label in tracks
        }


def read_extract(volumes: VolumeReader, t: int, extract: Extract) -> Image:
    """Return the extract of a frame, (z, y, x).

    No more is read at once than may be shown, or one plane, if that is more.
    """
    (depth, *plane), steps = extract.box, extract.steps
    zs = range(depth.start, depth.stop, steps[0])
    pixels = prod(part.stop - part.start for part in plane)
    count = max(1, MOST_VOXELS // (pixels * steps[0]))
    slabs = []
    for first in range(0, len(zs), count):
        part = zs[first : first + count]
        slab = volumes.window(t, (slice(part[0], part[-1] + 1), *plane))
        coarse = slab[tuple(slice(None, None, step) for step in steps)]
        # A copy: a view would keep all that was read.
        slabs.append(coarse.copy())
    return np.concatenate(slabs)


def _box_around(regions: Callable[[int], Mapping[int, Region]], volumes: VolumeReader) -> Box:
    """Return the box around the regions of all frames; the whole frame if there are none."""
    low, high = np.array(volumes.shape), np.zeros(3, dtype=int)
    for t in range(volumes.frames):
        for region in regions(t).values():
            low = np.minimum(low, region.corner)
            high = np.maximum(high, np.add(region.corner, region.mask.shape))
    if (low >= high).any():
        return tuple(slice(0, n) for n in volumes.shape)
    return tuple(map(slice, low.tolist(), high.tolist()))
