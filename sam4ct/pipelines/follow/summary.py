"""Summary of mode "track": what a planned run would do, and about how long it would take."""

from __future__ import annotations

import time

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.pipelines.common.run import described
from sam4ct.pipelines.follow.frames import follow_rules
from sam4ct.pipelines.follow.networks import TrackEngines
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.runtime import duration
from sam4ct.stages.follow import first_regions

SAMPLE_CELLS = 4
"""Number of cells that are segmented to measure the speed of this machine."""


def describe(plan: TrackPlan) -> str:
    """Return a few lines about a planned run."""
    sequence, volumes = plan.sequence, plan.volumes
    shape = " x ".join(map(str, volumes.shape))
    movie = (
        f"{volumes.frames} frames of {shape}, cells of about {plan.diameter_px:.0f} px;"
        f" {len(plan.cells)} to follow, {_regions_a_frame(plan)} seeds near them"
    )
    inputs = f"seeds {sequence.seeds}, initial tracks {sequence.initial}"
    return described(plan, movie, [inputs])


def estimate(plan: TrackPlan) -> str:
    """Return about how long a run would take; a few cells are segmented to measure it."""
    seconds = _seconds_a_region(plan) * _regions_a_frame(plan) * plan.volumes.frames
    return f"about {duration(seconds)}, more where cells divide"


def _regions_a_frame(plan: TrackPlan) -> int:
    """Return how many seeds of frame 0 are near the cells to follow."""
    places = plan.seeds.seeds(0).places * plan.profile.spacing_um
    if not len(places):
        return 0
    distance, _ = cKDTree(plan.initial_um).query(places)
    return int(np.count_nonzero(distance <= follow_rules(plan).region_rules.reach_um))


def _seconds_a_region(plan: TrackPlan) -> float:
    """Measure the seconds of a region: one click, and its propagation forth and back."""
    engines, region_rules = TrackEngines(plan), follow_rules(plan).region_rules
    sample = plan.initial_um[:SAMPLE_CELLS]
    seen = first_regions(engines.scope, sample, region_rules)  # warms up
    engines.recogniser.propagate(0, seen.regions, 0)
    engines.recogniser.forget_before(1)
    began = time.monotonic()
    seen = first_regions(engines.scope, sample, region_rules)
    for _ in range(2):
        engines.recogniser.propagate(0, seen.regions, 0)
    return (time.monotonic() - began) / max(1, len(seen.regions))
