"""Judge: from evidence to possible links and divisions, with the log odds of each.

Costs are fitted to simulated movies, which the compact network was trained on the like of: they
trust it more than real cells bear out. So where costs say so, what a network saw, the compact
one or another, counts in part, and for the rest a pair is judged as if nothing but the masks
were known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sam4ct.stages.candidates import Candidates, candidates
from sam4ct.stages.costs import Costs, Odds
from sam4ct.stages.course import Course
from sam4ct.stages.divisions import Divisions, Sisters, divisions, sisters
from sam4ct.tables import Detections, Evidence, Floats


@dataclass(frozen=True)
class Judged:
    """Possible links and divisions, their features dropped, and the log odds of each."""

    links: Candidates
    link_odds: Floats
    """(links,)."""
    splits: Divisions
    split_odds: Floats
    """(divisions,)."""
    pairs: Sisters
    """Of every division the rows of its two links."""


@dataclass(frozen=True)
class Regions:
    """What is known of all regions, whoever judges."""

    detections: Detections
    places_um: Floats
    """(N, 3)."""
    diameter_um: Floats
    """(N,)."""
    course: Course | None = None
    """What a first lineage tells; None at first sight."""


def judged(
    regions: Regions, evidence: Evidence, costs: Costs, likenesses: Floats | None = None
) -> Judged:
    """Return what evidence makes possible, and how likely that is.

    Args:
        regions: Of the whole sequence.
        evidence: Some of its rows.
        costs: Turn features into log odds.
        likenesses: As of `candidates`.
    """
    own = _links(regions, evidence, likenesses)
    pairs = sisters(own)
    found = _judged(regions, own, costs.look(regions.course is not None), pairs)
    if costs.plain is None:
        return found
    # Both have a row for every pair of regions that evidence speaks of, in the same order.
    unmoved_links = _links(regions, unmoved(evidence), likenesses)
    look = costs.plain.look(regions.course is not None)
    plain = _judged(regions, unmoved_links, look, pairs)
    share = costs.plain_share
    return replace(
        found,
        link_odds=(1.0 - share) * found.link_odds + share * plain.link_odds,
        split_odds=(1.0 - share) * found.split_odds + share * plain.split_odds,
    )


def unmoved(evidence: Evidence) -> Evidence:
    """Return evidence as it would be if every region stayed where it is (`propagate.StayPut`)."""
    contained = evidence.overlap / (1.0 + evidence.overlap) * (1.0 + evidence.size_ratio)
    nothing = np.zeros(len(evidence))
    return replace(
        evidence,
        iou_prop=evidence.overlap,
        containment_prop=contained,
        coverage_prop=contained / evidence.size_ratio,
        object_score=nothing,
        similarity=nothing,
    )


def _links(regions: Regions, evidence: Evidence, likenesses: Floats | None) -> Candidates:
    return candidates(
        regions.detections,
        evidence,
        regions.places_um,
        regions.diameter_um,
        regions.course,
        likenesses,
    )


def _judged(regions: Regions, links: Candidates, look: Odds, pairs: Sisters) -> Judged:
    same, kin = look.of_links(links.features), look.of_kin(links.features)
    splits = divisions(
        regions.detections,
        links,
        kin,
        same,
        regions.places_um,
        regions.diameter_um,
        regions.course,
        pairs,
    )
    odds = look.of_divisions(splits.features)
    return Judged(links.without_features(), same, splits.without_features(), odds, pairs)
