"""Outlook of mode "track": what a planned run would do, and about how long it would take."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.models.device import device_name
from sam4ct.pipelines.follow.frames import follow_rules
from sam4ct.pipelines.follow.networks import TrackEngines
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.runtime import duration
from sam4ct.stages.follow import first_regions

SAMPLE_CELLS = 4
"""Looked at once to measure the speed of this machine."""


def track_outlook(plan: TrackPlan, *, timed: bool = False) -> str:
    """Return a few lines about a planned run.

    Args:
        plan: The run.
        timed: Look at a few cells to estimate the time; takes seconds.
    """
    return "\n  ".join(_lines(plan, timed=timed))


def _lines(plan: TrackPlan, *, timed: bool) -> Iterator[str]:
    sequence, volumes = plan.sequence, plan.volumes
    shape = " x ".join(map(str, volumes.shape))
    regions = _regions_a_frame(plan)
    yield (
        f"{sequence.dataset} {sequence.name}: {volumes.frames} frames of {shape}, cells of about"
        f" {plan.diameter_px:.0f} px; {len(plan.cells)} to follow, {regions} seeds near them"
    )
    profile = "auto" if plan.reasons else plan.profile.dataset
    weights = ", ".join(entry.name for entry in plan.weights.values())
    yield (
        f"profile {profile}, evidence {plan.evidence}, weights {weights} on"
        f" {device_name(plan.device)}"
    )
    yield f"seeds {sequence.seeds}, initial tracks {sequence.initial}"
    yield f"result {sequence.result_dir}"
    if timed:
        seconds = _seconds_a_region(plan) * regions * volumes.frames
        yield f"about {duration(seconds)}, more where cells divide"
    for key, reason in plan.reasons.items():
        where, _, name = key.rpartition(".")
        yield f"{key} = {getattr(plan.track if where else plan.profile, name)}: {reason}"


def _regions_a_frame(plan: TrackPlan) -> int:
    """Return how many seeds of frame 0 are near cells to follow."""
    places = plan.seeds.seeds(0).places * plan.profile.spacing_um
    if not len(places):
        return 0
    distance, _ = cKDTree(plan.initial_um).query(places)
    return int(np.count_nonzero(distance <= follow_rules(plan).region_rules.reach_um))


def _seconds_a_region(plan: TrackPlan) -> float:
    """Measure what a region costs: a click, and looking for it in another frame and back."""
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
