"""Follow: from one frame to the next, near the cells that are followed and nowhere else.

Looks for regions where the cells may be, and gathers the evidence of which is which. What is
concluded from it is left to `horizon`: a step depends on the frame before and on the cells
that are still followed, and on nothing else, so that a killed run can take any step again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.stages.follow.evidence import evidence_between
from sam4ct.stages.follow.missed_seeds import TrackEnd, clicks_without_seeds
from sam4ct.stages.follow.prompts import Click, RegionRules, Scope, has_cell_size
from sam4ct.stages.follow.regions import FrameRegions, described, near_seeds
from sam4ct.stages.follow.suppression import disjoint, without_doubles
from sam4ct.stages.propagate import Reach
from sam4ct.tables import Evidence, Sightings
from sam4ct.types import Recogniser


@dataclass(frozen=True, kw_only=True)
class FollowRules:
    """How cells are followed."""

    region_rules: RegionRules
    max_unseeded: int
    """Frames in a row in which a cell may have no seed."""


def follow(
    scope: Scope,
    recogniser: Recogniser,
    before: FrameRegions,
    track_ends: Sequence[TrackEnd],
    rules: FollowRules,
) -> tuple[FrameRegions, Evidence]:
    """Look for the cells of a frame in the next one.

    Args:
        scope: What is looked at.
        recogniser: SAM 2, or `StayPut`.
        before: The frame.
        track_ends: Its regions of cells that are followed.
        rules: How.

    Returns:
        The regions of the next frame near those cells, and the evidence between both frames.
    """
    t, region_rules = before.t + 1, rules.region_rules
    if not track_ends:
        return FrameRegions(t, {}, Sightings.empty()), Evidence.empty()
    forward = recogniser.propagate(before.t, before.regions, t)
    places = before.places_um(region_rules.spacing_um)[[tip.label - 1 for tip in track_ends]]
    around = np.concatenate([places, [tip.expected_um for tip in track_ends]])
    clicks = _of_cells(
        without_doubles(near_seeds(scope, t, around, region_rules), region_rules), region_rules
    )
    # What the edge of the frame cuts may be on its way out.
    cut = before.rows.border
    open_tips = [p for p in track_ends if p.unseeded < rules.max_unseeded and not cut[p.label - 1]]
    more = clicks_without_seeds(
        scope, t, open_tips, before.regions, forward, disjoint(clicks, region_rules), region_rules
    )
    regions = disjoint([*clicks, *more], region_rules)
    seeded = [
        r for r in regions[: len(clicks)] if has_cell_size(r, region_rules.min_size, region_rules)
    ]
    unseeded = [
        r
        for r in regions[len(clicks) :]
        if has_cell_size(r, region_rules.min_size_unseeded, region_rules)
    ]
    after = described(scope, t, seeded, unseeded, places, region_rules)
    reach = Reach(region_rules.spacing_um, region_rules.reach_um)
    evidence = evidence_between(recogniser, before, after, forward, reach)
    recogniser.forget_before(t)
    return after, evidence


def _of_cells(clicks: Sequence[Click], region_rules: RegionRules) -> list[Click]:
    """Return the clicks of which enough is left beside the others to be a cell."""
    regions = disjoint(clicks, region_rules)
    pairs = zip(clicks, regions, strict=True)
    return [
        click
        for click, region in pairs
        if has_cell_size(region, region_rules.min_size, region_rules)
    ]
