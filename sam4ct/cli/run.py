"""`sam4ct run` and `sam4ct check`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import DATASET, OVERWRITE, REPORT, SEQUENCES, run_options
from sam4ct.io.ctc import find_sequences
from sam4ct.io.result import refuse_target
from sam4ct.pipelines.link import run_sequence
from sam4ct.pipelines.outlook import outlook
from sam4ct.pipelines.plan import Options, make_plan

logger = logging.getLogger(__name__)


@click.command()
@DATASET
@SEQUENCES
@run_options
@OVERWRITE
@REPORT
def run(dataset_dir: Path, sequences: tuple[str, ...], out: Path | None, **chosen: Any) -> None:
    """Link the sequences SEQ (all, if none is named) of a CTC dataset.

    The same command continues a run that was stopped.
    """
    options = Options(**chosen)
    found = find_sequences(dataset_dir, sequences, out)
    for sequence in found:
        refuse_target(sequence.result_dir, overwrite=options.overwrite)
    # All plans before the first run: what is wrong with any sequence is said before any work.
    plans = [make_plan(sequence, options) for sequence in found]
    for plan in plans:
        logger.info("%s", outlook(plan))
        work = run_sequence(plan, options)
        click.echo(f"{plan.sequence.result_dir}: written")
        if options.report:
            click.echo(f"{work.report}: look at it in a browser")


@click.command()
@DATASET
@SEQUENCES
@run_options
def check(dataset_dir: Path, sequences: tuple[str, ...], out: Path | None, **chosen: Any) -> None:
    """Say what `run` would do, with which profile and weights, and about how long."""
    options = Options(**chosen)
    for sequence in find_sequences(dataset_dir, sequences, out):
        plan = make_plan(sequence, options)
        click.echo(outlook(plan, timed=True))
