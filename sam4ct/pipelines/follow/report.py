"""Report of mode "track", whose frames may be too large for memory.

Reads the box around all followed cells, part by part and subsampled, and for the least certain
links a few planes around their ends. `sam4ct.report` makes the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sam4ct.lineage import Track
from sam4ct.regions import Region
from sam4ct.report import write_page
from sam4ct.report.frames.ends import LinkEnds
from sam4ct.report.frames.extract import Box, Extract
from sam4ct.tables import Links
from sam4ct.types import Image, VolumeReader


class VolumeParts(VolumeReader, Protocol):
    """A reader of boxes that may be too large to hold, e.g. `CachedVolumes`."""

    def parts(self, t: int, box: Box) -> Iterator[tuple[Box, Image]]:
        """Parts of a frame that cover a box, and where they are; they may reach out of it."""
        ...


def write_track_report(
    path: Path,
    volumes: VolumeParts,
    regions: Callable[[int], Mapping[int, Region]],
    track_of: Callable[[int], Mapping[int, int]],
    tracks: Sequence[Track],
    links: Links,
    facts: Mapping[str, Any],
) -> None:
    """Write the report of a run in mode "track".

    Args:
        path: The HTML file; replaced if it is there.
        volumes: The movie, (z, y, x). The shown part of a frame is read once or twice.
        regions: Returns the regions of the followed cells of a frame, by region label; none is
            empty, all lie in the frame. Called for every frame, and again for shown ones.
        track_of: Returns the track labels of a frame, by region label.
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
    """The followed cells and their surroundings; `ShownFrames`."""

    volumes: VolumeParts
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


def read_extract(volumes: VolumeParts, t: int, extract: Extract) -> Image:
    """Return the extract of a frame, (z, y, x); its box is read part by part."""
    found: Image | None = None
    for at, values in volumes.parts(t, extract.box):
        if found is None:
            found = np.empty(extract.shape, values.dtype)
        axes = zip(at, extract.box, extract.steps, strict=True)
        shown, source = zip(*(_sampled(*axis) for axis in axes), strict=True)
        found[shown] = values[source]
    assert found is not None, "the box of an extract has voxels"
    return found


def _sampled(part: slice, whole: slice, step: int) -> tuple[slice, slice]:
    """Return which samples of an axis lie in a part of it: by number of sample, and in the part.

    Args:
        part: A part of the axis.
        whole: The range that is sampled from its first voxel, every `step`-th one.
        step: One or more.
    """
    first = -(-max(0, part.start - whole.start) // step)
    last = -(-(min(part.stop, whole.stop) - whole.start) // step)
    start = whole.start + first * step - part.start
    # If no sample is in the part, both slices are empty.
    stop = start + max(0, last - first) * step
    return slice(first, max(first, last)), slice(start, stop, step)


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
