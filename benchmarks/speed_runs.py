"""Runs to measure: simulated sequences, linked as `sam4ct run` does, in processes of their own."""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from speed_baseline import PerCell, sampled_cells
from speed_clock import Stopwatch

from sam4ct.intensity import prepared
from sam4ct.io.ctc import CtcReader, find_sequences
from sam4ct.io.simulated import write_dataset
from sam4ct.models.weights.load import load_sam2
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.link.plan import Plan, make_plan
from sam4ct.pipelines.link.run import LinkRun
from sam4ct.simulate import SegmentationErrors, movie_law
from sam4ct.stages.propagate import frame_pairs

SAMPLE = 24
"""Cells that the baseline follows."""


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


def measure(dataset: Path, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Link the one sequence of a dataset and follow a sample of its cells one by one.

    Returns:
        Figures of the run, JSON.
    """
    on_cuda = torch.cuda.is_available() and options["device"] != "cpu"
    chosen = Options(profile="auto", **options)
    (sequence,) = find_sequences(dataset, ["01"], out)
    clock = Stopwatch(torch.cuda.synchronize if on_cuda else lambda: None)
    began, began_cpu = time.perf_counter(), time.process_time()
    with clock.running():
        run = LinkRun(sequence, chosen)
        work = run.execute()
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
        "pairs": _asked(run.plan),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "device_mb": torch.cuda.max_memory_allocated() / 2**20 if on_cuda else 0.0,
        "side": run.plan.window_px,
        "device": record["device"],
    }


def _asked(plan: Plan) -> int:
    """How many times a cell is looked for in another frame: all cells, all pairs, both ways."""
    frames = plan.survey.checked.frames
    masks = np.bincount(plan.survey.detections.t, minlength=frames)
    pairs = frame_pairs(frames, plan.profile.max_gap)
    return sum(int(masks[t] + masks[t + dt]) for t, dt in pairs)


def baseline(dataset: Path, side: int, options: dict[str, Any]) -> tuple[float, float]:
    """Seconds and encoder passes of one cell in a window of its own."""
    on_cuda = torch.cuda.is_available() and options["device"] != "cpu"
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


def window_side(dataset: Path, options: dict[str, Any]) -> int:
    """Side of the windows of a dataset's sequence."""
    (sequence,) = find_sequences(dataset, ["01"])
    return make_plan(sequence, Options(profile="auto", **options)).grid.side
