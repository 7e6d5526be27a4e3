"""The images of a simulated embryo on disk: one sparse OME-Zarr, or one TIFF a frame.

Owns the camera's counts. A Zarr is written tile by tile, and chunks without light are not
written; a TIFF is written plane by plane, holding the lit part of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.io.files import frame_name
from sam4ct.io.ome_zarr import Movie, create_movie
from sam4ct.io.simulated.movie import PIXEL_UM
from sam4ct.io.tiff import stack_options, write_planes
from sam4ct.profile import Spacing
from sam4ct.simulate.embryo.movie import EmbryoFrame, EmbryoLaw
from sam4ct.simulate.looks import Image

COUNTS = 2000.0
"""Counts of the inside of a cell of brightness 1; there are none without light."""

ImageWriter = Callable[[EmbryoFrame], None]
"""Writes the image of the next frame."""


def zarr_images(
    target: Path, name: str, law: EmbryoLaw, chunks: Sequence[int] | None = None
) -> ImageWriter:
    """Make an OME-Zarr for the images of an embryo.

    Args:
        target: The Zarr folder.
        name: Shown by viewers.
        law: The embryo.
        chunks: (1, z, y, x); None: those of `convert`.
    """
    movie = Movie(name, law.frames, law.shape, "uint16", _spacing_um(law))
    array = create_movie(target, movie, every_chunk=False, chunks=chunks)

    def write(frame: EmbryoFrame) -> None:
        for place, tile in frame.tiles():
            index: tuple[int | slice, ...] = (frame.t, *place)
            array[index] = _counts(tile)

    return write


def tiff_images(folder: Path, law: EmbryoLaw, digits: int) -> ImageWriter:
    """Make `tNNN.tif`, which state their spacing, for the images of an embryo."""

    def write(frame: EmbryoFrame) -> None:
        path = folder / frame_name("t", frame.t, digits)
        write_planes(path, _planes(frame), law.shape, stack_options(_spacing_um(law)))

    return write


def _planes(frame: EmbryoFrame) -> Iterator[NDArray[np.uint16]]:
    depth, height, width = frame.law.shape
    tiles = [(place, _counts(tile)) for place, tile in frame.tiles()]
    for z in range(depth):
        plane = np.zeros((height, width), np.uint16)
        for (slices, *place), tile in tiles:
            if slices.start <= z < slices.stop:
                plane[tuple(place)] = tile[z - slices.start]
        yield plane


def _spacing_um(law: EmbryoLaw) -> Spacing:
    return law.anisotropy * PIXEL_UM, PIXEL_UM, PIXEL_UM


def _counts(tile: Image) -> NDArray[np.uint16]:
    """Return light as a 16-bit camera would give it."""
    return np.asarray(np.clip(np.rint(COUNTS * tile), 0.0, 65535.0), dtype=np.uint16)
