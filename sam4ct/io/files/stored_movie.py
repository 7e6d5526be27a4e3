"""Define a movie on disk, the same for all formats: its frames are read by window and checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam4ct.io.files.finite import refuse_not_finite

Frame = NDArray[np.generic]


@dataclass(frozen=True)
class FrameInfo:
    """Shape and type of a frame, known without reading its pixels."""

    shape: tuple[int, ...]
    """([z,] y, x)"""
    dtype: np.dtype[np.generic]
    """Type of the voxels, in the byte order of this machine."""


class StoredMovie(ABC):
    """The frames of one movie, by number. No voxel is kept between calls; a `VolumeReader`."""

    def __init__(self, frames: int, info: FrameInfo, piece: tuple[int, ...]) -> None:
        self.frames = frames
        self.info = info
        self.piece = piece
        """Shape that is decoded at once, ([z,] y, x): parts of it cost as much."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x)."""
        return self.info.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.info.dtype

    def frame(self, t: int) -> Frame:
        """Return a whole frame, ([z,] y, x); see `window`."""
        return self.window(t, [slice(None)] * len(self.shape))

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """Return a part of a frame; it equals `frame(t)[tuple(window)]`.

        Args:
            t: Frame number.
            window: One slice per axis, ([z,] y, x), with steps of one.

        Raises:
            SequenceError: The file is damaged or missing, unlike the first frame in shape or
                type, or has NaN or infinite pixels in the window.
        """
        if not 0 <= t < self.frames or len(window) != len(self.shape):
            raise ValueError(f"window {t}, {window} of {self.frames} frames of {self.shape}")
        bounds = [part.indices(n)[:2] for part, n in zip(window, self.shape, strict=True)]
        where, part = self._read(t, [slice(first, max(first, last)) for first, last in bounds])
        refuse_not_finite(where, part)
        return np.ascontiguousarray(part)

    @abstractmethod
    def _read(self, t: int, window: Sequence[slice]) -> tuple[str, Frame]:
        """Return how errors name a frame, and a part of it; all bounds are inside."""
