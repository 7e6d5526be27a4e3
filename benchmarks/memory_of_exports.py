"""Measure the memory of importing and exporting a movie of 2 GB.

    python benchmarks/memory_of_exports.py                        about ten minutes, 10 GB of disk
    python benchmarks/memory_of_exports.py --frames 16 --to csv   a small one, one format

Draws a TIFF stack of images of 2048 x 2048 pixels, 16 bits, with 100 cells that move, and their
masks. Imports both, takes the masks for a result, and exports it in each format. Prints the peak
memory (resident set) of each command; exits 1 if one takes 1 GB or more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, str(ROOT / "entrypoint.py"), "-q"]
SIDE, GRID, RADIUS = 2048, 10, 20
FORMATS = ("geff", "napari", "csv", "trackmate", "ome-zarr")
LARGEST_MB = 1000.0


def masks(frames: int) -> Iterator[np.ndarray]:
    """Yield frames of a hundred discs, each with the same label in all frames."""
    inside = np.add.outer(*(np.arange(-RADIUS, RADIUS + 1) ** 2,) * 2) <= RADIUS**2
    for t in range(frames):
        frame = np.zeros((SIDE, SIDE), np.uint16)
        for cell in range(GRID**2):
            y, x = (n * SIDE // GRID + 2 * RADIUS + t % RADIUS for n in divmod(cell, GRID))
            frame[y : y + 2 * RADIUS + 1, x : x + 2 * RADIUS + 1][inside] = cell + 1
        yield frame


def images(frames: int) -> Iterator[np.ndarray]:
    """Yield the same discs, bright, in noise."""
    noise = np.random.default_rng(1).integers(100, 400, (SIDE, SIDE), np.uint16)
    for t, frame in enumerate(masks(frames)):
        yield np.roll(noise, t) + np.uint16(2000) * (frame > 0)


def write_stack(path: Path, planes: Iterator[np.ndarray], frames: int, **how: object) -> Path:
    said = {"axes": "TYX", "unit": "um", "finterval": 60.0}
    shape = (frames, SIDE, SIDE)
    kind = {"dtype": np.uint16, "imagej": True, "resolution": (2, 2), "metadata": said}
    tifffile.imwrite(path, planes, shape=shape, **kind, **how)
    return path


def peak_mb(*command: object) -> float:
    """Run a command in a process of its own; return the most memory that it had, in MB."""
    process = subprocess.Popen([*PROGRAM, *map(str, command)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed with exit status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024  # Linux counts in kB


def main(folder: Path, frames: int, formats: list[str]) -> int:
    movie = write_stack(folder / "movie.tif", images(frames), frames)
    labels = write_stack(folder / "masks.tif", masks(frames), frames, compression="zlib")
    print(f"a movie of {movie.stat().st_size / 1e9:.2f} GB", flush=True)
    commands: dict[str, list[object]] = {"import": ["import", movie, labels, folder / "DS"]}
    result = folder / "DS" / "01_RES"
    for name in formats:
        commands[name] = ["export", result, "--to", name]
    peaks = []
    for name, command in commands.items():
        began = time.monotonic()
        peaks.append(peak_mb(*command))
        seconds = time.monotonic() - began
        print(f"{name}: {peaks[-1]:.0f} MB, {seconds:.0f} s", flush=True)
        if name == "import":
            (folder / "DS" / "01_ERR_SEG").rename(result)
            rows = (f"{cell} 0 {frames - 1} 0\n" for cell in range(1, GRID**2 + 1))
            (result / "res_track.txt").write_text("".join(rows))
            movie.unlink()
    return int(max(peaks) >= LARGEST_MB)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure peak memory of import and export.")
    parser.add_argument("--frames", type=int, default=256)
    parser.add_argument("--to", nargs="+", choices=FORMATS, default=list(FORMATS))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sam4ct-memory-") as made:
        sys.exit(main(Path(made), chosen.frames, chosen.to))
