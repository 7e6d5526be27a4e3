"""Measure how fast whole sequences are linked, and what the time goes into.

    python benchmarks/speed.py                          about ten minutes on two cores
    python benchmarks/speed.py --only HeLa-like PSC-like --frames 12
    python benchmarks/speed.py --only HeLa-like -- --fast

Simulates sequences as large and as crowded as those of the challenge and links each as
`sam4ct run` does, in a process of its own: with the compact weights on the CPU, or with SAM
2.1's largest network and random weights on a CUDA device. What follows `--` are options of
`sam4ct run`. Prints for every sequence
    cell/s      masks linked a second, from the first look at the files to the report
    passes      encoder passes a frame, and a mask
    shares      of the time, by part (speed_clock.py)
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
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from speed_baseline import PerCell, sampled_cells
from speed_clock import PARTS, Stopwatch

from sam4ct.intensity import prepared
from sam4ct.io.ctc import CtcReader, find_sequences
from sam4ct.io.simulated import write_dataset
from sam4ct.models.add import add
from sam4ct.models.manifest import MANIFEST, VARIABLE, load_manifest
from sam4ct.models.networks import build
from sam4ct.models.weights import load_sam2
from sam4ct.pipelines.link import run_sequence
from sam4ct.pipelines.plan import Options, Plan, make_plan
from sam4ct.simulate import SegmentationErrors, movie_law

SAMPLE = 24
"""Cells that the baseline follows, before and after the run."""
LARGEST = "sam2.1-hiera-large"
RANDOM = "random-hiera-large"


@dataclass(frozen=True)
class Movie:
    """A sequence to be simulated."""

    look: str
    shape: tuple[int, ...]
    """Frame ([z,] y, x)."""
    cells: int
    frames: int
    """Unless asked otherwise."""
    slice_spacing: float = 5.0
    """Distance of slices, in pixels."""

    def write(self, folder: Path, name: str, frames: int | None) -> Path:
        """Simulate the movie as a dataset of that name."""
        law = movie_law(
            self.look, self.shape, frames or self.frames, self.cells, self.slice_spacing
        )
        digits = 3 if law.frames <= 1000 else 4
        return write_dataset(folder, name, law, SegmentationErrors(), 951, digits)


MOVIES = {
    "HeLa-like": Movie("nuclei", (700, 1100), 300, 12),
    "PSC-like": Movie("tiny", (576, 720), 600, 12),
    "GOWT1-like": Movie("sparse-nuclei", (1024, 1024), 30, 12),
    "CE-like": Movie("nuclei", (35, 512, 708), 300, 4, 11.0),
}


def measure(dataset: Path, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Link the one sequence of a dataset and follow a sample of its cells one by one.

    Returns:
        Figures of the run, JSON.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    on_cuda = torch.cuda.is_available() and options.get("device") != "cpu"
    chosen = Options(profile="auto", **options)
    (sequence,) = find_sequences(dataset, ["01"], out)
    clock = Stopwatch(torch.cuda.synchronize if on_cuda else lambda: None)
    began, began_cpu = time.perf_counter(), time.process_time()
    with clock.running():
        plan = make_plan(sequence, chosen)
        work = run_sequence(plan, chosen)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    record = json.loads(work.run_json.read_text())
    return {
        "frames": record["counts"]["frames"],
        "masks": record["counts"]["regions"],
        "links": record["counts"]["links"],
        "seconds": seconds,
        "cost": seconds if on_cuda else cpu_seconds,
        "parts": dict(clock.seconds),
        "engine": record["engine"],
        "pairs": record["engine"].get("objects_recalled", 0) // max(1, len(_slabs(plan))),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "device_mb": torch.cuda.max_memory_allocated() / 2**20 if on_cuda else 0.0,
        "side": plan.grid.side,
        "device": record["device"],
    }


def _slabs(plan: Plan) -> range:
    """The slabs in which a cell is looked for; one in an image."""
    slabs = plan.grid.slabs
    return range(min(slabs.of(slabs.depth - 1) + 1, 1 + 2 * slabs.reach))


def baseline(dataset: Path, side: int, options: dict[str, Any]) -> tuple[float, float]:
    """Seconds and encoder passes of one cell in a window of its own."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    on_cuda = torch.cuda.is_available() and options.get("device") != "cpu"
    device = "cuda:0" if on_cuda else "cpu"
    entry = load_manifest().get(options.get("weights", ("compact-sam2",))[0])
    (sequence,) = find_sequences(dataset, ["01"])
    reader = CtcReader(sequence)
    per_cell = PerCell(entry, load_sam2(entry, device), side, device)
    cells = sampled_cells(lambda t: prepared(reader.image(t)), reader.labels, reader.frames, SAMPLE)
    per_cell.seconds(cells[:4])  # warms up
    return per_cell.seconds(cells)


def apart(function: Any, *arguments: Any) -> Any:
    """Call a function in a process of its own, so that its memory is its own, too."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


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


def window_side(dataset: Path, options: dict[str, Any]) -> int:
    """Side of the windows of a dataset's sequence."""
    (sequence,) = find_sequences(dataset, ["01"])
    return make_plan(sequence, Options(profile="auto", **options)).grid.side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(MOVIES), default=list(MOVIES))
    parser.add_argument("--frames", type=int, help="Of every sequence.")
    parser.add_argument("--device", choices=["auto", "cpu"], default="auto")
    parser.add_argument("--keep", type=Path, help="Simulate and link here, and leave it.")
    parser.add_argument("--json", type=Path, help="Write all figures to this file.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sam4ct-speed-") as temporary:
        folder = chosen.keep or Path(temporary)
        options: dict[str, Any] = {"device": chosen.device}
        if chosen.device == "auto" and torch.cuda.is_available():
            random_weights(Path(temporary))
            os.environ[VARIABLE] = temporary
            options["weights"] = (RANDOM,)
        print(heading(), flush=True)
        rows = {}
        for name in chosen.only:
            dataset = folder / name
            if not dataset.exists():
                MOVIES[name].write(folder, name, chosen.frames)
            rows[name] = compared(name, dataset, folder / f"{name}-RES", options)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
