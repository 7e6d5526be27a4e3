"""Run all: `sam4ct run` for every sequence below a folder, each in a process of its own.

A crash, a broken CUDA context or a lack of memory ends one sequence, and the next one begins.
The same command continues what was stopped: what is done is left as it is.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sam4ct.pipelines.batch.preparation import prepare
from sam4ct.pipelines.batch.targets import Job
from sam4ct.pipelines.common.options import Options
from sam4ct.runtime import EXIT_TRY_AGAIN, log_level, start_child

logger = logging.getLogger(__name__)


class Kind(Enum):
    """How a sequence ended."""

    WRITTEN = "written"
    THERE = "there already"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """How one sequence ended."""

    label: str
    """Its path below the folder, `DATASET/SS`."""
    kind: Kind
    detail: str = ""
    """Where the result was written, or what went wrong."""
    unexpected: bool = False
    """Whether it failed by a fault of the program."""


@dataclass(frozen=True)
class Ending:
    """How a command ended."""

    problem: str | None = None
    """What went wrong; None if all went well."""
    unexpected: bool = False
    """Whether it was a fault of the program, whose traceback is on stderr."""


def run_all(root: Path, options: Options, out: Path | None = None) -> list[Outcome]:
    """Run all sequences below a folder whose results are not there.

    Args:
        root: Holds datasets, or is one.
        options: What the user chose; each sequence takes those that it uses.
        out: Results go to `DATASET/SS_RES` below it; None: beside the input.

    Returns:
        How each ended, in order of their paths.

    Raises:
        Sam4ctError: None can be run; see `prepare`.
    """
    prepared = prepare(root, options, out)
    outcomes = {label: _failed(label, problem) for label, problem in prepared.refused.items()}
    for number, job in enumerate(prepared.jobs, start=1):
        logger.info("%s: sequence %d of %d", job.target.label, number, len(prepared.jobs))
        outcomes[job.target.label] = _run(job)
    if not outcomes:
        logger.info("%s: nothing left to do, all results are there", root)
    labels = {target.label for target in prepared.targets} | outcomes.keys()
    ordered = sorted(labels, key=lambda label: Path(label).parts)
    return [outcomes.get(label, Outcome(label, Kind.THERE)) for label in ordered]


def _run(job: Job) -> Outcome:
    label, overwrite = job.target.label, job.options.overwrite
    # Hours may have passed, and another process may have been at it.
    if not overwrite and job.target.stands(job.options):
        return Outcome(label, Kind.THERE)
    ending = run_command(job.arguments())
    if ending.problem is None:
        return Outcome(label, Kind.WRITTEN, str(job.target.result_dir))
    # A result takes its place last of all, so this one is of another process that was faster.
    if job.target.stands(job.options) and not (overwrite or ending.unexpected):
        return Outcome(label, Kind.THERE)
    return _failed(label, ending.problem, unexpected=ending.unexpected)


def _failed(label: str, problem: str, *, unexpected: bool = False) -> Outcome:
    logger.error("%s: failed: %s", label, problem)
    return Outcome(label, Kind.FAILED, problem, unexpected)


def run_command(arguments: Sequence[str]) -> Ending:
    """Run a command of sam4ct in a process that ends with this one, and wait for it.

    Args:
        arguments: Of the command; `-q` or `-v` is added if this process was called with it.
    """
    level = log_level()
    loud = [] if level == logging.INFO else ["-v" if level < logging.INFO else "-q"]
    # Not `-m sam4ct`, which would look for modules in the working folder first.
    program = f"import sys; sys.path[:] = {sys.path}; from sam4ct.__main__ import main; main()"
    return run_apart([sys.executable, "-P", "-c", program, *loud, *arguments])


def run_apart(command: Sequence[str]) -> Ending:
    """Start a process that ends with this one, and wait for it."""
    process, socket = start_child(command)
    with socket, socket.makefile("rb") as told:
        problem = told.read().decode(errors="surrogateescape")
    return _ending(problem, process.wait())


def _ending(problem: str, status: int) -> Ending:
    if problem or status == 0:
        return Ending(problem or None)
    if status == EXIT_TRY_AGAIN:
        return Ending("was stopped by a signal. Run the same command to continue.")
    if status == 1:
        return Ending("a fault of the program; its traceback is above", unexpected=True)
    if status > 0:
        return Ending(f"ended with status {status}; its message is above")
    name = signal.Signals(-status).name
    hint = "; mostly that is for lack of memory: give it more" if -status == signal.SIGKILL else ""
    return Ending(f"its process was ended by {name}{hint}")
