"""Follow: one movie from seeds and initial cells to result, work folder and report.

Frames are done in order of time, on one machine. Each is written as soon as it is done, so a run
that was killed continues after the last one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import ResultWriter, refuse_target
from sam4ct.io.files import write_json
from sam4ct.io.follow import TrackSequence
from sam4ct.io.work import WorkDir, write_table
from sam4ct.pipelines.common.answers import refuse_answers
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.record import circumstances
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.follow.artifacts import frames_done
from sam4ct.pipelines.follow.frames import run_follow
from sam4ct.pipelines.follow.paint import regions_of_tracks, run_paint_frames
from sam4ct.pipelines.follow.plan import (
    SOURCES,
    TrackPlan,
    make_track_plan,
    settle_track_profile,
)
from sam4ct.pipelines.follow.record import track_record
from sam4ct.pipelines.follow.report import write_track_report
from sam4ct.pipelines.follow.summary import describe, estimate
from sam4ct.report import facts_of_run
from sam4ct.stages.follow import FollowedTracks, followed_tracks
from sam4ct.tables import Links

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FollowRun:
    """One movie whose chosen cells are to be followed; a `Run`."""

    sequence: TrackSequence
    options: Options

    def used(self) -> Options:
        # Every region is generated, and SAM 2 looks at each.
        return replace(self.options, generate_masks=None, edit_masks=None, fast=False)

    @property
    def replaces(self) -> bool:
        return self.options.overwrite

    def settle(self) -> frozenset[str]:
        refuse_answers(self.sequence.result_dir, self.options)
        settle_track_profile(self.sequence, self.options)
        sam2 = {"sam2"} if self.options.evidence == "sam2" else set()
        return frozenset({"sam_med3d", *sam2})

    @cached_property
    def plan(self) -> TrackPlan:
        """Profile, networks and key; files are digested, and a few windows read."""
        return make_track_plan(self.sequence, self.options)

    def describe(self) -> str:
        return describe(self.plan)

    def estimate(self) -> str:
        return estimate(self.plan)

    def key(self) -> dict[str, str]:
        return self.plan.key()

    def execute(self) -> WorkDir:
        plan, overwrite = self.plan, self.options.overwrite
        refuse_target(self.sequence.result_dir, overwrite=overwrite)
        with WorkDir.open(self.sequence.work_dir, plan.key(), overwrite=overwrite) as work:
            run = Session(plan, work)
            for stage in SOURCES:
                work.stage(stage, plan.stage_key(stage))
            done = frames_done(work, plan.by_frame)
            run.resumed = done > 0
            run.clock.begin("follow")
            _finish(run, run_follow(plan, work, done))
        return work


def _finish(run: Session[TrackPlan], links: Links) -> None:
    """Paint and report; the result folder appears last, when all else is written."""
    plan, work, options = run.plan, run.work, run.plan.options
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
        # Before the result folder appears: if it is there, so is the rest.
        write_json(work.run_json, record | in_all)


def _report(
    plan: TrackPlan, work: WorkDir, found: FollowedTracks, links: Links, facts: Mapping[str, Any]
) -> None:
    """Write the report, or warn that it cannot be made: it reads voxels that the run did not."""
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
        # An older report may show another result.
        work.report.unlink(missing_ok=True)
        logger.warning("the report is left out, the result does not need it: %s", error)
