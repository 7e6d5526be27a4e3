"""Detect and propagate: keep the table of given regions, and gather evidence of frame pairs.

Files that are in the work folder are not made again, so a run continues what shards have done.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial

from sam4ct.io.ctc import CtcReader
from sam4ct.io.work import WorkDir, write_masks, write_table
from sam4ct.pipelines.common.engine_counts import keep_counts, pair_part
from sam4ct.pipelines.common.prefetch import Behind, LabelsAhead
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.masks import Masks, Pair, PairFiles
from sam4ct.pipelines.link.networks import propagator_of
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.survey import keep
from sam4ct.regions import Region, regions_of
from sam4ct.runtime import Progress
from sam4ct.stages.propagate import Masks as FrameMasks
from sam4ct.stages.propagate import Propagations, Reach, frame_pairs
from sam4ct.types import FrameReader, Propagator


def detect(run: Session[Plan]) -> Masks:
    """Write the table of the given regions; return the given masks."""
    run.begin("detect")
    run.resumed = run.work.has(run.work.detections)
    keep(run.plan.survey, run.work)
    return Masks(
        plan=run.plan,
        detections=run.plan.survey.detections,
        reader=CtcReader(run.plan.sequence),
    )


def propagate(run: Session[Plan], masks: Masks, frames: range | None = None) -> Masks:
    """Gather the evidence of frame pairs; return the masks with that of all pairs.

    Args:
        run: The session; pairs whose evidence is in its work folder are skipped.
        masks: The given masks.
        frames: The frames t of the pairs (t, t + dt) to do; None: all.
    """
    run.begin("propagate")
    work = run.work
    files = {
        pair: PairFiles(work.evidence(*pair), work.masks(*pair)) for pair in all_pairs(run.plan)
    }
    masks = masks.with_files(files)
    pairs = [pair for pair in files if frames is None or pair[0] in frames]
    gather(work, "propagate", masks, pairs, partial(propagator_of, run.plan))
    return masks


def gather(
    work: WorkDir,
    stage: str,
    masks: Masks,
    pairs: Sequence[Pair],
    propagator_for: Callable[[FrameReader], tuple[Propagator, Callable[[], dict[str, int]]]],
    new: Container[tuple[int, int]] | None = None,
) -> None:
    """Write the evidence of frame pairs (t, dt) that is missing.

    Args:
        work: Open work folder.
        stage: The stage that owns the files.
        masks: Their `files` name the files to write, the last of every pair.
        pairs: The pairs wanted.
        propagator_for: Takes a reader of the masks; see `propagator_of`. Called if anything is
            missing, because loading a network takes seconds.
        new: Regions (t, label) whose propagated masks are to be kept; None: all.
    """
    missing = [pair for pair in pairs if not all(map(work.has, masks.files[pair][-1]))]
    if not missing:
        return
    reader, gap = LabelsAhead(masks.reader), masks.plan.profile.max_gap
    propagator, counts = propagator_for(reader)
    keep_pair = partial(_keep, masks=masks, reach=reach_of(masks.plan), new=new)
    regions: dict[int, Mapping[int, Region]] = {}

    def frame(t: int) -> FrameMasks:
        labels = reader.labels(t)
        if t not in regions:
            regions[t] = regions_of(labels)
        return FrameMasks(labels, regions[t])

    done = len(pairs) - len(missing)
    with Progress(len(pairs), stage, "frame pairs", done=done) as progress, Behind() as behind:
        for t, dt in missing:
            found = Propagations.between({s: frame(s) for s in (t, t + dt)}, propagator)
            # The network goes on meanwhile.
            behind.do(partial(keep_pair, masks.files[t, dt][-1], found))
            if done_so_far := counts():
                behind.do(partial(keep_counts, work, stage, pair_part(*missing[0]), done_so_far))
            oldest = t + dt - gap - 1
            propagator.forget_before(oldest)
            for gone in [s for s in regions if s < oldest]:
                del regions[gone]
            progress.step(note=f"{len(found)} regions")


def _keep(
    files: PairFiles,
    found: Propagations,
    masks: Masks,
    reach: Reach,
    new: Container[tuple[int, int]] | None,
) -> None:
    """Compare propagated masks with the regions of a frame pair; write both, evidence last.

    Only propagated masks of new regions are written: the others are in earlier files.
    """
    learned = found.compared(masks.detections, reach)
    kept = [mask for mask in learned.masks if new is None or (mask.t, mask.label) in new]
    write_masks(
        files.masks, [(m.t, m.label, m.t2, m.found.object_score, m.found.region) for m in kept]
    )
    write_table(files.evidence, learned.evidence)


def all_pairs(plan: Plan) -> list[Pair]:
    """All frame pairs (t, dt) of the sequence."""
    return list(frame_pairs(plan.survey.checked.frames, plan.profile.max_gap))


def reach_of(plan: Plan) -> Reach:
    """How far a cell may move per frame: the profile's radius, at least 1.5 diameters."""
    spacing = plan.profile.spacing_um
    radius = max(plan.profile.link_radius_px, 1.5 * plan.diameter_px)
    return Reach(spacing, radius * spacing[-1], plan.jumps)
