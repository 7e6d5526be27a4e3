"""Compare mask generation with linking alone on simulated volumes with many missed masks.

    python benchmarks/generate_masks.py                    three seeds
    python benchmarks/generate_masks.py --evidence overlap --seeds 801 --missed 0.05

Simulates sequences of 30 frames with about 60 cells in slices five times as far apart
as their pixels, links each with and without `--generate-masks`, by the same evidence,
and prints the scores of both and the gain. Exits 1 if a result is not valid, or if the
mean over all sequences does not gain what it must: TRA 0.02, DET and BIO anything. The
seeds are used for nothing else: neither for training nor for fitting costs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sam4ct.metrics import evaluate

PROGRAM = [sys.executable, str(Path(__file__).resolve().parents[1] / "entrypoint.py"), "-q"]
SEEDS = (801, 802, 803)
MOVIE = ["--ndim", "3", "--frames", "30", "--cells", "60", "--size", "256", "256"]
SHOWN = ("DET", "TRA", "LNK", "CT", "TF", "BC(1)", "BIO", "OP_CLB", "Valid")
GAINS = {"DET": 0.0, "TRA": 0.02, "BIO": 0.0}
"""What mask generation must gain at least; no more than linking alone is too little."""

Scores = dict[str, float | None]


def simulated(folder: Path, seed: int, slices: int, missed: float) -> Path:
    """Write a simulated dataset; return its folder."""
    options = ["--slices", str(slices), "--missed", str(missed), "--seed", str(seed)]
    name = f"Seed-{seed}"
    command = [*PROGRAM, "simulate", str(folder), "--dataset", name, *MOVIE, *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / name


def run(dataset: Path, mode: str, options: Sequence[str]) -> tuple[Scores, str]:
    """Link a dataset in one mode; return the scores, and what was generated in what time."""
    result = dataset.parent / mode / dataset.name / "01_RES"
    command = [*PROGRAM, "run", str(dataset), "--out", str(result), "--no-report", *options]
    began = time.monotonic()
    subprocess.run([*command, f"--{mode}"], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    counts = json.loads(result.with_name("01_RES.sam4ct").joinpath("run.json").read_text())[
        "counts"
    ]
    made = {k: counts[k] for k in ("clicks", "accepted", "segmented", "generated") if k in counts}
    note = ", ".join(f"{count} {name}" for name, count in made.items())
    return evaluate(result, dataset / "01_GT"), f"{seconds:.0f} s, {note}"


def line(name: str, scores: Scores, note: str = "") -> str:
    """Return a row of the table."""
    values = "".join(f"{'-' if (v := scores.get(k)) is None else f'{v:.4f}':>8}" for k in SHOWN)
    return f"{name:<22}{values}  {note}"


def mean(rows: list[Scores]) -> Scores:
    """Mean of each score over the sequences that have it."""
    kept = {k: [v for row in rows if (v := row.get(k)) is not None] for k in SHOWN}
    return {k: sum(values) / len(values) if values else None for k, values in kept.items()}


def held(without: Scores, generated: Scores) -> int:
    """Compare the means with what must be gained; return the exit status."""
    status = 0
    for name, least in GAINS.items():
        gain = (generated[name] or 0.0) - (without[name] or 0.0)
        good = gain > least
        print(f"{name} gains {gain:+.4f}" + ("" if good else f", not more than {least}"))
        status |= not good
    return int(status)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--missed", type=float, default=0.25)
    parser.add_argument("--segmenter", metavar="NAME", help="Weights of role sam_med3d.")
    parser.add_argument("--keep", type=Path, help="Write everything here, not to a temporary.")
    known, options = parser.parse_known_args()
    weights = ["--weights", known.segmenter] if known.segmenter else []
    modes = {"no-generate-masks": options, "generate-masks": [*options, *weights]}
    rows: dict[str, list[Scores]] = {mode: [] for mode in modes}
    print(" " * 22 + "".join(f"{k:>8}" for k in SHOWN), flush=True)
    with tempfile.TemporaryDirectory(prefix="sam4ct-generate-") as folder:
        for seed in known.seeds:
            dataset = simulated(known.keep or Path(folder), seed, known.slices, known.missed)
            for mode, chosen in modes.items():
                scores, note = run(dataset, mode, chosen)
                print(line(f"{seed} {mode}", scores, note), flush=True)
                if not scores["Valid"]:
                    print(f"{dataset}: the result is not valid")
                    return 1
                rows[mode].append(scores)
    means = [mean(rows[mode]) for mode in modes]
    for mode, row in zip(modes, means, strict=True):
        print(line(f"mean {mode}", row))
    return held(*means)


if __name__ == "__main__":
    sys.exit(main())
