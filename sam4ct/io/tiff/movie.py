"""Frames and windows of a movie in a folder of TIFF files, reading no more than is asked for.

The same interface as `ome_zarr.movie`, for `SS/` as the challenge gives it: one file a frame,
`tNNN.tif`. How a window of one file is read is left to `tiff.windows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.files import file_ranges, frame_files, in_one_message, refuse_not_finite
from sam4ct.io.tiff.frame import Frame, FrameInfo, read_info
from sam4ct.io.tiff.shapes import unlike
from sam4ct.io.tiff.spacing import spacing_of
from sam4ct.io.tiff.windows import Layout, read_layout
from sam4ct.profile import Spacing

PREFIX = "t"
_LAYOUTS = 8
"""Files whose layout is remembered: reading that of a thousand slices takes a moment."""


class TiffVolumes:
    """The frames of one movie, ([z,] y, x), by frame number. No voxel is kept between calls."""

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
        self._info, self._piece = first.info, first.piece
        if self._info.dtype.kind not in "uif":
            raise SequenceError(
                f"{self.files[0]}: has the type {self._info.dtype}. Save frames as integers or"
                " floats."
            )

    @property
    def frames(self) -> int:
        return len(self.files)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x)."""
        return self._info.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._info.dtype

    @property
    def piece(self) -> tuple[int, ...]:
        """What is decoded at once in the first file, ([z,] y, x); parts of it cost as much."""
        return self._piece

    @cached_property
    def spacing_um(self) -> Spacing:
        """Size of a voxel (z, y, x) as the first file says; 1 where it does not."""
        return spacing_of(self.files[0]) or (1.0, 1.0, 1.0)

    def refuse_unlike(self) -> None:
        """Refuse a movie in which a frame is unlike the first, by the headers of all.

        Raises:
            SequenceError: One has another shape or type, or cannot be read.
        """
        for path in self.files:
            self._refuse_other(path, read_info(path))

    def frame(self, t: int) -> Frame:
        """Return a whole frame, ([z,] y, x); see `window`."""
        return self.window(t, [slice(None)] * len(self.shape))

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """Return a part of a frame; it equals `frame(t)[tuple(window)]`.

        Args:
            t: Frame number.
            window: One slice per axis, ([z,] y, x), with steps of one.

        Raises:
            SequenceError: The file is damaged, unlike the first in shape or type, or has NaN or
                infinite pixels there.
        """
        if not 0 <= t < self.frames or len(window) != len(self.shape):
            raise ValueError(f"window {t}, {window} of {self.frames} frames of {self.shape}")
        bounds = [part.indices(n)[:2] for part, n in zip(window, self.shape, strict=True)]
        inside = [slice(first, max(first, last)) for first, last in bounds]
        part = np.ascontiguousarray(self._layout(t).window(inside))
        refuse_not_finite(f"{self.files[t]}: the image", part)
        return part

    def _checked_layout(self, t: int) -> Layout:
        layout = read_layout(self.files[t])
        self._refuse_other(layout.path, layout.info)
        return layout

    def _refuse_other(self, path: Path, info: FrameInfo) -> None:
        if info != self._info:
            raise SequenceError(unlike(path, info, self.files[0], self._info))


def _complete(folder: Path) -> tuple[Path, ...]:
    """Return the frames of a folder, from 0 on and without gaps."""
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
