"""Selftest: a fixed simulated suite, to be run first with new weights or on a new machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sam4ct.evaluate import evaluate
from sam4ct.io.ctc import find_sequences
from sam4ct.io.simulated import write_dataset
from sam4ct.pipelines.link import run_sequence
from sam4ct.pipelines.plan import Options, make_plan
from sam4ct.simulate import SegmentationErrors, movie_law

FRAMES = 16
SHAPE = (256, 256)
ERRORS = SegmentationErrors(missed=0.02, split=0.005, merged=0.005, spurious=0.01)


@dataclass(frozen=True)
class Case:
    """One simulated sequence of the suite, and the least that a working installation reaches."""

    look: str
    seed: int
    floor: float
    """OP_CLB; a little below what the compact weights reach."""


SUITE = (
    Case("nuclei", 11, 0.80),
    Case("sparse-nuclei", 12, 0.80),
    Case("phase", 13, 0.70),
    Case("spread", 14, 0.60),
    Case("brightfield", 15, 0.70),
)


@dataclass(frozen=True)
class Outcome:
    """How one case went."""

    case: Case
    scores: dict[str, float | None]
    regions: int
    seconds: float
    """Of the run, planning and scoring apart."""

    @property
    def passed(self) -> bool:
        score = self.scores["OP_CLB"]
        return bool(self.scores["Valid"]) and score is not None and score >= self.case.floor


def run_suite(weights: tuple[str, ...], device: str) -> Iterator[Outcome]:
    """Link every case in a temporary folder and yield how it went."""
    options = Options(weights=weights, device=device, report=False)
    with tempfile.TemporaryDirectory(prefix="sam4ct-selftest-") as folder:
        for case in SUITE:
            law = movie_law(case.look, shape=SHAPE, frames=FRAMES)
            dataset = write_dataset(Path(folder), case.look, law, ERRORS, case.seed)
            (sequence,) = find_sequences(dataset)
            plan = make_plan(sequence, options)
            began = time.monotonic()
            run_sequence(plan, options)
            seconds = time.monotonic() - began
            scores = evaluate(sequence.result_dir, dataset / f"{sequence.name}_GT")
            yield Outcome(case, scores, len(plan.survey.detections), seconds)
