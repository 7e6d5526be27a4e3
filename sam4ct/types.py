"""What the stages ask of the world: frames in, frames out, a way to follow a region.

Stages know these Protocols only; adapters implement them, tests fake them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sam4ct.regions import LabelFrame, Region

Image = NDArray[np.generic]


class FrameReader(Protocol):
    """Random access to the frames of one sequence. Frames run from 0 to `frames` - 1."""

    @property
    def frames(self) -> int: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x)."""
        ...

    def image(self, t: int) -> Image:
        """The image of a frame, ([z,] y, x), in the file's own dtype."""
        ...

    def labels(self, t: int) -> LabelFrame:
        """The input masks of a frame, ([z,] y, x), integers; 0 is background."""
        ...


class VolumeReader(Protocol):
    """Parts of frames that may be too large to hold. Frames run from 0 to `frames` - 1."""

    @property
    def frames(self) -> int: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x)."""
        ...

    def window(self, t: int, window: Sequence[slice]) -> Image:
        """A part of a frame, in the file's own dtype: one slice an axis, with steps of one."""
        ...


class FrameWriter(Protocol):
    """Takes the result frames in order of time."""

    def write(self, t: int, labels: NDArray[np.uint16]) -> None: ...


@dataclass(frozen=True)
class Seeds:
    """Places in one frame at which there may be cells."""

    places: NDArray[np.float64]
    """(n, axes), voxel indices ([z,] y, x); voxel centres are whole numbers."""
    scores: NDArray[np.float64] | None = None
    """(n,), the higher the more likely a cell; None if nobody said."""

    def __len__(self) -> int:
        return len(self.places)


class SeedReader(Protocol):
    """Places of possible cells by frame."""

    def seeds(self, t: int) -> Seeds:
        """The seeds of a frame, voxels (z, y, x)."""
        ...


class RegionWriter(Protocol):
    """Takes result frames as regions, where a frame is too large to hold."""

    def write(self, t: int, regions: Mapping[int, Region]) -> None:
        """Write a frame: regions by track label, ([z,] y, x) frame voxels; none overlap."""
        ...


@dataclass(frozen=True)
class Propagated:
    """Where an object is in another frame: its region there, and whether it is there at all."""

    region: Region
    """In frame pixels, clipped to the frame where it was looked for; empty if nothing was found."""
    object_score: float
    """Logit; below 0 the object is more likely gone."""


class Propagator(Protocol):
    """Follows regions of one frame into another, backward or forward in time."""

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        """Return, for every region of frame t by label, where it is in frame t2."""
        ...

    def forget_before(self, t: int) -> None:
        """Frames before t will not be asked for again; their encodings may go."""
        ...


class Recogniser(Propagator, Protocol):
    """A propagator that also compares what it remembers of regions."""

    def similarities(
        self,
        frames: tuple[int, int],
        regions: tuple[Mapping[int, Region], Mapping[int, Region]],
        pairs: Sequence[tuple[int, int]],
    ) -> NDArray[np.float64]:
        """Return how alike a region of one frame and one of another are, (pairs,), -1 to 1.

        Args:
            frames: The two frames.
            regions: Of both frames, by label.
            pairs: A label of each frame.
        """
        ...


class VolumeSegmenter(Protocol):
    """Segments the object at a click in a volume."""

    def segment(self, t: int, points: Sequence[tuple[float, ...]]) -> list[Region]:
        """Return one region per click, ([z,] y, x) frame voxels; empty where none is found."""
        ...
