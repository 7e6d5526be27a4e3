"""Make an empty OME-Zarr 0.5 movie: chunks, compression and metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from sam4ct.io.ome_zarr.array import EVERY_CHUNK
from sam4ct.io.ome_zarr.metadata import ARRAY, movie_axes, ome_metadata
from sam4ct.profile import Spacing

CHUNK_SIDE = 128
"""Most voxels of a chunk along an axis of a volume: windows of the networks have this side."""
CHUNK_SIDE_2D = 512
CHUNK_BYTES = 1 << 20
"""Most bytes of a chunk before compression: a window then decodes few voxels outside of it, and a
frame of gigabytes has some thousand files."""


@dataclass(frozen=True)
class Movie:
    """What a movie is; a conversion that was begun with other values starts again."""

    name: str
    frames: int
    shape: tuple[int, ...]
    """Shape of every frame, ([z,] y, x)."""
    dtype: str
    spacing_um: Spacing | None
    """Size of a voxel (z, y, x); None: unknown."""


def chunk_shape(shape: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Return the shape of chunks (1, [z,] y, x) for frames ([z,] y, x): equal parts of axes."""
    *depth, height, width = shape
    side = CHUNK_SIDE if depth else CHUNK_SIDE_2D
    plane = _even_part(height, side), _even_part(width, side)
    most = max(1, min(CHUNK_SIDE, CHUNK_BYTES // (itemsize * prod(plane))))
    return (1, *(_even_part(n, most) for n in depth), *plane)


def _even_part(n: int, most: int) -> int:
    return ceil(n / ceil(n / most))


def create_movie(
    folder: Path, movie: Movie, *, every_chunk: bool, chunks: Sequence[int] | None = None
) -> zarr.Array[Any]:
    """Make a Zarr group with an array of zeros for a movie, and return the array.

    Args:
        folder: Becomes the group.
        movie: Shape, type and spacing.
        every_chunk: Whether every chunk will be written, so that readers take an absent chunk
            for lost; else an absent chunk is zeros.
        chunks: (1, [z,] y, x); None: `chunk_shape`.
    """
    attributes = ome_metadata(movie.name, len(movie.shape), movie.spacing_um)
    promise = {EVERY_CHUNK: True} if every_chunk else {}
    group = zarr.create_group(folder, zarr_format=3, attributes={**attributes, **promise})
    return group.create_array(
        ARRAY,
        shape=(movie.frames, *movie.shape),
        chunks=tuple(chunks or chunk_shape(movie.shape, np.dtype(movie.dtype).itemsize)),
        dtype=movie.dtype,
        # Bit planes of few-bit cameras compress to nothing.
        compressors=BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle"),
        dimension_names=movie_axes(len(movie.shape)),
    )
