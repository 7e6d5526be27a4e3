"""The regions at the ends of links, which pictures of links and of questions show."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sam4ct.regions import Region
from sam4ct.types import VolumeReader

FRAMES_KEPT = 3


@dataclass(frozen=True)
class LinkEnds:
    """The regions at the ends of links, frame by frame."""

    volumes: VolumeReader
    regions: Callable[[int], Mapping[int, Region]]
    """The regions of a frame, by the labels in the table of links."""
    track_of: Callable[[int], Mapping[int, int]]
    """Track labels by region label; regions that are not in the result are missing."""

    def kept(self) -> LinkEnds:
        """Return the same, with the regions and tracks of the last few frames in memory."""
        keep = functools.lru_cache(FRAMES_KEPT)
        return LinkEnds(self.volumes, keep(self.regions), keep(self.track_of))
