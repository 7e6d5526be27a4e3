"""Small Zarr movies on disk: one array a frame, or one array for the whole movie."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import zarr

from sam4ct.io.ome_zarr.array import EVERY_CHUNK
from sam4ct.io.ome_zarr.metadata import ome_metadata

MOVIE = np.random.default_rng(0).integers(1, 999, (3, 6, 20, 30)).astype(np.uint16)
CHUNKS = (4, 8, 16)
SPACING = (2.0, 0.5, 0.25)
ZarrFormat = Literal[2, 3]
MOVIE_CHUNKS = (1, 4, 8, 16)


def write_array(path: Path, frame: np.ndarray, version: ZarrFormat = 3, **how: object) -> Path:
    """A bare array."""
    chunks = (*(1,) * (frame.ndim - len(CHUNKS)), *CHUNKS[-frame.ndim :])
    dtype = how.pop("dtype", frame.dtype)
    array = zarr.create_array(
        path, shape=frame.shape, chunks=chunks, dtype=dtype, zarr_format=version, **how
    )
    array[...] = frame
    return path


def write_image(
    path: Path, frame: np.ndarray, axes: str = "zyx", version: ZarrFormat = 3, **attributes: object
) -> Path:
    """An OME-Zarr image: version 0.5 in Zarr 3, 0.4 in Zarr 2."""
    scale = [1.0] * (len(axes) - 3) + [*SPACING][-min(3, len(axes)) :]
    image = {
        "axes": [{"name": a} | ({"unit": "micrometer"} if a in "zyx" else {}) for a in axes],
        "datasets": [
            {"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        ],
    }
    said = {"multiscales": [image]}
    attributes |= {"ome": {"version": "0.5", **said}} if version == 3 else said
    zarr.create_group(path, zarr_format=version, attributes=attributes)
    write_array(path / "s0", frame, version)
    return path


def write_folder(path: Path, movie: np.ndarray = MOVIE) -> Path:
    for t, frame in enumerate(movie):
        write_image(path / f"t{t:03d}.zarr", frame)
    return path


def write_group(
    path: Path, movie: np.ndarray = MOVIE, name: str = "{}", version: ZarrFormat = 3
) -> Path:
    zarr.create_group(path, zarr_format=version)
    for t, frame in enumerate(movie):
        write_array(path / name.format(t), frame, version)
    return path


def write_ours(path: Path, movie: np.ndarray = MOVIE) -> None:
    """A movie as this package writes it."""
    attributes = ome_metadata("01", movie.ndim - 1, (2.0, 0.5, 0.25)) | {EVERY_CHUNK: True}
    group = zarr.create_group(path, attributes=attributes)
    group.create_array("0", shape=movie.shape, chunks=MOVIE_CHUNKS[: movie.ndim], dtype=movie.dtype)
    group["0"][...] = movie
