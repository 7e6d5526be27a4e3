"""Frames and windows of a movie in an OME-Zarr folder, reading no more than is asked for.

Reads what `sam4ct convert` writes (Zarr 3, OME-Zarr 0.5) and what others write as
OME-Zarr 0.4 or 0.5: one array with t first. What an array is is left to `ome_zarr.array`,
movies of one array a frame to `ome_zarr.frames`, writing to `ome_zarr.writer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import zarr

from sam4ct.errors import SequenceError
from sam4ct.io.files import refuse_not_finite
from sam4ct.io.ome_zarr.array import image_array, open_node
from sam4ct.io.ome_zarr.metadata import AXES
from sam4ct.io.tiff import Frame
from sam4ct.profile import Spacing


class ZarrVolumes:
    """The frames of one movie, ([z,] y, x), by frame number. Nothing is kept between calls."""

    def __init__(self, path: Path) -> None:
        """Open a folder and check its metadata; no voxel is read.

        Args:
            path: The OME-Zarr group.

        Raises:
            SequenceError: It is no Zarr, its array is missing or has other axes than
                t, [z,] y, x, or it has channels.
        """
        node = open_node(path)
        if not isinstance(node, zarr.Group):
            raise SequenceError(
                f"{path}: is a bare Zarr array, which does not say what its axes are."
                " Give an OME-Zarr group, e.g. the folder above."
            )
        self._image = image_array(path, node, time=AXES[:1])
        self._info = self._image.info

    @property
    def frames(self) -> int:
        return self._info.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x)."""
        return self._info.shape[1:]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._info.dtype

    @property
    def piece(self) -> tuple[int, ...]:
        """The chunks, ([z,] y, x): what is decoded at once; parts of one cost as much."""
        return self._image.piece[1:]

    @property
    def spacing_um(self) -> Spacing:
        """Size of a voxel (z, y, x) as the file says; 1 where it does not."""
        return self._image.spacing_um

    def frames_of(self, file: Path) -> range:
        """Return the frames of which a file of the movie has voxels; none for metadata."""
        return self._image.frames_of(file)

    def frame(self, t: int) -> Frame:
        """Return a whole frame, ([z,] y, x); see `window`."""
        return self.window(t, [slice(None)] * len(self.shape))

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """Return a part of a frame; it equals `frame(t)[tuple(window)]`.

        Args:
            t: Frame number.
            window: One slice per axis, ([z,] y, x), with steps of one.

        Raises:
            SequenceError: A chunk is missing or damaged, or has NaN or infinite voxels there.
        """
        if not 0 <= t < self.frames or len(window) != len(self.shape):
            raise ValueError(f"window {t}, {window} of {self.frames} frames of {self.shape}")
        part: Frame = self._image.window([slice(t, t + 1), *window])[0]
        refuse_not_finite(f"{self._image.path}: frame {t}", part)
        return part
