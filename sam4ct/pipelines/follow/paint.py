"""Paint: write the frames of the result to the work folder; `run` moves them when all are there."""

from __future__ import annotations

from sam4ct.io.ctc import VolumeFrames
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.follow.artifacts import read_regions
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.regions import Region
from sam4ct.runtime import Progress
from sam4ct.stages.follow import FollowedTracks


def run_paint_frames(plan: TrackPlan, work: WorkDir, found: FollowedTracks) -> VolumeFrames:
    """Paint the frames of the result that are missing in the work folder."""
    shape, digits = plan.volumes.shape, plan.sequence.digits
    painted = VolumeFrames(work.artifact("paint", "mask").parent, shape, digits)
    missing = [t for t in range(plan.volumes.frames) if not painted.has(t)]
    done = plan.volumes.frames - len(missing)
    with Progress(plan.volumes.frames, "paint", "frames", done=done) as progress:
        for t in missing:
            painted.write(t, regions_of_tracks(work, found, t))
            progress.step()
    return painted


def regions_of_tracks(work: WorkDir, found: FollowedTracks, t: int) -> dict[int, Region]:
    """Return the regions of a frame of the result by track label."""
    tracks = found.in_frame(t)
    return {tracks[i]: region for i, region in read_regions(work, t, tracks).items()}
