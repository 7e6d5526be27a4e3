"""What a run of mode "track" goes by, from its plan to the stages' rules and to `run.json`."""

from __future__ import annotations

from typing import Any

from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.record import LIBRARIES, LIBRARIES_OF_CLICKS, settings_of
from sam4ct.pipelines.follow.artifacts import read_rows
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.stages.follow import Descent, FollowRules, HorizonRules, SightRules
from sam4ct.tables import Links


def follow_rules(plan: TrackPlan) -> FollowRules:
    """Return where cells are looked for, and what is taken for one."""
    profile, pixel = plan.profile, plan.profile.spacing_um[-1]
    sight = SightRules(
        spacing_um=profile.spacing_um,
        reach_um=plan.track.seed_radius_px * pixel,
        diameter_um=plan.diameter_px * pixel,
        min_size=profile.min_size,
        min_size_unseeded=plan.track.min_size_without_seed,
        edge=plan.edge,
    )
    return FollowRules(sight=sight, max_unseeded=profile.max_gap)


def horizon_rules(plan: TrackPlan) -> HorizonRules:
    """Return how lineages are decided."""
    return HorizonRules(
        spacing_um=plan.profile.spacing_um,
        border=plan.edge,
        ahead=plan.track.horizon_frames,
        divide=plan.profile.division,
        min_cycle_frames=plan.profile.min_cycle_frames,
    )


def track_record(plan: TrackPlan, work: WorkDir, links: Links, found: Descent) -> dict[str, Any]:
    """Return everything about a run that is worth keeping and does not depend on how it went."""
    frames = plan.volumes.frames
    regions = 0
    unseeded: list[tuple[int, int]] = []
    for t in range(frames):
        rows, tracks = read_rows(work, t), found.in_frame(t)
        regions += len(rows)
        alone = rows.label[~rows.seeded].tolist()
        unseeded += [(t, tracks[label]) for label in alone if label in tracks]
    libraries = (*LIBRARIES, *LIBRARIES_OF_CLICKS, "zarr")
    return {
        **settings_of(plan, libraries),
        "inputs": {f"{part}_sha256": digest for part, digest in plan.inputs.items()},
        "window_px": plan.window_px,
        "counts": {
            "frames": frames,
            "followed": len(plan.cells),
            "regions": regions,
            "links": len(links),
            "divisions": int(links.division.sum()) // 2,
            "tracks": len(found.tracks),
            "unseeded": len(unseeded),
            "lost": len(found.lost_before(frames - 1)),
        },
        "generated": sorted(unseeded),
    }
