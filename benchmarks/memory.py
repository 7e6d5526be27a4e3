"""Measure that the memory of a run hardly grows with the length of its sequence.

    python benchmarks/memory.py                     about five minutes on two cores
    python benchmarks/memory.py --evidence overlap  about one

Simulates two sequences of the same small frames with few cells, one of 50 frames,
one of 1,000, and prints the peak memory (resident set) of `sam4ct run` on each.
Images and masks are read a few at a time; only tables grow, and the association
holds all of them at once. The longer run may take 1.2 times the memory of the
shorter; exits 1 if it takes more. With plain overlap there is no network in memory,
so the same tables weigh more against the rest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, str(ROOT / "entrypoint.py"), "-q"]
LARGEST_RATIO = 1.2


def simulated(folder: Path, frames: int) -> Path:
    """Write a dataset of so many small frames with about four cells each."""
    name = f"Frames-{frames}"
    size = ["--size", "96", "96", "--cells", "4", "--look", "spread"]
    options = ["--dataset", name, "--frames", str(frames), "--seed", "1", *size]
    subprocess.run([*PROGRAM, "simulate", str(folder), *options], check=True)
    return folder / name


def peak_mb(dataset: Path, result: Path, evidence: str) -> float:
    """Run a sequence in a process of its own; return the most memory that it had, in MB."""
    options = ["--out", str(result), "--evidence", evidence, "--device", "cpu"]
    process = subprocess.Popen([*PROGRAM, "run", str(dataset), *options])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"the run failed with exit status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024  # Linux counts in kB


def main(kinds: list[str], lengths: list[int], folder: Path) -> int:
    datasets = [simulated(folder, frames) for frames in lengths]
    failed = False
    for evidence in kinds:
        peaks = [
            peak_mb(dataset, folder / evidence / dataset.name / "01_RES", evidence)
            for dataset in datasets
        ]
        ratio = peaks[-1] / peaks[0]
        figures = ", ".join(f"{n} frames {mb:.0f} MB" for n, mb in zip(lengths, peaks, strict=True))
        print(f"{evidence}: {figures}, ratio {ratio:.2f}", flush=True)
        failed |= ratio > LARGEST_RATIO
    return int(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure peak memory against length.")
    parser.add_argument("--evidence", nargs="+", default=["sam2"])
    parser.add_argument("--frames", nargs=2, type=int, default=[50, 1000])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sam4ct-memory-") as folder:
        sys.exit(main(chosen.evidence, chosen.frames, Path(folder)))
