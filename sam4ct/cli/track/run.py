"""`sam4ct run` and `sam4ct check`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import (
    DATASET,
    EXPORT,
    OVERWRITE,
    REPORT,
    SEQUENCES,
    run_options,
    track_options,
)
from sam4ct.cli.track.images_and_masks import movie_or_dataset
from sam4ct.io.ctc import refuse_target
from sam4ct.pipelines.common.options import Options

logger = logging.getLogger(__name__)


@click.command()
@DATASET
@SEQUENCES
@run_options
@track_options
@OVERWRITE
@REPORT
@EXPORT
@movie_or_dataset
def run(dataset_dir: Path, sequences: tuple[str, ...], out: Path | None, **chosen: Any) -> None:
    """Link or track the sequences SEQ (all, if none is named) of a CTC dataset.

    Masks, SS_ERR_SEG, are linked; where there are seeds, SS_SEEDS, and initial tracks instead,
    these are followed through volumes. The same command continues a run that was stopped.
    """
    from sam4ct.pipelines.dispatch import find_runs  # zarr takes a moment to import
    from sam4ct.pipelines.tools.export import export_run, refuse_exports

    runs = find_runs(dataset_dir, sequences, out, Options(**chosen))
    for run in runs:
        refuse_target(run.sequence.result_dir, overwrite=run.replaces)
        refuse_exports(run)
    # All are planned before the first is run: what is wrong with any is said before any work.
    for run, description in [(run, run.describe()) for run in runs]:
        logger.info("%s", description)
        work = run.execute()
        click.echo(f"{run.sequence.result_dir}: written")
        if run.options.report and work.report.exists():
            click.echo(f"{work.report}: look at it in a browser")
        for place in export_run(run):
            click.echo(f"{place}: written")


@click.command()
@DATASET
@SEQUENCES
@run_options
@track_options
@movie_or_dataset
def check(dataset_dir: Path, sequences: tuple[str, ...], out: Path | None, **chosen: Any) -> None:
    """Say what `run` would do, with which profile and weights, and about how long."""
    from sam4ct.pipelines.dispatch import find_runs

    for run in find_runs(dataset_dir, sequences, out, Options(**chosen)):
        click.echo(run.describe())
        if estimate := run.estimate():
            click.echo(f"  {estimate}")
