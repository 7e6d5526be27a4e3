"""Write a simulated embryo as a dataset: images, seeds, initial tracks and ground truth.

    DATASET/
      01.zarr/       the images, OME-Zarr; or 01/tNNN.tif
      01_SEEDS/      tNNN.csv, what an imperfect detector found
      01_INIT/       tracks.json, the cells to follow and where they begin
      01_GT/TRA/     man_trackNNN.tif and man_track.txt: the cells to follow and their descendants
      01_GT/         cells.parquet: every cell of every frame (`CellTruth`)

No whole frame is in memory: a Zarr is written tile by tile, without chunks that have no light, a
TIFF plane by plane, masks strip by strip. Equal arguments give equal bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.intensity import Image
from sam4ct.io.ctc import write_tracks
from sam4ct.io.files import frame_name
from sam4ct.io.follow import Centroids, write_centroids
from sam4ct.io.ome_zarr import Movie, create_movie
from sam4ct.io.simulated.movie import PIXEL_UM, SEQUENCE, new_dataset
from sam4ct.io.simulated.seeds import SEED_FORMATS, write_seed_file
from sam4ct.io.tiff import TIFF_BYTES, stack_options, write_planes, write_regions
from sam4ct.io.work import write_table
from sam4ct.profile import Spacing
from sam4ct.regions import Region
from sam4ct.simulate import Truth
from sam4ct.simulate.embryo.movie import EmbryoFrame, EmbryoLaw, simulate_embryo
from sam4ct.simulate.embryo.seeds import SeedErrors, damaged_seeds
from sam4ct.tables import Flags, Floats, Ints, Table

logger = logging.getLogger(__name__)

COUNTS = 2000.0
"""Camera counts inside a cell of brightness 1; 0 without light."""

ImageWriter = Callable[[EmbryoFrame], None]
"""Writes the image of the next frame."""


@dataclass(frozen=True)
class CellTruth(Table):
    """One row for each cell and frame, by frame and label; also cells that are not followed."""

    t: Ints
    label: Ints
    """As in the masks and `man_track.txt`, which hold only the cells to follow."""
    parent: Ints
    """Label of its mother; 0 for a cell of the first frame."""
    z: Floats
    y: Floats
    x: Floats
    """Its centre, voxels."""
    radius: Floats
    """Mean radius, in-plane pixels."""
    followed: Flags
    """Whether it is a cell to follow, or a descendant of one."""


@dataclass(frozen=True, kw_only=True)
class EmbryoFiles:
    """File formats of an embryo; the frames do not depend on them."""

    tiff: bool = False
    """Images as one TIFF a frame, not as one Zarr."""
    seeds: str = "plain"
    """One of `SEED_FORMATS`."""
    digits: int = 3
    """Width of the frame numbers."""
    chunks: Sequence[int] | None = None
    """Chunks of the Zarr, (1, z, y, x); None: those of `convert`."""


def write_embryo(
    folder: Path,
    dataset: str,
    law: EmbryoLaw,
    errors: SeedErrors,
    seed: int,
    files: EmbryoFiles | None = None,
) -> Path:
    """Simulate an embryo and write it as sequence 01 of a dataset, complete or not at all.

    Some tiles are in memory; with `tiff`, the bright part of a frame.

    Args:
        folder: Where the dataset's folder is made.
        dataset: Its name.
        law: The embryo.
        errors: Errors of the seeds. The images do not depend on them.
        seed: Seed of all random numbers.
        files: File formats.

    Returns:
        The dataset's folder.

    Raises:
        SequenceError: It exists, the volume is too small for the cells, or it has more frames,
            tracks or voxels than the files can hold.
        WorkError: The disk refuses.
    """
    files = files or EmbryoFiles()
    if files.tiff and prod(law.shape) * np.dtype(np.uint16).itemsize > TIFF_BYTES:
        raise SequenceError(
            f"{folder / dataset}: frames of {' x '.join(map(str, law.shape))} voxels are too"
            " large for TIFF files that state their spacing. Write a Zarr, or a smaller size."
        )
    with new_dataset(folder, dataset, law.frames, files.digits) as hidden:
        _write_sequence(hidden, dataset, law, errors, np.random.SeedSequence(seed), files)
    return folder / dataset


def _write_sequence(
    folder: Path,
    dataset: str,
    law: EmbryoLaw,
    errors: SeedErrors,
    seed: np.random.SeedSequence,
    files: EmbryoFiles,
) -> None:
    # Two streams, so that other errors leave the embryo as it was.
    life, detector = seed.spawn(2)
    rng = np.random.default_rng(detector)
    truth_folder = folder / f"{SEQUENCE}_GT"
    tra = truth_folder / "TRA"
    if files.tiff:
        write_image = _tiff_images(folder / SEQUENCE, law, files.digits)
    else:
        write_image = _zarr_images(folder / f"{SEQUENCE}.zarr", dataset, law, files.chunks)
    truth, rows, followed = Truth(), [], set[int]()
    for frame in simulate_embryo(life, law):
        write_image(frame)
        regions, cells = _labelled(frame, truth)
        followed |= set(regions)
        rows.append(cells)
        mask = tra / frame_name("man_track", frame.t, files.digits)
        write_regions(mask, regions, law.shape)
        seeds = damaged_seeds(rng, frame.cells, law.shape, law.scale(), errors)
        kind = SEED_FORMATS[files.seeds]
        write_seed_file(folder / f"{SEQUENCE}_SEEDS", frame.t, seeds, kind, files.digits)
        if frame.t == 0:
            places = {label: tuple(r.centroid.tolist()) for label, r in sorted(regions.items())}
            write_centroids(folder / f"{SEQUENCE}_INIT" / "tracks.json", Centroids(0, places))
        logger.info("frame %d: %d cells, %d to follow", frame.t, len(cells), len(regions))
    write_tracks(tra / "man_track.txt", [t for t in truth.tracks() if t.label in followed])
    write_table(truth_folder / "cells.parquet", CellTruth.concat(rows))


def _labelled(frame: EmbryoFrame, truth: Truth) -> tuple[dict[int, Region], CellTruth]:
    """Return the visible regions of the cells to follow, by track label, and a table of all cells.

    A cell to follow that is not visible is not in the table either.
    """
    regions = frame.regions()
    cells = [c for c in frame.cells if c.label in regions or c.label not in frame.followed]
    labels = truth.number([c.label for c in cells], {c.label: c.parent for c in cells})
    parents = {track.label: track.parent for track in truth.tracks()}
    cells.sort(key=lambda c: labels[c.label])
    places = np.array([c.position for c in cells]).reshape(-1, 3) / frame.law.scale()
    own = [labels[c.label] for c in cells]
    table = CellTruth(
        t=np.full(len(cells), frame.t),
        label=np.array(own, np.int64),
        parent=np.array([parents[label] for label in own], np.int64),
        **{axis: places[:, i] for i, axis in enumerate("zyx")},
        radius=np.array([c.radius for c in cells], float),
        followed=np.array([c.label in regions for c in cells], bool),
    )
    return {labels[label]: region for label, region in regions.items()}, table


def _zarr_images(
    target: Path, name: str, law: EmbryoLaw, chunks: Sequence[int] | None
) -> ImageWriter:
    """Make an OME-Zarr for the images of an embryo; `name` is shown by viewers."""
    movie = Movie(name, law.frames, law.shape, "uint16", _spacing_um(law))
    array = create_movie(target, movie, every_chunk=False, chunks=chunks)

    def write(frame: EmbryoFrame) -> None:
        for place, tile in frame.tiles():
            index: tuple[int | slice, ...] = (frame.t, *place)
            array[index] = _counts(tile)

    return write


def _tiff_images(folder: Path, law: EmbryoLaw, digits: int) -> ImageWriter:
    """Return a writer of `tNNN.tif`, which state their spacing."""

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
    """Return the counts of a 16-bit camera."""
    return np.asarray(np.clip(np.rint(COUNTS * tile), 0.0, 65535.0), dtype=np.uint16)
