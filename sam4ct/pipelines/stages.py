"""Stages up to the links: each one run on a work folder, skipping what lies there already.

One function a stage, so that a whole run and a shard of it do the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from sam4ct.errors import WorkError
from sam4ct.io.ctc import CtcReader
from sam4ct.io.masks import write_masks
from sam4ct.io.progress import Progress
from sam4ct.io.tables import read_table, write_table
from sam4ct.io.workdir import WorkDir
from sam4ct.pipelines.engine import propagator_of
from sam4ct.pipelines.engine_counts import keep_counts
from sam4ct.pipelines.plan import Plan
from sam4ct.stages.associate import Scene, associate
from sam4ct.stages.costs import load_costs
from sam4ct.stages.propagate import Reach, frame_pairs, propagate_pair
from sam4ct.stages.repair import find_fragments, join, without_specks
from sam4ct.tables import Evidence, Links

READ_AT_ONCE = 64
"""Frame pairs whose evidence is read before it is packed together."""
JOINED = "joined.parquet"
"""Which fragments were linked as one region; beside the links."""


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
    propagator, counts = propagator_of(plan, reader)
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
    evidence = _evidence(work, pairs)
    profile = plan.profile
    joins = find_fragments(plan.survey.detections, evidence)
    detections, evidence = join(plan.survey.detections, evidence, joins, profile.spacing_um)
    if profile.edit_masks:
        detections, evidence = without_specks(detections, evidence, profile.min_size)
    links = associate(detections, evidence, load_costs(plan.evidence), scene_of(plan))
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


def _evidence(work: WorkDir, pairs: Sequence[tuple[int, int]]) -> Evidence:
    """Read the evidence of frame pairs, in their order."""

    def read(some: Sequence[tuple[int, int]]) -> Evidence:
        return Evidence.concat(read_table(work.evidence(*pair), Evidence) for pair in some)

    # In blocks: thousands of small tables take several times the memory of their rows.
    return Evidence.concat(
        read(pairs[first : first + READ_AT_ONCE]) for first in range(0, len(pairs), READ_AT_ONCE)
    )
