"""Compare linkers on simulated conditions, or on real sequences.

    python benchmarks/suite.py OUT [--only CONDITION] [--linkers NAME ...] [--seeds N]
    python benchmarks/suite.py OUT --data FOLDER [--only DATASET]

Simulates the conditions (conditions.py) below OUT, where they are not there, links their
masks with each linker (linkers.py), and scores the results as the challenge does, BIO with
i = 1. FOLDER holds CTC datasets with erroneous masks and ground truth; it is only read. The
peers get an environment of their own, OUT/peers unless --env names another (peer_env.py).
Derived profiles and parameters throughout: no linker knows what it is given.

Prints OP_CLB, LNK and BIO of every linker, the means, the mean gap to 1, by how much the gap
of this project's linkers is smaller than the best peer's, and the least by which they lead
the best peer of a condition: below 0, they fall behind. A result that breaks the challenge's
rules ends the run.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

# Before torch is imported: times are of one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from conditions import Movie, add_choice, chosen
from linkers import LINKERS, OURS, PEERS, link

from sam4ct.metrics import evaluate

SHOWN = ("OP_CLB", "LNK", "BIO")
Row = dict[str, tuple[float, ...]]
"""SHOWN by linker; nan where there is no such score."""


def scored(movies: Iterable[Movie], out: Path, linker: str) -> dict[str, list[tuple[float, ...]]]:
    """Scores of the movies of each label.

    Raises:
        SystemExit: A result breaks the rules.
    """
    rows: dict[str, list[tuple[float, ...]]] = {}
    for movie in movies:
        result = movie.result(out, linker)
        scores = evaluate(result, movie.truth)
        if not scores["Valid"]:
            raise SystemExit(f"{result}: the result is not valid")
        values = (scores[name] for name in SHOWN)
        rows.setdefault(movie.label, []).append(
            tuple(float("nan") if value is None else value for value in values)
        )
    return rows


def compared(
    movies: Sequence[Movie], linkers: Sequence[str], out: Path, env: Path
) -> dict[str, Row]:
    """Link all movies by all linkers; return mean scores by label and linker."""
    table: dict[str, Row] = {movie.label: {} for movie in movies}
    for name in linkers:
        began = time.monotonic()
        link(name, movies, out, env)
        seconds = time.monotonic() - began
        for label, rows in scored(movies, out, name).items():
            table[label][name] = tuple(np.mean(rows, axis=0).tolist())
        print(f"{name}: {len(movies)} sequences in {seconds:.0f} s", flush=True)
    return table


def line(name: str, row: Row) -> str:
    values = ("".join(f"{value:>7.4f}" for value in row[linker]) for linker in row)
    return f"{name:<24}" + "  ".join(values)


def mean_of(rows: Iterable[Row]) -> Row:
    """Mean of each score over the conditions that have it."""
    rows = list(rows)
    return {
        name: tuple(np.nanmean([row[name] for row in rows], axis=0).tolist()) for name in rows[0]
    }


def summary(table: Mapping[str, Row]) -> list[str]:
    """What each of this project's linkers is worth beside the peers that were run."""
    mean = mean_of(table.values())
    peers = [name for name in PEERS if name in mean]
    lines = [line("mean", mean)]
    lines.append(line("gap to 1", {n: tuple(1.0 - v for v in row) for n, row in mean.items()}))
    for ours in (name for name in OURS if name in mean and peers):
        for i, score in enumerate(SHOWN):
            best = max(peers, key=lambda name: mean[name][i])
            smaller = 1.0 - (1.0 - mean[ours][i]) / (1.0 - mean[best][i])
            lead = {
                label: row[ours][i] - max(row[name][i] for name in peers)
                for label, row in table.items()
            }
            least = min(lead, key=lambda label: lead[label])
            lines.append(
                f"{ours}, {score}: gap {smaller:.1%} smaller than that of {best}; least lead over"
                f" the best peer of a condition {lead[least]:+.4f} ({least})"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_choice(parser)
    parser.add_argument("--linkers", nargs="+", choices=LINKERS, default=list(LINKERS))
    parser.add_argument("--env", type=Path, help="The peers' environment.")
    parser.add_argument("--json", type=Path, help="Write all scores to this file.")
    arguments = parser.parse_args()
    env = arguments.env or arguments.out / "peers"
    table = compared(chosen(arguments), arguments.linkers, arguments.out, env)
    print(" " * 24 + "  ".join(f"{name:^21}" for name in arguments.linkers))
    print(" " * 24 + "  ".join("".join(f"{s:>7}" for s in SHOWN) for _ in arguments.linkers))
    for label, row in table.items():
        print(line(label, row))
    print("\n".join(summary(table)))
    if arguments.json:
        arguments.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
