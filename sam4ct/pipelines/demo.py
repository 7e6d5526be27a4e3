"""Demo: simulate, run, evaluate, report. Needs nothing but the package."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sam4ct.errors import ResultError
from sam4ct.evaluate import evaluate
from sam4ct.io.ctc import find_sequences
from sam4ct.io.simulated import write_dataset
from sam4ct.pipelines.link import run_sequence
from sam4ct.pipelines.plan import Options, make_plan
from sam4ct.report.rebuild import rebuild_report
from sam4ct.simulate import SegmentationErrors, movie_law

DATASET = "Demo-Cells"
SEED = 2025
ERRORS = SegmentationErrors(missed=0.03, split=0.005, merged=0.01, spurious=0.01)

Scores = Mapping[str, float | None]


@dataclass(frozen=True)
class Shown:
    """What a demo made."""

    result: Path
    report: Path
    scores: Scores


def run_demo(folder: Path, weights: tuple[str, ...] = (), device: str = "auto") -> Shown:
    """Simulate a dataset below a folder, link it, score it, and write its report.

    A demo that is there already is made anew.

    Raises:
        ResultError: The folder holds something else.
    """
    dataset = folder / DATASET
    if folder.exists() and any(path.name != DATASET for path in folder.iterdir()):
        raise ResultError(f"{folder}: holds other files. Give a new folder for the demo.")
    if dataset.exists():
        shutil.rmtree(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    law = movie_law("nuclei", shape=(320, 400), frames=36)
    write_dataset(folder, DATASET, law, ERRORS, SEED)
    (sequence,) = find_sequences(dataset)
    # The report comes after the scores, to show them.
    options = Options(weights=weights, device=device, report=False)
    run_sequence(make_plan(sequence, options), options)
    scores = evaluate(sequence.result_dir, dataset / f"{sequence.name}_GT")
    report = rebuild_report(sequence.result_dir, scores=scores)
    return Shown(sequence.result_dir, report, scores)
