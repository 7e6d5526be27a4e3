"""A tiny dataset with all that following cells needs: a movie of volumes, seeds, initial tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray

from sam4ct.io.follow.centroids import Centroids, write_centroids
from sam4ct.io.ome_zarr.metadata import ome_metadata

SHAPE = (4, 12, 14)
FRAMES = 2
LABELS = np.zeros(SHAPE, np.uint16)
LABELS[0:3, 2:5, 6:8] = 7
LABELS[3, 9:12, 0:3] = 3
PLACES = {3: (3.0, 10.0, 1.0), 7: (1.0, 3.0, 6.5)}
"""Centroids of `LABELS`."""


def movie(frames: int = FRAMES, shape: tuple[int, ...] = SHAPE) -> NDArray[np.uint16]:
    rng = np.random.default_rng(0)
    return rng.integers(1, 999, (frames, *shape)).astype(np.uint16)


def save(path: Path, frame: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, frame, photometric="minisblack", compression="zlib")
    return path


def write_zarr(path: Path, frames: NDArray[np.generic], chunks: tuple[int, ...]) -> Path:
    group = zarr.create_group(path, attributes=ome_metadata("01", frames.ndim - 1, None))
    group.create_array("0", shape=frames.shape, chunks=chunks, dtype=frames.dtype)[...] = frames
    return path


def make_tracked(folder: Path, name: str = "01", *, as_zarr: bool = False) -> Path:
    """Write a sequence, of which everything lies where it is looked for; return its dataset."""
    dataset = folder / "Tiny"
    if as_zarr:
        write_zarr(dataset / f"{name}.zarr", movie(), (1, 2, 6, 7))
    else:
        for t, frame in enumerate(movie()):
            save(dataset / name / f"t{t:03d}.tif", frame)
    (dataset / f"{name}_SEEDS").mkdir()
    for t in range(FRAMES):
        (dataset / f"{name}_SEEDS" / f"t{t:03d}.csv").write_text("z,y,x\n1,3,6\n")
    (dataset / f"{name}_INIT").mkdir()
    write_centroids(dataset / f"{name}_INIT" / "tracks.json", Centroids(0, PLACES))
    return dataset
