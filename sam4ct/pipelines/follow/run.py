"""Track: one movie from seeds and initial tracks to result, work folder and record.

Frame by frame forward, which one machine does. All that was seen of a frame is kept as soon
as it is there; what is concluded from it takes no time and is concluded again, so that a
run that was killed at any moment goes on from the last frame.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import ResultWriter, VolumeFrames, refuse_target
from sam4ct.io.files import write_json
from sam4ct.io.work import WorkDir, write_table
from sam4ct.pipelines.common.engine_counts import keep_counts
from sam4ct.pipelines.common.record import circumstances
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.follow.artifacts import (
    frames_done,
    read_evidence,
    read_frame,
    read_regions,
    read_rows,
    write_frame,
)
from sam4ct.pipelines.follow.networks import TrackEngines
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.pipelines.follow.record import follow_rules, horizon_rules, track_record
from sam4ct.pipelines.follow.report import write_track_report
from sam4ct.pipelines.link.plan import Options
from sam4ct.regions import Region
from sam4ct.report import facts_of_run
from sam4ct.runtime import Progress
from sam4ct.stages.associate import load_costs
from sam4ct.stages.follow import Descent, Horizon, Sighted, descent, first_sight, follow
from sam4ct.tables import Links

logger = logging.getLogger(__name__)

STAGES = ("detect", "propagate", "associate", "paint")


def run_track(plan: TrackPlan, options: Options) -> WorkDir:
    """Follow the cells of a planned run, or what is left of it.

    Args:
        plan: From `make_track_plan`.
        options: The same options.

    Returns:
        The work folder; the result is at `plan.sequence.result_dir`.

    Raises:
        Sam4ctError: Something the user can mend.
    """
    sequence = plan.sequence
    refuse_target(sequence.result_dir, overwrite=options.overwrite)
    with WorkDir.open(sequence.work_dir, plan.key(), overwrite=options.overwrite) as work:
        run = Session(plan, work)
        for stage in STAGES:
            work.stage(stage, plan.stage_key(stage))
        done = frames_done(work, plan.by_frame)
        run.resumed = done > 0
        run.clock.begin("follow")
        _finish(run, run_follow(plan, work, done), options)
    return work


def _finish(run: Session[TrackPlan], links: Links, options: Options) -> None:
    """Paint and report; the result takes its place last of all."""
    plan, work = run.plan, run.work
    found = descent(plan.cells.labels, links)
    last = plan.volumes.frames - 1
    logger.info(
        "%d tracks of %d cells, %d of them end before the last frame without a division",
        len(found.tracks),
        len(plan.cells),
        len(found.lost_before(last)),
    )
    run.clock.begin("paint")
    painted = run_paint_frames(plan, work, found)
    with ResultWriter(
        plan.sequence.result_dir,
        found.tracks,
        frames=plan.volumes.frames,
        shape=plan.volumes.shape,
        digits=plan.sequence.digits,
        overwrite=options.overwrite,
    ) as writer:
        record, named = track_record(plan, work, links, found), found.labelled(links)
        write_table(work.links, named)
        if options.report:
            facts = facts_of_run(record | circumstances(run))
            run.clock.begin("report")
            _report(plan, work, found, named, facts)
        in_all = circumstances(run)
        for t in range(plan.volumes.frames):
            writer.take(t, painted.path(t), found.in_frame(t).values())
        # Before the result takes its place: if it is there, so is the rest.
        write_json(work.run_json, record | in_all)


def _report(
    plan: TrackPlan, work: WorkDir, found: Descent, links: Links, facts: Mapping[str, Any]
) -> None:
    """Write the report, or say why there is none: it shows voxels that no cell needed."""
    try:
        write_track_report(
            work.report,
            plan.volumes,
            lambda t: regions_of_tracks(work, found, t),
            lambda t: {track: track for track in found.in_frame(t).values()},
            found.tracks,
            links,
            facts,
        )
    except SequenceError as error:
        # One that is there may be of another result.
        work.report.unlink(missing_ok=True)
        logger.warning("the report is left out, the result does not need it: %s", error)


def run_follow(plan: TrackPlan, work: WorkDir, done: int) -> Links:
    """Follow the cells through all frames.

    Args:
        plan: From `make_track_plan`.
        work: Open work folder.
        done: How many frames are done; see `frames_done`.

    Returns:
        Their links; labels are those of the regions in the work folder.
    """
    frames, engines, rules = plan.volumes.frames, TrackEngines(plan), follow_rules(plan)
    costs = load_costs(plan.evidence, "track")
    seen: Sighted | None = None
    with Progress(frames, "follow", "frames", done=done) as progress:
        if done == 0:
            seen = first_sight(engines.scope, plan.initial_um, rules.sight)
            keep_counts(work, (done, 1), engines.counts())
            write_frame(work, seen, None, plan.by_frame[0])
            progress.step(note=f"{len(plan.cells)} cells")
        horizon = Horizon(read_rows(work, 0), len(plan.cells), costs, horizon_rules(plan))
        for t in range(1, frames):
            if t < done:
                horizon.add(read_rows(work, t), read_evidence(work, t))
                continue
            before = seen or read_frame(work, t - 1)
            seen, evidence = follow(
                engines.scope, engines.recogniser, before, horizon.tips(), rules
            )
            # Before the frame counts as done: what two parts both did was done twice.
            keep_counts(work, (done, 1), engines.counts())
            write_frame(work, seen, evidence, plan.by_frame[t])
            horizon.add(seen.rows, evidence)
            progress.step(note=f"{len(horizon.tips())} cells, {len(seen.regions)} regions")
    return horizon.links()


def run_paint_frames(plan: TrackPlan, work: WorkDir, found: Descent) -> VolumeFrames:
    """Paint all frames of the result into the work folder, as far as they are not there."""
    shape, digits = plan.volumes.shape, plan.sequence.digits
    painted = VolumeFrames(work.artifact("paint", "mask").parent, shape, digits)
    missing = [t for t in range(plan.volumes.frames) if not painted.has(t)]
    done = plan.volumes.frames - len(missing)
    with Progress(plan.volumes.frames, "paint", "frames", done=done) as progress:
        for t in missing:
            painted.write(t, regions_of_tracks(work, found, t))
            progress.step()
    return painted


def regions_of_tracks(work: WorkDir, found: Descent, t: int) -> dict[int, Region]:
    """Return the regions of a frame of the result by track label."""
    tracks = found.in_frame(t)
    return {tracks[i]: region for i, region in read_regions(work, t, tracks).items()}
