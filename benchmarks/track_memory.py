"""Measure that the memory of following cells does not grow with the volume.

    python benchmarks/track_memory.py               frames of 1 and 2 GB, about ten minutes
    python benchmarks/track_memory.py --side 1024   smaller ones

Simulates two embryos of the same cells in sparse volumes, 32 x SIDE x SIDE and twice as
long, and prints for `sam4ct run` on each: the peak memory (resident set, networks
included), the time per region that was looked at, and that per painted frame. Exits 1
above 2.5 GB, or if the larger volume takes more than 1.1 times the memory of the smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, str(ROOT / "entrypoint.py"), "-q"]
MOST_MB = 2500.0
LARGEST_RATIO = 1.1


def simulated(folder: Path, shape: tuple[int, int, int], cells: int, frames: int) -> Path:
    """Write an embryo of so many cells in a volume of a shape."""
    name = "x".join(map(str, shape))
    size = ["--size", *map(str, shape), "--cells", str(cells), "--frames", str(frames)]
    subprocess.run(
        [*PROGRAM, "simulate-embryo", str(folder), "--dataset", name, *size],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / name


def measured(dataset: Path) -> tuple[float, str]:
    """Run an embryo in a process of its own; return its peak memory, in MB, and all in words."""
    process = subprocess.Popen(
        [*PROGRAM, "run", str(dataset), "--device", "cpu"], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"the run failed with exit status {os.waitstatus_to_exitcode(status)}")
    run = json.loads((dataset / "01_RES.sam4ct" / "run.json").read_text())
    peak = usage.ru_maxrss / 1024  # Linux counts in kB
    counts, seconds = run["counts"], run["seconds"]
    return peak, (
        f"{dataset.name}: {peak:.0f} MB, {1000 * seconds['follow'] / counts['regions']:.0f} ms a"
        f" region ({counts['regions']} in {counts['frames']} frames),"
        f" {seconds['paint'] / counts['frames']:.2f} s a painted frame"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure peak memory against volume.")
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--cells", type=int, default=400)
    parser.add_argument("--frames", type=int, default=8)
    chosen = parser.parse_args()
    peaks = []
    with tempfile.TemporaryDirectory(prefix="sam4ct-memory-") as folder:
        for shape in ((32, chosen.side, chosen.side), (32, 2 * chosen.side, chosen.side)):
            dataset = simulated(Path(folder), shape, chosen.cells, chosen.frames)
            peak, words = measured(dataset)
            print(words, flush=True)
            peaks.append(peak)
    print(f"ratio {peaks[1] / peaks[0]:.2f}")
    return int(max(peaks) > MOST_MB or peaks[1] > LARGEST_RATIO * peaks[0])


if __name__ == "__main__":
    sys.exit(main())
