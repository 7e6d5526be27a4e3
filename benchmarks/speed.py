"""Measure how fast whole sequences are linked, and what the time goes into.

    python benchmarks/speed.py                          about twenty minutes on two cores
    python benchmarks/speed.py --only HeLa-like --fast
    python benchmarks/speed.py --scaling                does twice as much take twice the time?
    python benchmarks/speed.py --association            1,000 frames of 600 cells: their tables

Simulates sequences as large and as crowded as those of the challenge and links each as
`sam4ct run` does, in a process of its own: with the compact weights on the CPU, or with SAM
2.1's largest network and random weights on a CUDA device. Prints for every sequence
    cell/s      masks linked a second, from the first look at the files to the report
    passes      encoder passes a frame
    each        encoder passes a mask
    MB          peak memory of the host, and of the device
    cost        seconds on a CUDA device; on the CPU those of CPU, all threads together, because
                other work on the machine makes seconds on the clock mean little
    ms alone    cost of one cell in a window of its own, for one pair of frames
                (speed_baseline.py), before and after the run, on a sample of cells of the same
                sequence, with the same network, window and image size
    per pair    how many times that is what a cell and a pair of frames cost in the run, all
                stages included
    per cell    how many times it is what a cell costs in the run: the published way follows it
                to the frame before; sam4ct to up to three frames before and after
and what the time on the clock goes into, in percent (speed_clock.py).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from speed_clock import PARTS
from speed_runs import Movie, apart, baseline, measure, window_side
from speed_tables import association

from sam4ct.models.weights.add import add
from sam4ct.models.weights.manifest import MANIFEST, VARIABLE, load_manifest
from sam4ct.models.weights.networks import build

LARGEST = "sam2.1-hiera-large"
RANDOM = "random-hiera-large"


MOVIES = {
    "HeLa-like": Movie("nuclei", (700, 1100), 300, 12),
    "PSC-like": Movie("tiny", (576, 720), 600, 12),
    "GOWT1-like": Movie("sparse-nuclei", (1024, 1024), 30, 12),
    "CE-like": Movie("nuclei", (35, 512, 708), 300, 4, 11.0),
}


def random_weights(folder: Path) -> None:
    """Enter SAM 2.1's largest network with random weights into a manifest of our own."""
    published = load_manifest().get(LARGEST)
    torch.manual_seed(0)
    file = folder / "new.pt"
    torch.save({"model": build(published).state_dict()}, file)
    same = ("role", "config", "overrides", "image_size", "prompts")
    values = {"name": RANDOM, "file": "random.pt", **{n: getattr(published, n) for n in same}}
    add(file, folder / MANIFEST, values, renew=False)
    file.unlink()


def compared(name: str, dataset: Path, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Measure a sequence, with the baseline before and after; print its row."""
    side = apart(window_side, dataset, options)
    before, passes = apart(baseline, dataset, side, options)
    figures = apart(measure, dataset, out, options)
    after, _ = apart(baseline, dataset, side, options)
    alone = float(np.mean([before, after]))
    figures |= {
        "baseline_seconds": [before, after],
        "baseline_passes": passes,
        "per_pair": alone * figures["pairs"] / figures["cost"],
        "per_cell": alone * figures["masks"] / figures["cost"],
    }
    print(row(name, figures), flush=True)
    return figures


COLUMNS = {
    "frames": 7, "masks": 8, "s": 8, "cell/s": 8, "passes": 8, "each": 6, "MB": 7, "GPU MB": 7,
    "cost": 8, "ms alone": 9, "again": 7, "per pair": 9, "per cell": 9,
}  # fmt: skip
"""Of the table, and their widths."""


def heading() -> str:
    """Return the names of the table's columns, and below them those of the parts."""
    names = "".join(f"{name:>{width}}" for name, width in COLUMNS.items())
    return f"{'sequence':<12}{names}\n{'':<12}{''.join(f'{part:>13}' for part in PARTS)}"


def row(name: str, figures: dict[str, Any]) -> str:
    """Return two lines of the table: a sequence, and the shares of its parts in percent."""
    frames, masks, seconds = figures["frames"], figures["masks"], figures["seconds"]
    windows = figures["engine"].get("encoder_windows", 0)
    before, after = (1000 * alone for alone in figures["baseline_seconds"])
    values = (
        f"{frames}", f"{masks}", f"{seconds:.1f}", f"{masks / seconds:.1f}",
        f"{windows / frames:.0f}", f"{windows / masks:.2f}", f"{figures['memory_mb']:.0f}",
        f"{figures['device_mb']:.0f}", f"{figures['cost']:.1f}", f"{before:.1f}", f"{after:.1f}",
        f"{figures['per_pair']:.1f}", f"{figures['per_cell']:.1f}",
    )  # fmt: skip
    cells = "".join(f"{v:>{w}}" for v, w in zip(values, COLUMNS.values(), strict=True))
    shares = "".join(f"{100 * figures['parts'].get(part, 0.0) / seconds:>13.1f}" for part in PARTS)
    return f"{name:<12}{cells}\n{'  percent':<12}{shares}"


def scaled() -> dict[str, list[tuple[str, Movie]]]:
    """Return movies of which each has twice as much of something as the one before."""
    least = Movie("nuclei", (360, 360), 40, 8)

    def twice(n: int) -> Movie:
        side = round(least.shape[0] * 2 ** (n / 2))
        return replace(least, shape=(side, side), cells=least.cells * 2**n)

    def roomier(n: int) -> Movie:
        return replace(twice(n), cells=least.cells)

    def longer(n: int) -> Movie:
        return replace(least, frames=least.frames * 2**n)

    kinds = {"frames": longer, "cells, as crowded": twice, "pixels, as many cells": roomier}
    return {kind: [(f"x{2**n}", make(n)) for n in range(3)] for kind, make in kinds.items()}


def scaling(folder: Path, options: dict[str, Any]) -> None:
    """Print what sequences cost that have two and four times as much of something."""
    print(f"{'':<24}{'frames':>7}{'masks':>8}{'passes':>8}{'cost':>8}{'ms a mask':>11}")
    for kind, movies in scaled().items():
        for factor, movie in movies:
            name = f"{kind.partition(',')[0]}-{factor}"
            dataset = movie.write(folder, name, None)
            figures = apart(measure, dataset, folder / f"{name}-RES", options)
            masks, passes = figures["masks"], figures["engine"]["encoder_windows"]
            print(
                f"{kind + ' ' + factor:<24}{figures['frames']:>7}{masks:>8}{passes:>8}"
                f"{figures['cost']:>8.1f}{1000 * figures['cost'] / masks:>11.1f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(MOVIES), default=list(MOVIES))
    parser.add_argument("--frames", type=int, help="Of every sequence.")
    parser.add_argument("--fast", action="store_true", help="As the option of `sam4ct run`.")
    parser.add_argument("--device", choices=["auto", "cpu"], default="auto")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--association", action="store_true")
    parser.add_argument("--json", type=Path, help="Write all figures to this file.")
    chosen = parser.parse_args()
    if chosen.association:
        links, clock, seconds, memory = apart(association, chosen.frames or 1000, 600)
        print(f"{links} links, {clock:.1f} s, {seconds:.1f} s of CPU, {memory:.0f} MB")
        return
    with tempfile.TemporaryDirectory(prefix="sam4ct-speed-") as temporary:
        folder = Path(temporary)
        options: dict[str, Any] = {"device": chosen.device, "fast": chosen.fast}
        if chosen.device == "auto" and torch.cuda.is_available():
            random_weights(folder)
            os.environ[VARIABLE] = temporary
            options["weights"] = (RANDOM,)
        if chosen.scaling:
            scaling(folder, options)
            return
        print(heading(), flush=True)
        rows = {}
        for name in chosen.only:
            dataset = MOVIES[name].write(folder, name, chosen.frames)
            rows[name] = compared(name, dataset, folder / f"{name}-RES", options)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
