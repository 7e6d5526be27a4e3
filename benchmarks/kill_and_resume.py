"""Kill a run again and again, resume it, and compare its bytes with those of a quiet run.

    python benchmarks/kill_and_resume.py            20 kills, about ten minutes on two cores
    python benchmarks/kill_and_resume.py --kills 3 --evidence overlap --frames 8
    python benchmarks/kill_and_resume.py --embryo --kills 10 --frames 8

Simulates a sequence, with --embryo a movie whose cells are followed, and runs it
twice, each time from an empty work folder: once undisturbed, once killed (SIGKILL) at
random points and started again with the same command. Masks,
res_track.txt and links.parquet must be equal, byte for byte.

A point is a number of files on the way to the result, drawn anywhere between none
and all of them, and a short random delay after that number is reached: so all stages
are hit in proportion to what they write, in and between their writes. Some kills, and
those whose point had been reached before, come at a random time instead, which hits
the start of the program, too. If a run is done before its kills are used up, the rest
is spent on another one from an empty folder. Prints every kill; exits 1 if any byte
differs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.random import Generator

ROOT = Path(__file__).resolve().parents[1]
POLL_S = 0.002
LARGEST_DELAY_S = 0.1
TIMED_SHARE = 0.15
"""Share of the kills that come at a random time, not at a number of files."""


def command(dataset: Path, result: Path, evidence: str) -> list[str]:
    program = [sys.executable, str(ROOT / "entrypoint.py"), "-q"]
    options = ["--out", str(result), "--evidence", evidence, "--device", "cpu"]
    return [*program, "run", str(dataset), *options]


def files_written(result: Path) -> int:
    """Count the artifacts and the result's frames, those of an unfinished result too."""
    folders = [result.with_name(f".{result.name}.sam4ct-new"), result]
    work = result.with_name(f"{result.name}.sam4ct")
    return sum(
        1
        for folder in (*folders, work)
        for _, _, names in os.walk(folder)
        for name in names
        if not name.endswith(".tmp")
    )


def outcome(result: Path) -> dict[str, bytes]:
    """Return what must be equal: every file of the result, and the links."""
    links = result.with_name(f"{result.name}.sam4ct") / "links.parquet"
    return {path.name: path.read_bytes() for path in [*sorted(result.iterdir()), links]}


def simulated(folder: Path, frames: int, seed: int, *, embryo: bool) -> Path:
    """Simulate what is run; return its dataset."""
    law = ["--dataset", "Cells", "--seed", seed, "--frames", frames]
    if embryo:
        size = ["--size", 10, 128, 128, "--cells", 14, "--followed", 4]
        made = ["simulate-embryo", folder, *law, *size]
    else:
        made = ["simulate", folder, *law, "--size", 160, 200]
    subprocess.run([*map(str, [sys.executable, ROOT / "entrypoint.py", *made])], check=True)
    return folder / "Cells"


def killed_after(process: subprocess.Popen[bytes], delay_s: float) -> bool:
    """Kill a run after a time; False if it ended before."""
    time.sleep(delay_s)
    process.kill()
    return process.wait() < 0


def killed_at(process: subprocess.Popen[bytes], result: Path, files: int, delay_s: float) -> bool:
    """Kill a run a moment after it has written so many files; False if it ended before."""
    while files_written(result) < files and process.poll() is None:
        time.sleep(POLL_S)
    return killed_after(process, delay_s)


def killed_run(
    run: list[str], result: Path, files: int, duration_s: float, kills: int, rng: Generator
) -> int:
    """Do one run that is killed at most so often; return how often it was.

    Args:
        run: The command.
        result: Its result folder.
        files: How many files it writes.
        duration_s: How long it takes.
        kills: How often it is killed, if it lives that long.
        rng: Draws the moments.
    """
    for kill, point in enumerate(sorted(rng.integers(files, size=kills).tolist())):
        timed = rng.random() < TIMED_SHARE or point <= files_written(result)
        process = subprocess.Popen(run)
        if timed:
            killed = killed_after(process, rng.uniform(0.0, duration_s))
        else:
            killed = killed_at(process, result, point, rng.uniform(0.0, LARGEST_DELAY_S))
        if not killed:
            if process.returncode:
                sys.exit(f"the run failed by itself with exit status {process.returncode}")
            return kill
        print(f"killed with {files_written(result)} of {files} files written", flush=True)
        if result.exists():  # the last thing a run does: nothing is left to resume
            return kill + 1
    subprocess.run(run, check=True)
    return kills


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    return sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )


def main(kills: int, evidence: str, dataset: Path, seed: int) -> int:
    rng, folder = np.random.default_rng(seed), dataset.parent
    quiet, disturbed = folder / "quiet" / "01_RES", folder / "disturbed" / "01_RES"
    began = time.monotonic()
    subprocess.run(command(dataset, quiet, evidence), check=True)
    duration_s = time.monotonic() - began
    files, expected = files_written(quiet), outcome(quiet)
    done = 0
    while done < kills:
        shutil.rmtree(disturbed.parent, ignore_errors=True)
        run = command(dataset, disturbed, evidence)
        done += killed_run(run, disturbed, files, duration_s, kills - done, rng)
        if wrong := differences(expected, outcome(disturbed)):
            print(f"{len(wrong)} files differ: {', '.join(wrong[:5])}")
            return 1
        print(f"{done} kills: {len(expected)} files equal, byte for byte", flush=True)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Kill a run, resume it, compare its bytes.")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--evidence", choices=["sam2", "overlap"], default="sam2")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--embryo", action="store_true", help="follow cells by seeds")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sam4ct-kills-") as folder:
        made = simulated(Path(folder), chosen.frames, chosen.seed, embryo=chosen.embryo)
        sys.exit(main(chosen.kills, chosen.evidence, made, chosen.seed))
