"""Measure `sam4ct seeds` on a large sparse volume: recall, precision, memory, time.

    python benchmarks/seeds.py                                  32 x 2048 x 2048, about a minute
    python benchmarks/seeds.py --shape 32 4096 4096             the same memory is expected
    python benchmarks/seeds.py --noise 25 --cells 2000

Draws frames of bright, slightly elongated cells with soft edges in camera and photon noise:
some lie apart, some touch others, in a disc that is a part of the frame only. A cell is found
if a seed is within half its diameter, one to one. The movie is written as Zarr, whose chunks far
from all cells are left out: there is a step at their edges. The command runs in a process of its
own; its peak memory is the resident set of all its threads. Exits 1 below recall .97 or
precision .95.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from sam4ct.io.follow import SeedFiles
from sam4ct.io.ome_zarr.metadata import ARRAY, ome_metadata

ROOT = Path(__file__).resolve().parents[1]
SPACING = (4.0, 1.0, 1.0)
DIAMETER = 16.0
GROUND = 30.0
FIELD = 0.35
"""Cells lie in a disc of so many frame sides across; the rest of the frame is empty."""
LEAST_RECALL, LEAST_PRECISION = 0.97, 0.95
Places = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """What is drawn."""

    shape: tuple[int, int, int]
    cells: int
    touching: float
    """Share of the cells that are put beside another one."""
    noise: float
    """Standard deviation of the camera's noise; that of light comes on top."""


def places_of(rng: Generator, scene: Scene) -> Places:
    """Draw centres in um, (n, 3), nowhere nearer than .9 diameters."""
    extent = np.array(scene.shape) * SPACING
    middle, reach = extent / 2.0, FIELD * extent[1:].min() / 2.0
    places: list[Places] = []
    while len(places) < scene.cells:
        if places and rng.random() < scene.touching:
            away = rng.normal(size=3)
            beside = places[rng.integers(len(places))]
            place = beside + DIAMETER * rng.uniform(0.95, 1.1) * away / np.linalg.norm(away)
        else:
            place = rng.uniform(0.0, extent)
        inside = np.linalg.norm((place - middle)[1:]) < reach
        if not inside or (place < DIAMETER / 3).any() or (place > extent - DIAMETER / 3).any():
            continue
        if not places or np.linalg.norm(np.array(places) - place, axis=1).min() > 0.9 * DIAMETER:
            places.append(place)
    return np.array(places)


def cells_of(rng: Generator, places: Places) -> list[tuple[Places, Places, float]]:
    """Draw radii (z, y, x) in um and a brightness for every place."""
    radii = DIAMETER / 2.0 * rng.uniform(0.85, 1.15, places.shape)
    return list(zip(places, radii, rng.uniform(60.0, 250.0, len(places)), strict=True))


def tile_of(
    rng: Generator,
    corner: tuple[int, ...],
    shape: tuple[int, ...],
    cells: list[tuple[Places, Places, float]],
    noise: float,
) -> NDArray[np.uint16]:
    """Draw a part of a frame."""
    clean = np.full(shape, GROUND)
    grid = np.stack(np.indices(shape), -1) + corner
    for place, radii, light in cells:
        low = np.clip((place - radii * 1.6) // SPACING - corner, 0, shape).astype(int)
        high = np.clip((place + radii * 1.6) // SPACING + 2 - corner, 0, shape).astype(int)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        far = np.linalg.norm((grid[box] * SPACING - place) / radii, axis=-1)
        clean[box] = np.maximum(clean[box], GROUND + light / (1.0 + np.exp(12.0 * (far - 1.0))))
    noisy = rng.poisson(clean) + noise * rng.standard_normal(shape)
    return noisy.clip(0, 65535).round().astype(np.uint16)


def write_movie(path: Path, rng: Generator, scene: Scene, frames: int) -> list[Places]:
    """Write a movie and return the true places, in voxels; tiles far from all cells are absent."""
    group = zarr.create_group(path, attributes=ome_metadata("01", 3, SPACING))
    chunk = (scene.shape[0], 128, 128)
    array = group.create_array(
        ARRAY, shape=(frames, *scene.shape), chunks=(1, *chunk), dtype=np.uint16
    )
    truth = []
    for t in range(frames):
        cells = cells_of(rng, places_of(rng, scene))
        tree = cKDTree([place[1:] for place, *_ in cells])
        for y in range(0, scene.shape[1], chunk[1]):
            for x in range(0, scene.shape[2], chunk[2]):
                near = tree.query_ball_point((y + 64.0, x + 64.0), 91.0 + DIAMETER)
                if near:
                    some = [cells[i] for i in near]
                    array[t, :, y : y + 128, x : x + 128] = tile_of(
                        rng, (0, y, x), chunk, some, scene.noise
                    )
        truth.append(np.array([place for place, *_ in cells]) / SPACING)
    return truth


def found_of(seeds: Places, truth: Places) -> int:
    """Count the cells with a seed of their own within half a diameter."""
    far = cdist(seeds * SPACING, truth * SPACING)
    near = far <= DIAMETER / 2.0
    return int(near[linear_sum_assignment(np.where(near, far, 1e6))].sum())


def peak_mb(command: list[str]) -> float:
    """Run a command; return the most memory that it had, in MB."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"the command failed with exit status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024  # Linux counts in kB


def main(scene: Scene, frames: int, workers: int, seed: int, folder: Path) -> int:
    truth = write_movie(folder / "01.zarr", np.random.default_rng(seed), scene, frames)
    program = [sys.executable, str(ROOT / "entrypoint.py"), "-q", "seeds"]
    options = ["--diameter", str(DIAMETER), "--workers", str(workers)]
    began = time.monotonic()
    memory = peak_mb([*program, str(folder / "01.zarr"), *options])
    seconds = (time.monotonic() - began) / frames
    files = SeedFiles(folder / "01_SEEDS", scene.shape)
    seeds = [files.seeds(t).places for t in range(frames)]
    hits = sum(found_of(mine, true) for mine, true in zip(seeds, truth, strict=True))
    recall, precision = hits / sum(map(len, truth)), hits / max(1, sum(map(len, seeds)))
    print(
        f"{' x '.join(map(str, scene.shape))}, {scene.cells} cells, noise {scene.noise:g}:"
        f" recall {recall:.3f}, precision {precision:.3f}, {memory:.0f} MB, {seconds:.1f} s a frame"
    )
    return int(recall < LEAST_RECALL or precision < LEAST_PRECISION)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the search for seeds.")
    parser.add_argument("--shape", nargs=3, type=int, default=[32, 2048, 2048])
    parser.add_argument("--cells", type=int, default=600)
    parser.add_argument("--touching", type=float, default=0.5)
    parser.add_argument("--noise", type=float, default=10.0)
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    drawn = Scene(tuple(chosen.shape), chosen.cells, chosen.touching, chosen.noise)
    with tempfile.TemporaryDirectory(prefix="sam4ct-seeds-") as folder:
        sys.exit(main(drawn, chosen.frames, chosen.workers, chosen.seed, Path(folder)))
