"""`sam4ct stage`: the stages one by one, for workflows that spread them over machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.run import DATASET, run_options
from sam4ct.io.ctc import find_sequences
from sam4ct.io.result import prepare_target
from sam4ct.io.workdir import WorkDir
from sam4ct.pipelines.link import Clock, finish
from sam4ct.pipelines.plan import Options, Plan, make_plan
from sam4ct.pipelines.stages import run_associate, run_detect, run_fill, run_propagate


class FrameRange(click.ParamType[slice]):
    """A:B, the frames A to B - 1; either may be left out."""

    name = "A:B"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> slice:
        first, colon, last = value.partition(":")
        if not colon or not all(part.isdigit() or not part for part in (first, last)):
            self.fail(f"{value!r} is not a range of frames such as 0:50.", param, ctx)
        return slice(int(first or 0), int(last) if last else None)


@click.group()
def stage() -> None:
    """Run single stages: propagate (in shards), then associate, fill, paint."""


def _stage_options(command: Any) -> Any:
    """Arguments that all stages share."""
    command = run_options(command)
    command = click.argument("sequence", metavar="SEQ")(command)
    return DATASET(command)


@contextmanager
def _opened(
    dataset_dir: Path, sequence: str, out: Path | None, options: Options, *, shared: bool = False
) -> Iterator[tuple[Plan, WorkDir]]:
    """Settle the run and open its work folder, with the detections in it."""
    (found,) = find_sequences(dataset_dir, [sequence], out)
    plan = make_plan(found, options)
    with WorkDir.open(plan.sequence.work_dir, plan.key(), shared=shared) as work:
        run_detect(plan, work)
        yield plan, work


@stage.command()
@_stage_options
@click.option(
    "--frames", type=FrameRange(), default=":", help="Frames t of the pairs (t, t + dt) to do."
)
def propagate(
    dataset_dir: Path, sequence: str, out: Path | None, frames: slice, **chosen: Any
) -> None:
    """Gather evidence for pairs of frames; several shards may run at once."""
    with _opened(dataset_dir, sequence, out, Options(**chosen), shared=True) as (plan, work):
        run_propagate(plan, work, range(*frames.indices(plan.survey.checked.frames)))


@stage.command()
@_stage_options
def associate(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
    """Link the sequence, once all evidence is there."""
    with _opened(dataset_dir, sequence, out, Options(**chosen)) as (plan, work):
        run_associate(plan, work)


@stage.command()
@_stage_options
def fill(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
    """Generate regions for the frames in which linked cells were missed."""
    with _opened(dataset_dir, sequence, out, Options(**chosen)) as (plan, work):
        run_fill(plan, work, run_associate(plan, work))


@stage.command()
@_stage_options
@click.option("--overwrite", is_flag=True, help="Replace an existing result.")
@click.option("--report/--no-report", default=True, help="Write report.html.")
def paint(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
    """Write the result, run.json and the report; does what is left of the stages before."""
    options = Options(**chosen)
    with _opened(dataset_dir, sequence, out, options) as (plan, work):
        prepare_target(plan.sequence.result_dir, overwrite=options.overwrite)
        finish(plan, work, run_associate(plan, work), options, {}, Clock())
