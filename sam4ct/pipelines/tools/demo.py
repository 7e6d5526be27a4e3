"""Demo: simulate, run, evaluate, report. Needs nothing but the package."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sam4ct.errors import ResultError
from sam4ct.io.ctc import MASKS, RESULT, find_sequences
from sam4ct.io.files import list_folder, work_errors
from sam4ct.io.simulated import SEQUENCE, write_dataset
from sam4ct.metrics import evaluate
from sam4ct.pipelines.common.options import Options, choose_network
from sam4ct.pipelines.link.run import LinkRun
from sam4ct.report.rebuild import rebuild_report
from sam4ct.simulate import SegmentationErrors, movie_law

SEED = 2025

_RESULT = f"{SEQUENCE}{RESULT}"
_PARTS = {SEQUENCE, f"{SEQUENCE}{MASKS}", f"{SEQUENCE}_GT", _RESULT, f"{_RESULT}.sam4ct"}

Scores = Mapping[str, float | None]


@dataclass(frozen=True)
class Exhibit:
    """What a demo shows: a movie of dividing nuclei, and how its masks are damaged."""

    dataset: str
    shape: tuple[int, ...]
    """([z,] y, x): large enough for dozens of cells, small enough for minutes on a CPU."""
    frames: int
    cells: int | None
    """In view at the start, about; None: as usual for the frame."""
    errors: SegmentationErrors
    generate_masks: bool | None = None
    """Whether missed cells are segmented; None: as the profile says."""


EXHIBITS = {
    2: Exhibit(
        dataset="Demo-Cells",
        shape=(320, 400),
        frames=36,
        cells=None,
        errors=SegmentationErrors(missed=0.03, split=0.005, merged=0.01, spurious=0.01),
    ),
    3: Exhibit(
        dataset="Demo-Volumes",
        shape=(20, 160, 160),
        frames=24,
        cells=28,
        errors=SegmentationErrors(missed=0.15, split=0.005, merged=0.01, spurious=0.01),
        generate_masks=True,
    ),
}
"""By the number of dimensions."""


@dataclass(frozen=True)
class Shown:
    """What a demo made."""

    result: Path
    report: Path
    scores: Scores


def run_demo(
    folder: Path, weights: tuple[str, ...] = (), device: str = "auto", ndim: int = 2
) -> Shown:
    """Simulate a dataset below a folder, link it, score it, and write its report.

    A demo that is there already is made anew.

    Raises:
        ResultError: The folder holds something else.
        WeightsError: The device or the weights cannot be used.
    """
    # The report comes after the scores, to show them.
    shown = EXHIBITS[ndim]
    generate = shown.generate_masks
    options = Options(weights=weights, device=device, report=False, generate_masks=generate)
    # Refuses what it must before an older demo goes.
    choose_network(options, generate=bool(generate))
    dataset = folder / shown.dataset
    _clear(folder, dataset)
    law = movie_law("nuclei", shape=shown.shape, frames=shown.frames, cells=shown.cells)
    write_dataset(folder, shown.dataset, law, shown.errors, SEED)
    (sequence,) = find_sequences(dataset)
    LinkRun(sequence, options).execute()
    scores = evaluate(sequence.result_dir, dataset / f"{SEQUENCE}_GT")
    report = rebuild_report(sequence.result_dir, scores=scores)
    return Shown(sequence.result_dir, report, scores)


def _clear(folder: Path, dataset: Path) -> None:
    """Remove an older demo, after making sure that it is one and nothing else is there."""
    demos = {exhibit.dataset for exhibit in EXHIBITS.values()}
    for place, ours in ((folder, demos), (dataset, _PARTS)):
        names = {path.name for path in list_folder(place)} if place.exists() else set()
        if foreign := sorted(names - ours):
            raise ResultError(
                f"{place}: holds {foreign[0]}, which is no part of a demo."
                " Give a new folder for the demo."
            )
    with work_errors(dataset):
        if dataset.exists():
            shutil.rmtree(dataset)
