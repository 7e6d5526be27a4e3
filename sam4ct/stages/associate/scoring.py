"""Judge: from evidence to possible links and divisions, with the log odds of each.

Costs are fitted to simulated movies, which the compact network was trained on the like of: they
trust it more than real cells bear out. So where costs say so, what a network saw, the compact
one or another, counts in part, and for the rest a pair is judged as if nothing but the masks
were known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sam4ct.runtime import stretches
from sam4ct.stages.associate.costs import Costs, Odds
from sam4ct.stages.associate.features import (
    OF_LINKS,
    Candidates,
    Course,
    Divisions,
    Known,
    Prospects,
    Sisters,
    candidates,
    sisters,
)
from sam4ct.tables import Detections, Evidence, Flags, Floats

PREFERENCE = 1e-3
"""Log odds by which more overlap, or less distance in diameters, decides between equal links.

The distance is squared: two cells that both move by one place are likelier than one that
passes the other."""


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


@dataclass(frozen=True)
class _Weighed:
    """Possible links with those features that divisions go by, and the log odds of each."""

    links: Candidates
    same: Floats
    """That both regions are one cell, (links,)."""
    kin: Floats
    """That the later is the earlier or its daughter."""

    @classmethod
    def concat(cls, parts: Sequence[_Weighed]) -> _Weighed:
        return cls(
            Candidates.concat([part.links for part in parts]),
            np.concatenate([part.same for part in parts]),
            np.concatenate([part.kin for part in parts]),
        )


def judged(
    regions: Regions,
    evidence: Iterable[tuple[Evidence, Known | None]],
    costs: Costs,
    mothers: Flags,
) -> Judged:
    """Return what evidence makes possible, and how likely that is.

    Args:
        regions: Of the whole sequence.
        evidence: Some of its rows with what is known of their links, as `Spans.parts`.
        costs: Turn features into log odds.
        mothers: Whether it is asked if a region divided, by region.
    """
    again = regions.course is not None
    own, other = [], []
    for part, known in evidence:
        own.append(_weighed(regions, part, costs.look(again), known))
        if costs.plain is not None:
            # With a row for every pair of regions that evidence speaks of, in the same order.
            look = costs.plain.look(again)
            other.append(_weighed(regions, unmoved(part), look, known))
    links = _Weighed.concat(own)
    pairs = sisters(links.links, mothers)
    found = _judged(regions, links, costs.look(again), pairs)
    if costs.plain is None:
        return found
    plain = _judged(regions, _Weighed.concat(other), costs.plain.look(again), pairs)
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


def _weighed(regions: Regions, evidence: Evidence, look: Odds, known: Known | None) -> _Weighed:
    links = candidates(
        regions.detections,
        evidence,
        regions.places_um,
        regions.diameter_um,
        regions.course,
        known,
    )
    # Chance must not decide between links that are alike in all that counts.
    nearer = PREFERENCE * (links.column("overlap") - links.column("distance") ** 2)
    same = look.of_links(links.features) + nearer
    kin = look.of_kin(links.features) + nearer
    return _Weighed(links.with_features(OF_LINKS), same, kin)


def _judged(regions: Regions, weighed: _Weighed, look: Odds, pairs: Sisters) -> Judged:
    links, same, kin = weighed.links, weighed.same, weighed.kin
    known = Prospects(
        regions.detections,
        links,
        kin,
        same,
        regions.places_um,
        regions.diameter_um,
        regions.course,
    )
    e, f = pairs
    # There are many, and each has many features: a few at a time stay in a processor's cache.
    found, odds = [], []
    for some in stretches(len(e)):
        splits = known.divisions((e[some], f[some]))
        found.append(splits.without_features())
        odds.append(look.of_divisions(splits.features))
    splits = Divisions.concat(found)
    return Judged(links.with_features(), same, splits, np.concatenate(odds), pairs)
