"""Frames: follow cells from one frame to the next, and write each frame when it is done.

A run that was killed continues after the last frame that was written. The lineage is computed
again from all frames, which takes seconds.
"""

from __future__ import annotations

from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.engine_counts import keep_counts, pair_part
from sam4ct.pipelines.follow.artifacts import read_evidence, read_frame, read_rows, write_frame
from sam4ct.pipelines.follow.networks import TrackEngines
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.runtime import Progress
from sam4ct.stages.associate import load_costs
from sam4ct.stages.follow import (
    FollowRules,
    FrameRegions,
    RegionRules,
    SlidingWindow,
    SlidingWindowRules,
    first_regions,
    follow,
)
from sam4ct.tables import Links


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
    costs = load_costs(plan.options.evidence, "track")
    seen: FrameRegions | None = None
    with Progress(frames, "follow", "frames", done=done) as progress:
        if done == 0:
            seen = first_regions(engines.scope, plan.initial_um, rules.region_rules)
            keep_counts(work, "propagate", pair_part(done, 1), engines.counts())
            write_frame(work, seen, None, plan.by_frame[0])
            progress.step(note=f"{len(plan.cells)} cells")
        window = SlidingWindow(read_rows(work, 0), len(plan.cells), costs, window_rules(plan))
        for t in range(1, frames):
            if t < done:
                window.add(read_rows(work, t), read_evidence(work, t))
                continue
            before = seen or read_frame(work, t - 1)
            seen, evidence = follow(
                engines.scope, engines.recogniser, before, window.track_ends(), rules
            )
            # Before the frame counts as done: what two parts both did was done twice.
            keep_counts(work, "propagate", pair_part(done, 1), engines.counts())
            write_frame(work, seen, evidence, plan.by_frame[t])
            window.add(seen.rows, evidence)
            progress.step(note=f"{len(window.track_ends())} cells, {len(seen.regions)} regions")
    return window.links()


def follow_rules(plan: TrackPlan) -> FollowRules:
    """Return where cells are looked for, and which regions are accepted."""
    profile, pixel = plan.profile, plan.profile.spacing_um[-1]
    region_rules = RegionRules(
        spacing_um=profile.spacing_um,
        reach_um=plan.track.seed_radius_px * pixel,
        diameter_um=plan.diameter_px * pixel,
        min_size=profile.min_size,
        min_size_unseeded=plan.track.min_size_without_seed,
        edge=plan.edge,
    )
    return FollowRules(region_rules=region_rules, max_unseeded=profile.max_gap)


def window_rules(plan: TrackPlan) -> SlidingWindowRules:
    """Return how lineages are decided."""
    return SlidingWindowRules(
        spacing_um=plan.profile.spacing_um,
        border=plan.edge,
        ahead=plan.track.horizon_frames,
        divide=plan.profile.division,
        min_cycle_frames=plan.profile.min_cycle_frames,
    )
