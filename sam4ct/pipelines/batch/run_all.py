"""Run all: every sequence below a folder that has something to do, one after the other.

Each has a process of its own (`apart`), and what goes wrong with one is recorded and the
next one begun. A run that was stopped is continued by the same call: what is done is
left as it is, and a sequence that was begun goes on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sam4ct.pipelines.batch.preparation import prepare
from sam4ct.pipelines.batch.subprocess_job import run_apart
from sam4ct.pipelines.batch.targets import Job
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.dispatch import find_run

logger = logging.getLogger(__name__)


class Kind(Enum):
    """What became of a sequence."""

    WRITTEN = "written"
    THERE = "there already"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one sequence."""

    label: str
    """Its path below the folder, `DATASET/SS`."""
    kind: Kind
    detail: str = ""
    """Where the result was written, or what went wrong."""
    unexpected: bool = False
    """Whether it failed by a fault of the program."""


def run_all(root: Path, options: Options, out: Path | None = None) -> list[Outcome]:
    """Run all sequences below a folder whose results are not there.

    Args:
        root: Holds datasets, or is one.
        options: What the user chose; it is used where it has a use.
        out: Results go to `DATASET/SS_RES` below it; None: beside the input.

    Returns:
        What became of each, in order of their paths.

    Raises:
        Sam4ctError: None can be run; see `prepare`.
    """
    prepared = prepare(root, options, out)
    outcomes: dict[str, Outcome] = {}
    for refused in prepared.refusals:
        outcomes[refused.label] = _failed(refused.label, refused.problem)
    for number, job in enumerate(prepared.jobs, start=1):
        logger.info("%s: sequence %d of %d", job.target.label, number, len(prepared.jobs))
        outcomes[job.target.label] = _run(job)
    if not outcomes:
        logger.info("%s: nothing left to do, all results are there", root)
    labels = {target.label for target in prepared.targets} | outcomes.keys()
    ordered = sorted(labels, key=lambda label: Path(label).parts)
    return [outcomes.get(label, Outcome(label, Kind.THERE)) for label in ordered]


def _run(job: Job) -> Outcome:
    label = job.target.label
    # Hours may have passed, and another process may have been at it.
    if job.target.done and not job.options.overwrite:
        return Outcome(label, Kind.THERE)
    ending = run_apart(run_job, job)
    if ending.problem is None:
        return Outcome(label, Kind.WRITTEN, str(job.target.result_dir))
    # A result takes its place last of all, so this one is of another process that was faster.
    if job.target.done and not (job.options.overwrite or ending.unexpected):
        return Outcome(label, Kind.THERE)
    return _failed(label, ending.problem, unexpected=ending.unexpected)


def _failed(label: str, problem: str, *, unexpected: bool = False) -> Outcome:
    logger.error("%s: failed: %s", label, problem)
    return Outcome(label, Kind.FAILED, problem, unexpected)


def run_job(job: Job) -> None:
    """Plan and run one sequence; what its process does."""
    target = job.target
    run = find_run(target.dataset_dir, target.name, target.result_dir, job.options)
    logger.info("%s", run.describe())
    run.execute()
