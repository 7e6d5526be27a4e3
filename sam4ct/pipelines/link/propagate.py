"""Stages up to the evidence: each one run on a work folder, skipping what lies there already.

One function a stage, so that a whole run and a shard of it do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sam4ct.io.ctc import CtcReader
from sam4ct.io.work import WorkDir, read_table, write_masks, write_table
from sam4ct.pipelines.common.engine_counts import keep_counts
from sam4ct.pipelines.common.prefetch import Behind, LabelsAhead
from sam4ct.pipelines.link.networks import propagator_of
from sam4ct.pipelines.link.plan import Plan
from sam4ct.regions import Region, regions_of
from sam4ct.runtime import Progress
from sam4ct.stages.propagate import Masks, Propagations, Reach, frame_pairs
from sam4ct.tables import Detections, Evidence
from sam4ct.types import FrameReader, Propagator


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
    pairs = [pair for pair in all_pairs(plan) if frames is None or pair[0] in frames]
    files = {pair: PairFiles(work.evidence(*pair), work.masks(*pair)) for pair in pairs}

    def asked() -> Asked:
        reader = LabelsAhead(CtcReader(plan.sequence))
        return Asked(reader, plan.survey.detections, *propagator_of(plan, reader))

    gather(plan, work, files, asked, "propagate")


class PairFiles(NamedTuple):
    """Where the evidence of a frame pair lies."""

    evidence: Path
    masks: Path


class Asked(NamedTuple):
    """Who is asked for evidence, and about what."""

    reader: FrameReader
    detections: Detections
    propagator: Propagator
    counts: Callable[[], dict[str, int]]
    """What the propagator has done so far."""
    new: Callable[[int, int], bool] = lambda t, label: True
    """Whether the propagated masks of a region are to be kept; others lie elsewhere."""


def gather(
    plan: Plan,
    work: WorkDir,
    files: Mapping[tuple[int, int], PairFiles],
    prepared: Callable[[], Asked],
    stage: str,
) -> None:
    """Write the evidence of frame pairs (t, dt), as far as it is not there.

    Args:
        plan: The run.
        work: Open work folder.
        files: Where the evidence of each pair goes.
        prepared: Called if anything is left to do: loading a network takes seconds.
        stage: Whose files these are.
    """
    missing = [pair for pair, both in files.items() if not all(map(work.has, both))]
    if not missing:
        return
    asked = prepared()
    propagator, reach, gap = asked.propagator, reach_of(plan), plan.profile.max_gap
    done = len(files) - len(missing)
    regions: dict[int, Mapping[int, Region]] = {}

    def masks(t: int) -> Masks:
        labels = asked.reader.labels(t)
        if t not in regions:
            regions[t] = regions_of(labels)
        return Masks(labels, regions[t])

    with Progress(len(files), stage, "frame pairs", done=done) as progress, Behind() as behind:
        for t, dt in missing:
            found = Propagations.between({s: masks(s) for s in (t, t + dt)}, propagator)
            # The network goes on meanwhile.
            behind.do(partial(_keep, files[t, dt], found, asked, reach))
            if done_so_far := asked.counts():
                behind.do(partial(keep_counts, work, missing[0], done_so_far, stage))
            oldest = t + dt - gap - 1
            propagator.forget_before(oldest)
            for gone in [s for s in regions if s < oldest]:
                del regions[gone]
            progress.step(note=f"{len(found)} regions")


def _keep(files: PairFiles, found: Propagations, asked: Asked, reach: Reach) -> None:
    """Compare and write what was found in a frame pair; the evidence last."""
    learned = found.compared(asked.detections, reach)
    kept = [mask for mask in learned.masks if asked.new(mask.t, mask.label)]
    write_masks(
        files.masks, [(m.t, m.label, m.t2, m.found.object_score, m.found.region) for m in kept]
    )
    write_table(files.evidence, learned.evidence)


def all_pairs(plan: Plan) -> list[tuple[int, int]]:
    """All frame pairs (t, dt) of the sequence."""
    return list(frame_pairs(plan.survey.checked.frames, plan.profile.max_gap))


def reach_of(plan: Plan) -> Reach:
    """How far a cell may go in a frame: the profile's radius, at least one and a half diameters."""
    spacing = plan.profile.spacing_um
    radius = max(plan.profile.link_radius_px, 1.5 * plan.diameter_px)
    return Reach(spacing, radius * spacing[-1], plan.jumps)


def read_evidence(paths: Sequence[Path]) -> Evidence:
    """Read the evidence of frame pairs, in their order."""
    return Evidence.concat(read_table(path, Evidence) for path in paths)
