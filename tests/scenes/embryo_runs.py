"""A small simulated embryo, and what a run of mode "track" left of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from scenes.commands import sam4ct

FRAMES = 5
FOLLOWED = 4
LAW = ["--size", 10, 128, 128, "--cells", 14, "--followed", FOLLOWED, "--seed", 3]
OVERLAP = ["--evidence", "overlap", "--no-report"]


def make_embryo(folder: Path, *options: object, dataset: str = "Embryo") -> Path:
    """Simulate an embryo; return its dataset. Options of its form leave the images as they are."""
    law = [*LAW, "--frames", FRAMES, "--dataset", dataset]
    made = sam4ct("-q", "simulate-embryo", folder, *law, *options)
    assert made.status == 0, made.err
    return folder / dataset


def run(dataset: Path, result: Path, *options: object) -> None:
    ran = sam4ct("-q", "run", dataset, "--out", result, *(options or OVERLAP))
    assert ran.status == 0, ran.err


def work_of(result: Path) -> Path:
    return result.with_name(f"{result.name}.sam4ct")


def masks(result: Path) -> dict[str, bytes]:
    """Return the files of a result."""
    return {path.name: path.read_bytes() for path in sorted(result.iterdir())}


def written(result: Path) -> dict[str, bytes]:
    """Return what must be the same: masks, res_track.txt and the links."""
    return {**masks(result), "links": (work_of(result) / "links.parquet").read_bytes()}


def record(result: Path) -> dict[str, Any]:
    return dict(json.loads((work_of(result) / "run.json").read_bytes()))


def tracks(result: Path) -> list[tuple[int, ...]]:
    """Return the rows L B E P of a result."""
    lines = (result / "res_track.txt").read_text().splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def as_zarr_2(path: Path) -> None:
    """Write the movie of a Zarr folder anew, as OME-Zarr 0.4 in Zarr 2."""
    voxels, image = read_movie(path)
    metadata = {"multiscales": [{**image, "version": "0.4"}]}
    older = zarr.create_group(path, attributes=metadata, zarr_format=2, overwrite=True)
    write_array(older, voxels, (1, 4, 64, 64))


def as_zarr_frames(path: Path, folder: Path) -> None:
    """Write the movie of a Zarr folder anew, as one OME-Zarr image a frame."""
    voxels, image = read_movie(path)
    (array,) = image["datasets"]
    (scale,) = array["coordinateTransformations"]
    of_frame = {**array, "coordinateTransformations": [{**scale, "scale": scale["scale"][1:]}]}
    metadata = {"ome": {"multiscales": [{"axes": image["axes"][1:], "datasets": [of_frame]}]}}
    for t, frame in enumerate(voxels):
        group = zarr.create_group(folder / f"t{t:03d}.zarr", attributes=metadata, overwrite=True)
        write_array(group, frame, (4, 64, 64))
    shutil.rmtree(path)


def read_movie(path: Path) -> tuple[NDArray[np.uint16], dict[str, Any]]:
    """Return all voxels of a Zarr folder, (t, z, y, x), and what it says of them."""
    group = zarr.open_group(path, mode="r")
    (image,) = group.attrs["ome"]["multiscales"]
    return group["0"][...], image


def write_array(group: zarr.Group, voxels: NDArray[np.uint16], chunks: tuple[int, ...]) -> None:
    group.create_array("0", shape=voxels.shape, chunks=chunks, dtype=voxels.dtype)[...] = voxels
