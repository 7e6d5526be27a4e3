"""Mask frames of large volumes, painted one by one into the work folder.

Owns which frames are painted already, so that a killed run paints no frame twice. The
painting is left to `tiff.paint`; checking the frames against the tracks, and moving them
into the result, to `result`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sam4ct.io.ctc.result import MASK
from sam4ct.io.files import disk_errors, frame_name
from sam4ct.io.tiff import write_regions
from sam4ct.regions import Region


@dataclass(frozen=True)
class VolumeFrames:
    """The mask frames of one sequence; a `RegionWriter`, which takes them in any order."""

    folder: Path
    """Where they lie until the result is complete; made when the first one is written."""
    shape: tuple[int, ...]
    """Of every frame, ([z,] y, x)."""
    digits: int = 3
    """Width of the frame numbers, as in the input."""

    def path(self, t: int) -> Path:
        """Where a frame is, or will be."""
        return self.folder / frame_name(MASK, t, self.digits)

    def has(self, t: int) -> bool:
        """Whether a frame is painted; if so, its file is whole.

        Raises:
            WorkError: The disk refuses to say.
        """
        path = self.path(t)
        with disk_errors(path):
            return path.is_file()

    def write(self, t: int, regions: Mapping[int, Region]) -> None:
        """Paint a frame, in the place of an older one if there is any.

        Args:
            t: The frame.
            regions: By track label, ([z,] y, x) frame voxels; each has some, none overlap.

        Raises:
            ValueError: A region leaves the frame, is empty, or lies on another one.
            WorkError: The disk refuses.
        """
        write_regions(self.path(t), regions, self.shape)
