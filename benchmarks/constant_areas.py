"""Cells whose masks never change their size: is any of them ever taken for another?

    python benchmarks/constant_areas.py [--seeds 10] [--ndim 2 3] [--evidence overlap]

Discs and balls of a few radii, as spot detectors paint them, take whole-pixel steps or none and
never come near each other, so the right links are plain. Prints how many cells changed their
track in each kind of run, and exits 1 if any did.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from sam4ct.io.tiff import read_frame
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.dispatch import find_runs

RADII = (4, 5, 6)
SHAPES = {2: (160, 160), 3: (24, 112, 112)}
CELLS = {2: 40, 3: 24}
FRAMES, GAP = 6, 2

Movie = list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]
"""Image, shuffled masks and truth of every frame."""


def balls(seed: int, ndim: int, step: int) -> Movie:
    """Draw a movie of discs or balls that step by up to `step` pixels along every axis."""
    rng = np.random.default_rng(seed)
    shape = np.array(SHAPES[ndim])
    grid = np.moveaxis(np.indices(SHAPES[ndim]), 0, -1)
    radii: list[int] = []
    places: list[NDArray[Any]] = []
    while len(places) < CELLS[ndim]:
        radius = int(rng.choice(RADII))
        place = rng.integers(radius + 2, shape - radius - 2)
        if _clear(place, radius + GAP, places, radii):
            places.append(place)
            radii.append(radius)
    movie = []
    for t in range(FRAMES):
        if t and step:
            for i, place in enumerate(places):
                others = places[:i] + places[i + 1 :], radii[:i] + radii[i + 1 :]
                for _ in range(20):
                    there = place + rng.integers(-step, step + 1, ndim)
                    inside = (there > radii[i] + 1) & (there < shape - radii[i] - 2)
                    if inside.all() and _clear(there, radii[i] + GAP, *others):
                        places[i] = there
                        break
        truth = np.zeros(shape, np.uint16)
        image = rng.normal(100.0, 8.0, shape)
        for i, (place, radius) in enumerate(zip(places, radii, strict=True)):
            cell = np.linalg.norm(grid - place, axis=-1) <= radius
            truth[cell] = i + 1
            image[cell] += 300 + 20 * (i % 9)
        shuffled = np.append(0, rng.permutation(len(places)) + 1).astype(np.uint16)
        movie.append((image.clip(0, 65535).astype(np.uint16), shuffled[truth], truth))
    return movie


def _clear(
    place: NDArray[Any], radius: int, others: Sequence[NDArray[Any]], radii: Sequence[int]
) -> bool:
    return all(
        np.linalg.norm(place - other) > radius + r for other, r in zip(others, radii, strict=True)
    )


def swapped(movie: Movie, dataset: Path, options: Options) -> int:
    """Run a movie, and return how many cells are not one track from the first frame to the last."""
    for t, (image, masks, _) in enumerate(movie):
        for folder, name, frame in (("01", "t", image), ("01_ERR_SEG", "mask", masks)):
            (dataset / folder).mkdir(parents=True, exist_ok=True)
            path = dataset / folder / f"{name}{t:03d}.tif"
            tifffile.imwrite(path, frame, photometric="minisblack")
    (run,) = find_runs(dataset, ["01"], None, options)
    run.execute()
    painted = [read_frame(run.sequence.result_dir / f"mask{t:03d}.tif") for t in range(FRAMES)]
    cells = range(1, int(movie[0][2].max()) + 1)
    tracks = [
        {
            tuple(np.unique(found[truth == i]))
            for found, (*_, truth) in zip(painted, movie, strict=True)
        }
        for i in cells
    ]
    return sum(len(found) != 1 for found in tracks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--ndim", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--evidence", nargs="+", default=["overlap", "fast", "sam2"])
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    wrong = 0
    for ndim, evidence in itertools.product(arguments.ndim, arguments.evidence):
        shipped = ["Fluo-N2DH-SIM+", "Fluo-N2DL-HeLa"] if ndim == 2 else ["Fluo-N3DH-SIM+"]
        for profile, step in itertools.product(["auto", *shipped], (3, 0)):
            counts = []
            for seed in range(arguments.seeds):
                options = Options(
                    profile=profile,
                    evidence="overlap" if evidence == "overlap" else "sam2",
                    fast=evidence == "fast",
                    report=False,
                )
                with tempfile.TemporaryDirectory() as folder:
                    counts.append(swapped(balls(seed, ndim, step), Path(folder) / "Discs", options))
            wrong += sum(counts)
            print(f"{ndim}D {evidence:8} {profile:16} step {step}: {counts}", flush=True)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
