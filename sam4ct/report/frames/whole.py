"""Movies whose frames fit in memory: images and masks as the viewer and the links need them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sam4ct.regions import Region, regions_of
from sam4ct.report.frames.ends import FRAMES_KEPT, LinkEnds
from sam4ct.report.frames.extract import Extract
from sam4ct.types import FrameReader, Image


class ResultFrames(Protocol):
    """Random access to the masks of a result."""

    def labels(self, t: int) -> NDArray[np.uint16]:
        """The result masks of a frame, ([z,] y, x): track labels, 0 is background."""
        ...


@dataclass(frozen=True)
class WholeFrames:
    """All of every frame; `ShownFrames`."""

    reader: FrameReader
    result: ResultFrames

    @property
    def frames(self) -> int:
        return self.reader.frames

    @property
    def extract(self) -> Extract:
        return Extract.whole(self.reader.shape)

    def image(self, t: int) -> Image:
        """The image of a frame, ([z,] y, x)."""
        return self.reader.image(t)

    def regions(self, t: int) -> Mapping[int, Region]:
        """The result's regions of a frame, by track label."""
        return regions_of(self.result.labels(t))


class _Windows:
    """A `VolumeReader` of whole frames, a few of which are kept."""

    def __init__(self, reader: FrameReader) -> None:
        self.frames, self.shape = reader.frames, reader.shape
        self._image = functools.lru_cache(FRAMES_KEPT)(reader.image)

    def window(self, t: int, window: Sequence[slice]) -> Image:
        return self._image(t)[tuple(window)]


def ends_in(reader: FrameReader, result: ResultFrames) -> LinkEnds:
    """Return the ends of links between input masks.

    Args:
        reader: Images and input masks.
        result: The result's track labels.
    """

    def regions(t: int) -> Mapping[int, Region]:
        return regions_of(reader.labels(t))

    def track_of(t: int) -> Mapping[int, int]:
        tracks = result.labels(t)
        return {label: _track(region, tracks) for label, region in regions(t).items()}

    return LinkEnds(_Windows(reader), regions, track_of)


def _track(region: Region, tracks: NDArray[np.uint16]) -> int:
    """Return the track label that covers most of a region; 0 if none does."""
    counts = np.bincount(tracks[region.box][region.mask], minlength=1)
    counts[0] = 0
    return int(counts.argmax())
