"""Follow: from one frame to the next, near the cells that are followed and nowhere else.

Looks for regions where the cells may be, and gathers the evidence of which is which. What is
concluded from it is left to `horizon`: a step depends on the frame before and on the cells
that are still followed, and on nothing else, so that a killed run can take any step again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.stages.follow.evidence import recognise
from sam4ct.stages.follow.missed_seeds import Tip, unseeded_clicks
from sam4ct.stages.follow.prompts import Click, Scope, SightRules, credible
from sam4ct.stages.follow.regions import Sighted, described, near_seeds
from sam4ct.stages.follow.suppression import disjoint, without_doubles
from sam4ct.stages.propagate import Reach
from sam4ct.tables import Evidence, Sightings
from sam4ct.types import Recogniser


@dataclass(frozen=True, kw_only=True)
class FollowRules:
    """How cells are followed."""

    sight: SightRules
    max_unseeded: int
    """Frames in a row in which a cell may have no seed."""


def follow(
    scope: Scope,
    recogniser: Recogniser,
    before: Sighted,
    tips: Sequence[Tip],
    rules: FollowRules,
) -> tuple[Sighted, Evidence]:
    """Look for the cells of a frame in the next one.

    Args:
        scope: What is looked at.
        recogniser: SAM 2, or `StayPut`.
        before: The frame.
        tips: Its regions of cells that are followed.
        rules: How.

    Returns:
        The regions of the next frame near those cells, and the evidence between both frames.
    """
    t, sight = before.t + 1, rules.sight
    if not tips:
        return Sighted(t, {}, Sightings.empty()), Evidence.empty()
    forward = recogniser.propagate(before.t, before.regions, t)
    places = before.places_um(sight.spacing_um)[[tip.label - 1 for tip in tips]]
    around = np.concatenate([places, [tip.expected_um for tip in tips]])
    clicks = _of_cells(without_doubles(near_seeds(scope, t, around, sight), sight), sight)
    # What the edge of the frame cuts may be on its way out.
    cut = before.rows.border
    open_tips = [p for p in tips if p.unseeded < rules.max_unseeded and not cut[p.label - 1]]
    more = unseeded_clicks(
        scope, t, open_tips, before.regions, forward, disjoint(clicks, sight), sight
    )
    regions = disjoint([*clicks, *more], sight)
    seeded = [r for r in regions[: len(clicks)] if credible(r, sight.min_size, sight)]
    unseeded = [r for r in regions[len(clicks) :] if credible(r, sight.min_size_unseeded, sight)]
    after = described(scope, t, seeded, unseeded, places, sight)
    reach = Reach(sight.spacing_um, sight.reach_um)
    evidence = recognise(recogniser, before, after, forward, reach)
    recogniser.forget_before(t)
    return after, evidence


def _of_cells(clicks: Sequence[Click], sight: SightRules) -> list[Click]:
    """Return the clicks of which enough is left beside the others to be a cell."""
    regions = disjoint(clicks, sight)
    pairs = zip(clicks, regions, strict=True)
    return [click for click, region in pairs if credible(region, sight.min_size, sight)]
