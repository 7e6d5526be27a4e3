"""Results: from accepted links to the result folder, by filling gaps and painting frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sam4ct.io.ctc import MASK, ResultWriter
from sam4ct.io.files import frame_files
from sam4ct.io.work import WorkDir, read_masks, read_table, write_masks
from sam4ct.pipelines.link.associate import JOINED
from sam4ct.pipelines.link.edited_evidence import propagated
from sam4ct.pipelines.link.generated import dropped, given_and_generated, segmented
from sam4ct.pipelines.link.plan import Plan
from sam4ct.runtime import Progress
from sam4ct.stages.fill import FillRules, Generated, as_background, fill_gaps, without
from sam4ct.stages.paint import Traced, paint, trace
from sam4ct.stages.repair import JoinedFrames, joined_detections, specks
from sam4ct.tables import Detections, Joins, Links, row_numbers
from sam4ct.types import FrameReader

FILLED = "generated.parquet"


def linked_regions(plan: Plan, work: WorkDir) -> tuple[Detections, FrameReader]:
    """Return the regions that were linked, given and generated, and a reader of their masks.

    With `edit_masks`, fragments are joined and specks are gone. Without, both are
    there: a fragment is then a track of its own beside the one that goes on.
    """
    detections, reader = given_and_generated(plan, work)
    joins = dropped(plan, work)
    detections = without(detections, joins)
    if plan.profile.edit_masks:
        fragments = read_table(work.artifact("associate", JOINED), Joins)
        detections = joined_detections(detections, fragments)
        small = specks(detections, plan.profile.min_size, plan.edge)
        joins = Joins.concat([fragments, joins, as_background(detections.take(small))])
        detections = detections.take(~small)
    return detections, JoinedFrames(reader, joins) if len(joins) else reader


def _method(plan: Plan) -> str:
    """How gaps are filled; without a network nothing was propagated but the mask as it was."""
    method = plan.profile.fill
    return "interpolate" if method == "propagate" and plan.evidence == "overlap" else method


def run_fill(plan: Plan, work: WorkDir, links: Links) -> list[Generated]:
    """Generate regions for the frames in which linked cells were missed."""
    work.stage("fill", plan.stage_key("fill"))
    path = work.artifact("fill", FILLED)
    if not work.has(path):
        made = fill_gaps(
            links,
            linked_regions(plan, work)[1],
            partial(propagated, work),
            FillRules(
                method=_method(plan),
                min_size=plan.profile.min_size,
                spacing_um=plan.profile.spacing_um,
                jumps=plan.jumps,
            ),
        )
        write_masks(path, [(g.source_t, g.source_label, g.t, 0.0, g.region) for g in made])
    return [Generated(row.t2, row.t, row.label, row.region) for row in read_masks(path)]


@dataclass(frozen=True)
class Painted:
    """A painted result that has not yet taken its place."""

    traced: Traced
    masks: Mapping[int, Path]
    """By frame."""
    segmented: Sequence[tuple[int, int]]
    """(t, track label) of the regions that mask generation added."""


@contextmanager
def run_paint(
    plan: Plan,
    work: WorkDir,
    links: Links,
    generated: Sequence[Generated],
    *,
    overwrite: bool,
) -> Iterator[Painted]:
    """Paint the result; the folder takes its place when the block has ended well.

    In the block goes all that a finished run has to leave beside its result: if the
    result is there, so is the rest, and the same command never finds a run half done.

    Raises:
        ResultError: A result is in the way, there are too many tracks, or the disk refuses.
    """
    work.stage("paint", plan.stage_key("paint"))
    detections, reader = linked_regions(plan, work)
    traced = trace(detections, links, generated)
    with ResultWriter(
        plan.sequence.result_dir,
        traced.tracks,
        frames=reader.frames,
        shape=plan.survey.checked.shape,
        digits=plan.sequence.digits,
        overwrite=overwrite,
    ) as writer:
        with Progress(reader.frames, "paint", "frames") as progress:
            for _ in paint(reader, detections, traced, generated, writer):
                progress.step()
        made = segmented(plan, work)
        rows = row_numbers(detections, made.t, made.label)
        tracks = traced.of_detection[rows]
        yield Painted(
            traced,
            frame_files(writer.folder, MASK).files,
            list(zip(made.t.tolist(), tracks.tolist(), strict=True)),
        )
