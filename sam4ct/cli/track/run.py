"""`sam4ct run` and `sam4ct check`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sam4ct.cli.options import (
    DATASET,
    OVERWRITE,
    REPORT,
    SEQUENCES,
    run_options,
    track_options,
)
from sam4ct.errors import ProfileError
from sam4ct.io.ctc import refuse_target
from sam4ct.pipelines.link.plan import Options

if TYPE_CHECKING:
    from sam4ct.pipelines.dispatch import AnySequence

logger = logging.getLogger(__name__)


@click.command()
@DATASET
@SEQUENCES
@run_options
@track_options
@OVERWRITE
@REPORT
def run(dataset_dir: Path, sequences: tuple[str, ...], out: Path | None, **chosen: Any) -> None:
    """Link or track the sequences SEQ (all, if none is named) of a CTC dataset.

    Masks, SS_ERR_SEG, are linked; where there are seeds, SS_SEEDS, and initial tracks instead,
    these are followed through volumes. The same command continues a run that was stopped.
    """
    from sam4ct.pipelines.dispatch import (  # zarr takes a moment to import
        do_run,
        find_runs,
        outlook_of,
        plan_run,
    )

    options = Options(**chosen)
    found = find_runs(dataset_dir, sequences, out, options)
    _refuse_useless(found, options)
    for sequence in found:
        refuse_target(sequence.result_dir, overwrite=options.overwrite)
    # All plans before the first run: what is wrong with any sequence is said before any work.
    plans = [plan_run(sequence, options) for sequence in found]
    for plan in plans:
        logger.info("%s", outlook_of(plan))
        work = do_run(plan, options)
        click.echo(f"{plan.sequence.result_dir}: written")
        if options.report and work.report.exists():
            click.echo(f"{work.report}: look at it in a browser")


@click.command()
@DATASET
@SEQUENCES
@run_options
@track_options
def check(dataset_dir: Path, sequences: tuple[str, ...], out: Path | None, **chosen: Any) -> None:
    """Say what `run` would do, with which profile and weights, and about how long."""
    from sam4ct.pipelines.dispatch import find_runs, outlook_of, plan_run

    options = Options(**chosen)
    found = find_runs(dataset_dir, sequences, out, options)
    _refuse_useless(found, options)
    for sequence in found:
        plan = plan_run(sequence, options)
        click.echo(outlook_of(plan, timed=True))


def _refuse_useless(found: Sequence[AnySequence], options: Options) -> None:
    """Refuse an option that would change nothing for a sequence."""
    from sam4ct.io.follow import TrackSequence

    followed = [sequence for sequence in found if isinstance(sequence, TrackSequence)]
    if options.fast and followed:
        raise ProfileError(
            f"{followed[0].result_dir}: --fast: is not used where cells are followed by seeds:"
            " there are no masks to compare. Leave it out."
        )
    if options.edit_masks is not None and followed:
        option = "--edit-masks" if options.edit_masks else "--no-edit-masks"
        raise ProfileError(
            f"{followed[0].result_dir}: {option} is not used where cells are followed by seeds:"
            " there are no given masks. Remove it."
        )
