"""Record of mode "track": the content of `run.json`."""

from __future__ import annotations

from typing import Any

from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.record import LIBRARIES, LIBRARIES_OF_CLICKS, settings_of
from sam4ct.pipelines.follow.artifacts import read_rows
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.stages.follow import FollowedTracks
from sam4ct.tables import Links


def track_record(
    plan: TrackPlan, work: WorkDir, links: Links, found: FollowedTracks
) -> dict[str, Any]:
    """Return the content of `run.json` that is the same for every run with the same input."""
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
