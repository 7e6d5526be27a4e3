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
from sam4ct.io.ctc import ResultWriter, refuse_target
from sam4ct.io.files import write_json
from sam4ct.io.work import WorkDir, write_table
from sam4ct.pipelines.common.record import circumstances
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.follow.artifacts import frames_done
from sam4ct.pipelines.follow.frames import run_follow
from sam4ct.pipelines.follow.paint import regions_of_tracks, run_paint_frames
from sam4ct.pipelines.follow.plan import SOURCES, TrackPlan
from sam4ct.pipelines.follow.record import track_record
from sam4ct.pipelines.follow.report import write_track_report
from sam4ct.pipelines.link.plan import Options
from sam4ct.report import facts_of_run
from sam4ct.stages.follow import FollowedTracks, followed_tracks
from sam4ct.tables import Links

logger = logging.getLogger(__name__)


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
        for stage in SOURCES:
            work.stage(stage, plan.stage_key(stage))
        done = frames_done(work, plan.by_frame)
        run.resumed = done > 0
        run.clock.begin("follow")
        _finish(run, run_follow(plan, work, done), options)
    return work


def _finish(run: Session[TrackPlan], links: Links, options: Options) -> None:
    """Paint and report; the result takes its place last of all."""
    plan, work = run.plan, run.work
    found = followed_tracks(plan.cells.labels, links)
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
    plan: TrackPlan, work: WorkDir, found: FollowedTracks, links: Links, facts: Mapping[str, Any]
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
