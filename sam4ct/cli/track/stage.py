"""`sam4ct stage`: the stages one by one, for workflows that spread them over machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import DATASET, OVERWRITE, REPORT, Command, frame_range, run_options
from sam4ct.errors import SequenceError
from sam4ct.io.ctc import find_sequences, refuse_target, sequence_name
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.record import Clock
from sam4ct.pipelines.link.associate import run_associate
from sam4ct.pipelines.link.plan import Options, Plan, make_plan
from sam4ct.pipelines.link.propagate import run_detect, run_propagate
from sam4ct.pipelines.link.result import run_fill
from sam4ct.pipelines.link.run import finish, run_linking


@click.group()
def stage() -> None:
    """Run single stages: propagate (in shards), then associate, generate, fill, paint."""


def _stage_options(command: Command) -> Command:
    """Arguments that all stages share."""
    return DATASET(click.argument("sequence", metavar="SEQ")(run_options(command)))


@contextmanager
def _opened(plan: Plan, *, shared: bool = False) -> Iterator[WorkDir]:
    """Open the work folder of a run, with the detections in it."""
    with WorkDir.open(plan.sequence.work_dir, plan.key(), shared=shared) as work:
        run_detect(plan, work)
        yield work


def _planned(dataset_dir: Path, sequence: str, out: Path | None, options: Options) -> Plan:
    from sam4ct.pipelines.dispatch import refuse_stages  # zarr takes a moment to import

    name = sequence_name(dataset_dir, sequence)
    refuse_stages(dataset_dir, name, options)
    (found,) = find_sequences(dataset_dir, [name], out)
    return make_plan(found, options)


def _frames_of(plan: Plan, wanted: slice) -> range:
    """Return the frames of a shard; none is a slip in a workflow, not a wish."""
    count = plan.survey.checked.frames
    frames = range(*wanted.indices(count))
    if not frames:
        raise SequenceError(
            f"{plan.sequence.images[0].parent}: has the frames 0 to {count - 1}, none of which is"
            f" in --frames {wanted.start}:{wanted.stop}. Give a range of frames that are there."
        )
    return frames


@stage.command()
@_stage_options
@click.option(
    "--frames",
    default=":",
    metavar="A:B",
    callback=frame_range,
    help="Process only the pairs (t, t + dt) with A <= t < B.  [default: all]",
)
def propagate(
    dataset_dir: Path, sequence: str, out: Path | None, frames: slice, **chosen: Any
) -> None:
    """Gather evidence for pairs of frames; several shards may run at once."""
    plan = _planned(dataset_dir, sequence, out, Options(**chosen))
    with _opened(plan, shared=True) as work:
        run_propagate(plan, work, _frames_of(plan, frames))


@stage.command()
@_stage_options
def associate(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
    """Link the sequence, once all evidence is there."""
    plan = _planned(dataset_dir, sequence, out, Options(**chosen))
    with _opened(plan) as work:
        run_associate(plan, work)


@stage.command()
@_stage_options
def generate(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
    """Segment missed cells, and link the sequence with them; nothing if that is not asked for.

    One process does all frames: a cell is followed from one into the next.
    """
    plan = _planned(dataset_dir, sequence, out, Options(**chosen))
    with _opened(plan) as work:
        run_linking(plan, work, Clock())


@stage.command()
@_stage_options
def fill(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
    """Generate regions for the frames in which linked cells were missed."""
    plan = _planned(dataset_dir, sequence, out, Options(**chosen))
    with _opened(plan) as work:
        run_fill(plan, work, run_linking(plan, work, Clock()))


@stage.command()
@_stage_options
@OVERWRITE
@REPORT
def paint(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
    """Write the result, run.json and the report; does what is left since propagate."""
    options = Options(**chosen)
    plan = _planned(dataset_dir, sequence, out, options)
    refuse_target(plan.sequence.result_dir, overwrite=options.overwrite)
    clock = Clock()
    with _opened(plan) as work:
        links = run_linking(plan, work, clock)
        finish(plan, work, links, options, clock, resumed=True)
