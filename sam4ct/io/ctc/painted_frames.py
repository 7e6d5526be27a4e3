"""Write mask frames of large volumes one by one into the work folder.

A killed run continues with the frames that are not there. `result` then checks the frames against
the tracks and moves them into the result folder.
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
    """The mask frames of one sequence; a `RegionWriter` that takes frames in any order."""

    folder: Path
    """Holds the frames until the result is complete; made with the first frame."""
    shape: tuple[int, ...]
    """Shape of every frame, ([z,] y, x)."""
    digits: int = 3
    """Width of the frame numbers, as in the input."""

    def path(self, t: int) -> Path:
        """Return the file of a frame, existing or not."""
        return self.folder / frame_name(MASK, t, self.digits)

    def has(self, t: int) -> bool:
        """Whether a frame is written; then its file is whole.

        Raises:
            WorkError: The folder cannot be read.
        """
        path = self.path(t)
        with disk_errors(path):
            return path.is_file()

    def write(self, t: int, regions: Mapping[int, Region]) -> None:
        """Write a frame; it replaces an older one.

        Args:
            t: The frame.
            regions: By track label, ([z,] y, x) frame voxels; each has some, none overlap.

        Raises:
            ValueError: A region leaves the frame, is empty, or lies on another one.
            WorkError: The disk refuses.
        """
        write_regions(self.path(t), regions, self.shape)
