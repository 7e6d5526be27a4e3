"""Selftest: a fixed simulated suite, to be run first with new weights or on a new machine.

Two things are measured of every case: how well the network follows single cells from
frame to frame, given their true masks, and how good the linked result is. The first
tells sound weights from others; the second can be good without, where cells move little.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sam4ct.io.ctc import CtcReader, CtcSequence, find_sequences
from sam4ct.io.files import require_temporary_folder
from sam4ct.io.simulated import write_dataset
from sam4ct.metrics import evaluate
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.link.networks import propagator_of
from sam4ct.pipelines.link.plan import make_plan
from sam4ct.pipelines.link.run import LinkRun
from sam4ct.simulate import SegmentationErrors, movie_law
from sam4ct.stages.propagate import Reach, propagate_pair
from sam4ct.tables import Evidence

FRAMES = 16
ERRORS = SegmentationErrors(missed=0.02, split=0.005, merged=0.005, spurious=0.01)


@dataclass(frozen=True)
class Case:
    """One simulated sequence of the suite, and the least that a working installation reaches."""

    look: str
    seed: int
    shape: tuple[int, ...]
    """Of a frame, ([z,] y, x): as large as it takes to have a dozen cells or more."""
    follow_floor: float
    """Intersection over union of propagated and true masks; a little below the compact weights'."""
    score_floor: float
    """OP_CLB; a little below what the compact weights reach."""

    @property
    def name(self) -> str:
        return self.look if len(self.shape) == 2 else f"{self.look}-3D"


SUITE = (
    Case("nuclei", 11, (256, 256), 0.88, 0.89),
    Case("sparse-nuclei", 12, (448, 448), 0.90, 0.85),
    Case("phase", 13, (256, 256), 0.88, 0.92),
    Case("spread", 14, (448, 448), 0.89, 0.87),
    Case("brightfield", 15, (256, 256), 0.78, 0.84),
    Case("nuclei", 16, (12, 144, 144), 0.47, 0.78),
)


@dataclass(frozen=True)
class Outcome:
    """How one case went."""

    case: Case
    follows: float
    """Mean intersection over union of propagated and true masks, one frame apart."""
    scores: dict[str, float | None]
    regions: int
    seconds: float
    """Of the run, planning and scoring apart."""

    @property
    def passed(self) -> bool:
        score = self.scores["OP_CLB"]
        return (
            self.follows >= self.case.follow_floor
            and bool(self.scores["Valid"])
            and score is not None
            and score >= self.case.score_floor
        )


def run_suite(weights: tuple[str, ...], device: str) -> Iterator[Outcome]:
    """Link every case in a temporary folder and yield how it went.

    Raises:
        WeightsError: The device or the weights cannot be used.
        WorkError: There is no folder for temporary files.
    """
    require_temporary_folder()
    options = Options(weights=weights, device=device, report=False)
    with tempfile.TemporaryDirectory(prefix="sam4ct-selftest-") as folder:
        for case in SUITE:
            law = movie_law(case.look, case.shape, FRAMES)
            dataset = write_dataset(Path(folder), case.name, law, ERRORS, case.seed)
            (sequence,) = find_sequences(dataset)
            truth = dataset / f"{sequence.name}_GT"
            follows = _followed(sequence, truth, options)
            run = LinkRun(sequence, options)
            regions = len(run.plan.survey.detections)
            began = time.monotonic()
            run.execute()
            seconds = time.monotonic() - began
            scores = evaluate(sequence.result_dir, truth)
            yield Outcome(case, follows, scores, regions, seconds)


def _followed(sequence: CtcSequence, truth: Path, options: Options) -> float:
    """Return how well true masks are propagated to the next and the previous frame."""
    masks = tuple(sorted((truth / "TRA").glob("man_track*.tif")))
    plan = make_plan(replace(sequence, masks=masks), options)
    reader = CtcReader(plan.sequence)
    propagator, _ = propagator_of(plan, reader)
    reach = Reach(plan.profile.spacing_um, plan.diameter_px, plan.jumps)
    evidence = Evidence.concat(
        propagate_pair(reader, plan.survey.detections, propagator, (t, 1), reach).evidence
        for t in range(reader.frames - 1)
    )
    # A cell has one label in all frames of the truth; one that was not found at all counts as 0.
    return float(evidence.iou_prop[evidence.label == evidence.label2].mean())
