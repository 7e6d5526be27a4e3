"""Score real sequences and hold the scores against benchmarks/floors.json.

    python benchmarks/real_scores.py --data FOLDER [--suite volumes] [--auto] [--evidence overlap]

FOLDER holds CTC datasets with ground truth (DATASET/SS, SS_ERR_SEG, SS_GT); it is
only read. Every result must be valid for py-ctcmetrics and load in traccuracy.
Prints a table and exits 1 if a mean falls below its floor, or if the sequences of
the suite are not there. Without --auto the profiles are the shipped ones, where
there are any. Floors hold for all sequences of a suite and evidence from SAM 2;
other options print only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from traccuracy.loaders import load_ctc_data

from sam4ct.metrics import evaluate

FLOORS = Path(__file__).with_name("floors.json")
SHOWN = ("DET", "TRA", "LNK", "CT", "TF", "BC(1)", "BIO", "OP_CLB")

Scores = dict[str, float | None]


def find(data: Path) -> list[tuple[str, str]]:
    """Return the datasets and sequences below a folder that have masks and truth."""
    found = [
        (masks.parent.name, masks.name.removesuffix("_ERR_SEG"))
        for masks in sorted(data.glob("*/*_ERR_SEG"))
    ]
    return [(d, s) for d, s in found if (data / d / f"{s}_GT" / "TRA").is_dir()]


def run(data: Path, dataset: str, sequence: str, out: Path, options: list[str]) -> str:
    """Link one sequence by the command line; return what it cost, for the table.

    Raises:
        subprocess.CalledProcessError: The command failed.
    """
    command = [sys.executable, "-m", "sam4ct", "-q", "run", str(data / dataset), sequence]
    command += ["--out", str(out), "--no-report", *options]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise subprocess.CalledProcessError(code, command)
    return f"{time.monotonic() - began:>8.0f} s{usage.ru_maxrss / 1024:>7.0f} MB"


def loads_in_traccuracy(result: Path) -> None:
    """Read a result by a second, independent reader; raises what that raises."""
    with redirect_stderr(StringIO()):  # its progress bars
        load_ctc_data(str(result), str(result / "res_track.txt"))


def line(name: str, scores: Scores, cost: str = "") -> str:
    """Return a row of the table."""
    values = "".join(f"{'-' if (v := scores.get(k)) is None else f'{v:.4f}':>8}" for k in SHOWN)
    return f"{name:<24}{values}{cost}"


def means(rows: list[Scores]) -> Scores:
    """Mean of each score over the sequences that have it."""
    kept = {k: [v for row in rows if (v := row.get(k)) is not None] for k in SHOWN}
    return {k: sum(values) / len(values) if values else None for k, values in kept.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--suite", choices=["images", "volumes"], default="images")
    parser.add_argument("--auto", action="store_true", help="Derive the profiles.")
    parser.add_argument("--only", action="append", default=[], metavar="DATASET")
    parser.add_argument("--json", type=Path, help="Write all scores to this file.")
    known, options = parser.parse_known_args()
    floors = json.loads(FLOORS.read_text())[known.suite]
    sequences = [(d, s) for d, s in find(known.data) if d in (known.only or floors["datasets"])]
    if not sequences:
        print(f"{known.data}: none of {', '.join(floors['datasets'])} with masks and ground truth")
        return 1
    profile = ["--profile", "auto"] if known.auto else []
    rows: dict[str, Scores] = {}
    print("sequence".ljust(24) + "".join(f"{k:>8}" for k in SHOWN), flush=True)
    with tempfile.TemporaryDirectory(prefix="sam4ct-scores-") as folder:
        for dataset, sequence in sequences:
            out = Path(folder) / dataset / f"{sequence}_RES"
            cost = run(known.data, dataset, sequence, out, profile + options)
            scores = evaluate(out, known.data / dataset / f"{sequence}_GT")
            if not scores["Valid"]:
                print(f"{dataset} {sequence}: the result is not valid")
                return 1
            loads_in_traccuracy(out)
            rows[f"{dataset} {sequence}"] = scores
            print(line(f"{dataset} {sequence}", scores, cost), flush=True)
    mean = means(list(rows.values()))
    print(line("mean", mean))
    if known.json:
        known.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options or known.only:
        return 0
    return held(mean, floors.get("auto" if known.auto else "shipped", {}))


def held(mean: Scores, floors: dict[str, float]) -> int:
    """Compare means with their floors; return the exit status."""
    status = 0
    for name, floor in floors.items():
        value = mean[name]
        if value is None or value < floor:
            print(f"{name} is {value}, below its floor {floor}")
            status = 1
        else:
            print(f"{name} {value:.4f} holds its floor {floor:.4f}")
    return status


if __name__ == "__main__":
    sys.exit(main())
