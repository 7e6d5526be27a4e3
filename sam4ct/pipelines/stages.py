"""Stages: each one run on a work folder, skipping what lies there already.

One function a stage, so that a whole run and a shard of it do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import WorkError
from sam4ct.geometry import WindowPlan
from sam4ct.intensity import prepared
from sam4ct.io.ctc import CtcReader
from sam4ct.io.masks import read_masks, write_masks
from sam4ct.io.names import frame_files
from sam4ct.io.progress import Progress
from sam4ct.io.result import MASK, ResultWriter
from sam4ct.io.tables import read_table, write_table
from sam4ct.io.workdir import WorkDir
from sam4ct.pipelines.engine_counts import keep_counts
from sam4ct.pipelines.plan import Plan
from sam4ct.regions import Region
from sam4ct.stages.associate import Scene, associate
from sam4ct.stages.costs import load_costs
from sam4ct.stages.fill import FillRules, Generated, fill_gaps
from sam4ct.stages.paint import paint
from sam4ct.stages.propagate import Reach, StayPut, frame_pairs, propagate_pair
from sam4ct.stages.repair import (
    JoinedFrames,
    find_fragments,
    join,
    joined_detections,
    without_specks,
)
from sam4ct.stages.trace import Traced, trace
from sam4ct.tables import Detections, Evidence, Joins, Links
from sam4ct.types import FrameReader, Propagator

if TYPE_CHECKING:
    from sam4ct.models.sam2 import Sam2Propagator

FILLED = "generated.parquet"
JOINED = "joined.parquet"


def run_detect(plan: Plan, work: WorkDir) -> bool:
    """Keep the table of detections.

    Returns:
        Whether it lay there: then an earlier run with this input and profile got so far.
    """
    work.stage("detect", plan.stage_key("detect"))
    if work.has(work.detections):
        return True
    write_table(work.detections, plan.survey.detections)
    return False


def run_propagate(plan: Plan, work: WorkDir, frames: range | None = None) -> None:
    """Gather the evidence of all frame pairs that begin in some frames.

    Args:
        plan: The run.
        work: Open work folder; pairs whose evidence lies there are skipped.
        frames: Frames t of the pairs (t, t + dt); all if None.
    """
    work.stage("propagate", plan.stage_key("propagate"))
    pairs = [pair for pair in _pairs(plan) if frames is None or pair[0] in frames]
    missing = [p for p in pairs if not (work.has(work.evidence(*p)) and work.has(work.masks(*p)))]
    if not missing:
        return
    reader = CtcReader(plan.sequence)
    propagator, counts = _propagator(plan, reader)
    reach = Reach(plan.profile.spacing_um, _radius_um(plan))
    done = len(pairs) - len(missing)
    with Progress(len(pairs), "propagate", "frame pairs", done=done) as progress:
        for t, dt in missing:
            found = propagate_pair(reader, plan.survey.detections, propagator, (t, dt), reach)
            if done_so_far := counts():
                keep_counts(work, missing[0], done_so_far)
            write_masks(
                work.masks(t, dt),
                [(m.t, m.label, m.t2, m.found.object_score, m.found.region) for m in found.masks],
            )
            write_table(work.evidence(t, dt), found.evidence)
            propagator.forget_before(t + dt - plan.profile.max_gap - 1)
            progress.step(note=f"{len(found.masks)} regions")


def _pairs(plan: Plan) -> list[tuple[int, int]]:
    """All frame pairs (t, dt) of the sequence."""
    return list(frame_pairs(plan.survey.checked.frames, plan.profile.max_gap))


def _radius_um(plan: Plan) -> float:
    """How far a cell may go in a frame: the profile's radius, at least one and a half diameters."""
    return max(plan.profile.link_radius_px, 1.5 * plan.diameter_px) * plan.profile.spacing_um[-1]


def _propagator(plan: Plan, reader: CtcReader) -> tuple[Propagator, Callable[[], dict[str, int]]]:
    """Return the propagator, and a function that tells what it has done so far."""
    if plan.evidence == "overlap":
        return StayPut(), dict
    windows = WindowPlan.of(plan.survey.detections, plan.grid, plan.profile.max_gap + 1)
    engine = sam2_engine(plan, reader, windows)
    return engine, lambda: asdict(engine.counters)


def sam2_engine(plan: Plan, reader: CtcReader, windows: WindowPlan) -> Sam2Propagator:
    """Return the SAM 2 engine of a run, with its weights on its device.

    Args:
        plan: The run.
        reader: For the images.
        windows: Where the engine will look.

    Raises:
        WeightsError: The weights are missing, or not what the manifest says.
    """
    # Here, because torch takes seconds to load and the other stages do without it.
    from sam4ct.models.sam2 import EngineSettings, Sam2Propagator
    from sam4ct.models.weights import load_sam2

    profile = plan.profile

    def image(t: int) -> NDArray[np.float32]:
        return prepared(reader.image(t), median_px=profile.median_px, gamma=profile.gamma)

    return Sam2Propagator(
        load_sam2(plan.weights["sam2"], plan.device),
        image,
        windows,
        EngineSettings(device=plan.device, prompt=profile.prompt),
    )


def run_associate(plan: Plan, work: WorkDir) -> Links:
    """Link the whole sequence.

    Raises:
        WorkError: The evidence of some frame pair is missing.
    """
    work.stage("associate", plan.stage_key("associate"))
    if work.has(work.links):
        return read_table(work.links, Links)
    pairs = _pairs(plan)
    missing = [pair for pair in pairs if not work.has(work.evidence(*pair))]
    if missing:
        raise WorkError(
            f"{work.root}: the evidence of {len(missing)} frame pairs is missing, the first"
            f" begins at frame {missing[0][0]}. Run `sam4ct stage propagate` for all frames first."
        )
    evidence = Evidence.concat(read_table(work.evidence(*pair), Evidence) for pair in pairs)
    profile = plan.profile
    joins = find_fragments(plan.survey.detections, evidence)
    detections, evidence = join(plan.survey.detections, evidence, joins, profile.spacing_um)
    if profile.edit_masks:
        detections, evidence = without_specks(detections, evidence, profile.min_size)
    links = associate(
        detections,
        evidence,
        load_costs(plan.evidence),
        scene_of(plan),
    )
    write_table(work.artifact("associate", JOINED), joins)
    write_table(work.links, links)
    return links


def scene_of(plan: Plan) -> Scene:
    """Return what association must know of a run beside its tables."""
    shape, profile = plan.survey.checked.shape, plan.profile
    return Scene(
        frames=len(plan.sequence.images),
        ndim=len(shape),
        spacing_um=profile.spacing_um,
        shape=(shape[-2], shape[-1]),
        border_px=profile.border_px,
        divide=profile.division,
        min_cycle_frames=profile.min_cycle_frames,
    )


def linked_regions(plan: Plan, work: WorkDir) -> tuple[Detections, FrameReader]:
    """Return the regions that `run_associate` linked, and a reader of their masks.

    With `edit_masks`, fragments are joined and specks are gone. Without, both are
    there: a fragment is then a track of its own beside the one that goes on.
    """
    detections, reader = plan.survey.detections, CtcReader(plan.sequence)
    if not plan.profile.edit_masks:
        return detections, reader
    joins = read_table(work.artifact("associate", JOINED), Joins)
    whole = joined_detections(detections, joins)
    return whole.take(whole.size > plan.profile.min_size), JoinedFrames(reader, joins)


def run_fill(plan: Plan, work: WorkDir, links: Links) -> list[Generated]:
    """Generate regions for the frames in which linked cells were missed."""
    work.stage("fill", plan.stage_key("fill"))
    path = work.artifact("fill", FILLED)
    if not work.has(path):

        def propagated(t: int, label: int, t2: int) -> Region | None:
            rows = read_masks(work.masks(min(t, t2), abs(t2 - t)), t=t, labels=[label])
            return rows[0].region if rows else None

        made = fill_gaps(
            links,
            linked_regions(plan, work)[1],
            propagated,
            FillRules(method=plan.profile.fill, min_size=plan.profile.min_size),
        )
        write_masks(path, [(g.source_t, g.source_label, g.t, 0.0, g.region) for g in made])
    return [Generated(row.t2, row.t, row.label, row.region) for row in read_masks(path)]


@dataclass(frozen=True)
class Painted:
    """A painted result that has not yet taken its place."""

    traced: Traced
    masks: Mapping[int, Path]
    """By frame."""


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
        yield Painted(traced, frame_files(writer.folder, MASK).files)
