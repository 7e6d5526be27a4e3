"""Read a movie from a folder of TIFF files, one a frame: `t000.tif`, `t001.tif`, ..."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.files import (
    Frame,
    FrameInfo,
    StoredMovie,
    file_ranges,
    frame_files,
    in_one_message,
)
from sam4ct.io.tiff.frame import read_info
from sam4ct.io.tiff.shapes import unlike
from sam4ct.io.tiff.spacing import spacing_of, stated_sizes
from sam4ct.io.tiff.windows import Layout, read_layout
from sam4ct.profile import Spacing

PREFIX = "t"
_LAYOUTS = 8
"""Files whose layout is kept in memory: reading that of a thousand slices takes some time."""


class TiffVolumes(StoredMovie):
    """The frames of a folder `SS`."""

    def __init__(self, folder: Path) -> None:
        """Find the frames and read the header of the first.

        Args:
            folder: Holds `t000.tif`, `t001.tif` and so on, and nothing else.

        Raises:
            SequenceError: Frames are missing, other files lie among them, or the first
                one is no grayscale frame.
        """
        self.files = _complete(folder)
        """By frame number."""
        self._layout = lru_cache(maxsize=_LAYOUTS)(self._checked_layout)
        first = read_layout(self.files[0])
        super().__init__(len(self.files), first.info, first.piece)
        if self.dtype.kind not in "uif":
            raise SequenceError(
                f"{self.files[0]}: has the type {self.dtype}. Save frames as integers or floats."
            )

    @cached_property
    def spacing_um(self) -> Spacing:
        """Size of a voxel (z, y, x) in micrometres by the first file; 1 where it does not say."""
        return spacing_of(self.files[0]) or (1.0, 1.0, 1.0)

    @cached_property
    def interval_s(self) -> float:
        """Seconds between frames by the first file; nan where it does not say."""
        return stated_sizes(self.files[0])[1]

    def refuse_unlike(self) -> None:
        """Refuse a movie if the headers of its frames differ.

        Raises:
            SequenceError: A frame has another shape or type than the first, or cannot be read.
        """
        for path in self.files:
            self._refuse_other(path, read_info(path))

    def _read(self, t: int, window: Sequence[slice]) -> tuple[str, Frame]:
        return f"{self.files[t]}: the image", self._layout(t).window(window)

    def _checked_layout(self, t: int) -> Layout:
        layout = read_layout(self.files[t])
        self._refuse_other(layout.path, layout.info)
        return layout

    def _refuse_other(self, path: Path, info: FrameInfo) -> None:
        if info != self.info:
            raise SequenceError(unlike(path, info, self.files[0], self.info))


def _complete(folder: Path) -> tuple[Path, ...]:
    """Return the frames of a folder; refuse a folder with gaps."""
    found = frame_files(folder, PREFIX)
    if not found.files:
        raise SequenceError(
            in_one_message(found.problems)
            or f"{folder}: holds no frames. Put t000.tif, t001.tif, ... there."
        )
    problems = list(found.problems)
    if missing := set(range(max(found.files) + 1)) - set(found.files):
        problems.append(
            f"{folder}: {file_ranges(PREFIX, missing, found.digits)} missing. Add these frames,"
            " or renumber from 0 without gaps."
        )
    if problems:
        raise SequenceError(in_one_message(problems))
    return tuple(found.files.values())
