"""`sam4ct stage`: run the stages one by one, so that a workflow can spread them over machines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import DATASET, OVERWRITE, REPORT, Command, frame_range, run_options
from sam4ct.errors import SequenceError
from sam4ct.io.ctc import find_sequences, refuse_target, sequence_name
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.run import LinkRun, stages

NO_FRAMES = range(0)


@click.group()
def stage() -> None:
    """Run single stages: propagate (in shards), then repair, associate, ..., correct, fill, paint.

    Each first does what is missing of the stages before it, except the evidence of propagate.
    """


def _stage_options(command: Command) -> Command:
    """Arguments that all stages share."""
    return DATASET(click.argument("sequence", metavar="SEQ")(run_options(command)))


def _planned(dataset_dir: Path, sequence: str, out: Path | None, options: Options) -> LinkRun:
    from sam4ct.pipelines.dispatch import refuse_stages  # zarr takes a moment to import

    name = sequence_name(dataset_dir, sequence)
    refuse_stages(dataset_dir, name, options)
    (found,) = find_sequences(dataset_dir, [name], out)
    return LinkRun(found, options)


def _do(last: str, plan: Plan, frames: range = NO_FRAMES, *, shared: bool = False) -> None:
    """Do the stages up to one; gather the evidence of some frames only."""
    with WorkDir.open(plan.sequence.work_dir, plan.key(), shared=shared) as work:
        for done in stages(Session(plan, work), frames):
            if done == last:
                break


def _frames_of(plan: Plan, wanted: slice) -> range:
    """Return the frames of a shard; refuse an empty one, which is a mistake in a workflow."""
    count = plan.survey.checked.frames
    frames = range(*wanted.indices(count))
    if not frames:
        raise SequenceError(
            f"{plan.sequence.images[0].parent}: has the frames 0 to {count - 1}, none of which is"
            f" in --frames {wanted.start}:{wanted.stop}. Give a range of frames that are there."
        )
    return frames


def _simple(name: str, text: str) -> None:
    """Add the command of a stage that takes no options of its own."""

    @stage.command(name, help=text)
    @_stage_options
    def command(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
        plan = _planned(dataset_dir, sequence, out, Options(**chosen)).plan
        _do(name, plan, shared=name == "detect")


_simple("detect", "Read all masks, and keep the table of their regions for the other stages.")


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
    """Gather the evidence of frame pairs; several shards may run at once."""
    plan = _planned(dataset_dir, sequence, out, Options(**chosen)).plan
    _do("propagate", plan, _frames_of(plan, frames), shared=True)


_simple("repair", "Join fragments and cut merged masks, once all evidence is there.")
_simple("associate", "Link the sequence, once all evidence is there.")
_simple(
    "generate",
    "Segment missed cells, and link the sequence with them, if masks are to be generated."
    "\n\nOne process does all frames, because a cell is followed from one into the next.",
)
_simple("correct", "Obey the corrections of a person, and drop what is no cell.")
_simple("fill", "Generate regions for the frames in which linked cells were missed.")


@stage.command()
@_stage_options
@OVERWRITE
@REPORT
def paint(dataset_dir: Path, sequence: str, out: Path | None, **chosen: Any) -> None:
    """Write the result, run.json and the report; first does all that is left after propagate."""
    run = _planned(dataset_dir, sequence, out, Options(**chosen))
    refuse_target(run.sequence.result_dir, overwrite=run.replaces)
    options = replace(run.options, overwrite=run.replaces)
    _do("paint", replace(run.plan, options=options))
