"""Scores links and divisions: from evidence to candidates with log odds.

In: regions, evidence, costs. Out: candidate links and divisions, and the log odds of each.

Costs are fitted to simulated movies like those that the compact network was trained on, so they
trust it more than real cells justify. So the log odds are a weighted mean of two scores
(`Costs.plain_share`): from the network's evidence, and as if only the masks were known.
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
    DaughterPairs,
    DivisionFeatures,
    Divisions,
    History,
    Precomputed,
    candidates,
    daughter_pairs,
)
from sam4ct.tables import Detections, Evidence, Flags, Floats

TIE_BREAK = 1e-3
"""Log odds by which more overlap, or less distance in diameters, decides between equal links.

The distance is squared: two cells that both move by one place are likelier than one that
passes the other."""


@dataclass(frozen=True)
class Scored:
    """Candidate links and divisions without their features, and the log odds of each."""

    links: Candidates
    link_odds: Floats
    """(links,)."""
    splits: Divisions
    split_odds: Floats
    """(divisions,)."""
    pairs: DaughterPairs
    """The rows of the two links of every division."""


@dataclass(frozen=True)
class Regions:
    """All regions of a sequence."""

    detections: Detections
    places_um: Floats
    """Centroids, (N, 3)."""
    diameter_um: Floats
    """(N,)."""
    history: History | None = None
    """From a first lineage; None in the first pass."""


@dataclass(frozen=True)
class _ScoredLinks:
    """Candidate links with the features that divisions need, and the log odds of each."""

    links: Candidates
    same: Floats
    """That both regions are one cell, (links,)."""
    kin: Floats
    """That the later is the earlier or its daughter, (links,)."""

    @classmethod
    def concat(cls, parts: Sequence[_ScoredLinks]) -> _ScoredLinks:
        return cls(
            Candidates.concat([part.links for part in parts]),
            np.concatenate([part.same for part in parts]),
            np.concatenate([part.kin for part in parts]),
        )


def scored(
    regions: Regions,
    evidence: Iterable[tuple[Evidence, Precomputed | None]],
    costs: Costs,
    mothers: Flags,
) -> Scored:
    """Return the candidates of some evidence with their log odds.

    Args:
        regions: Of the whole sequence.
        evidence: Some of its rows, with what is precomputed for them: `Chunks.parts`.
        costs: Turn features into log odds.
        mothers: Whether divisions of a region are wanted, by region.
    """
    second = regions.history is not None
    own, other = [], []
    for part, known in evidence:
        own.append(_scored_links(regions, part, costs.odds(second=second), known))
        if costs.plain is not None:
            # The same pairs of regions in the same order.
            plain_odds = costs.plain.odds(second=second)
            other.append(_scored_links(regions, unmoved(part), plain_odds, known))
    links = _ScoredLinks.concat(own)
    pairs = daughter_pairs(links.links, mothers)
    found = _with_divisions(regions, links, costs.odds(second=second), pairs)
    if costs.plain is None:
        return found
    plain_links = _ScoredLinks.concat(other)
    plain = _with_divisions(regions, plain_links, costs.plain.odds(second=second), pairs)
    share = costs.plain_share
    return replace(
        found,
        link_odds=(1.0 - share) * found.link_odds + share * plain.link_odds,
        split_odds=(1.0 - share) * found.split_odds + share * plain.split_odds,
    )


def unmoved(evidence: Evidence) -> Evidence:
    """Return the evidence as it would be if every region stayed in place (`StayPut`)."""
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


def _scored_links(
    regions: Regions, evidence: Evidence, odds: Odds, known: Precomputed | None
) -> _ScoredLinks:
    links = candidates(
        regions.detections,
        evidence,
        regions.places_um,
        regions.diameter_um,
        regions.history,
        known,
    )
    nearer = TIE_BREAK * (links.column("overlap") - links.column("distance") ** 2)
    same = odds.of_links(links.features) + nearer
    kin = odds.of_kin(links.features) + nearer
    return _ScoredLinks(links.with_features(OF_LINKS), same, kin)


def _with_divisions(
    regions: Regions, scored_links: _ScoredLinks, odds: Odds, pairs: DaughterPairs
) -> Scored:
    links, same, kin = scored_links.links, scored_links.same, scored_links.kin
    features = DivisionFeatures(
        regions.detections,
        links,
        kin,
        same,
        regions.places_um,
        regions.diameter_um,
        regions.history,
    )
    e, f = pairs
    # Divisions are many and have many features: those of a stretch stay in the processor's cache.
    found, log_odds = [], []
    for some in stretches(len(e)):
        splits = features.divisions((e[some], f[some]))
        found.append(splits.without_features())
        log_odds.append(odds.of_divisions(splits.features))
    splits = Divisions.concat(found)
    return Scored(links.with_features(), same, splits, np.concatenate(log_odds), pairs)
