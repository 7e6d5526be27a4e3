"""Features of possible divisions: a mother and two daughters.

In: candidate links with their log odds. Out: pairs of links out of one region into one later
frame, and for each pair the features by which `costs` tells whether it is a division.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sam4ct.stages.associate.features.columns import (
    MIN_LOG_ODDS,
    CandidateRows,
    Features,
    in_diameters,
    scaled,
)
from sam4ct.stages.associate.features.competitors import Competitors, GroupMax, pairs_in_groups
from sam4ct.stages.associate.features.history import History
from sam4ct.stages.associate.features.links import Candidates
from sam4ct.tables import Detections, Flags, Floats, Ints

DIVISION_FEATURES = (
    "forward_coverage_low",
    "forward_coverage_high",
    "forward_containment_sum",
    "backward_containment_low",
    "backward_containment_high",
    "still_coverage_low",
    "still_coverage_high",
    "still_containment_sum",
    "link_low",
    "link_high",
    "size_balance",
    "size_sum",
    "centre_offset",
    "separation",
    "future_low",
    "rival_low",
    "same_low",
    "same_high",
    "same_out",
    "same_in_low",
    "same_in_high",
    "daughter_small",
    "daughter_large",
    "growth",
    "opposite",
    "goes_on",
    "mother_growth",
    "ripeness",
    "ripeness_known",
    "skipped",
)
OF_LINKS = (
    "forward_coverage",
    "forward_containment",
    "backward_containment",
    "still_coverage",
    "still_containment",
    "overlap",
    "distance",
)
"""Features of links that those of divisions are made of."""
DIVISION_REACH = 1.6
"""Cell diameters from a mother to a daughter, at most, if no mask touches the daughter."""
MAX_DIVISION_STEP = 2
"""Frames from a mother's last mask to her daughters' first: dividing cells are often missed."""

DaughterPairs = tuple[Ints, Ints]
"""Rows of the links to the first and to the second daughters."""


@dataclass(frozen=True)
class Divisions(CandidateRows):
    """Possible divisions of u into v and w; row numbers of the detections."""

    u: Ints
    v: Ints
    w: Ints
    features: Features
    """Those of DIVISION_FEATURES."""

    def without_features(self) -> Divisions:
        """Return the same divisions; once they have a cost, their features only take memory."""
        return replace(self, features=Features.none(len(self.u)))


class DivisionFeatures:
    """Computes the features of divisions, whichever two links each is made of."""

    def __init__(
        self,
        detections: Detections,
        links: Candidates,
        kin: Floats,
        same: Floats,
        places_um: Floats,
        diameter_um: Floats,
        history: History | None = None,
    ) -> None:
        """Take candidate links and their regions.

        Args:
            detections: Ordered by frame and label.
            links: From `candidates`.
            kin: Log odds (links,) that the later region is the earlier one or its daughter.
            same: Log odds (links,) that both are one cell.
            places_um: Centroid of every detection, (N, 3).
            diameter_um: Of every detection, (N,).
            history: From a first lineage, if there is one.
        """
        self._detections, self._links, self._kin, self._same = detections, links, kin, same
        self._places_um, self._diameter_um, self._history = places_um, diameter_um, history
        self._growth, self._last = _growth(detections), detections.t.max(initial=0)
        self._competitor = Competitors.of(links.v).best_other(kin, alone=MIN_LOG_ODDS)
        self._kin_out = GroupMax.of(kin, links.u, MIN_LOG_ODDS)
        self._same_out = GroupMax.of(same, links.u, MIN_LOG_ODDS)
        self._same_in = GroupMax.of(same, links.v, MIN_LOG_ODDS)

    def divisions(self, pairs: DaughterPairs) -> Divisions:
        """Return the divisions that pairs of links make."""
        e, f = pairs
        links, kin, same = self._links, self._kin, self._same
        u, v, w = links.u[e], links.v[e], links.v[f]
        places, diameter, size = self._places_um, self._diameter_um[u], self._detections.size
        columns: dict[str, Floats] = {
            **_of_masks(links, e, f),
            **_of_sizes(size[u], size[v], size[w]),
            **_low_high("link", kin[e], kin[f]),
            **_low_high("same", same[e], same[f]),
            **_of_places(places[u], places[v], places[w], links.drift_um[e], diameter),
            # How surely the mother goes on as one cell, and the daughters were there before.
            "same_out": scaled(self._same_out.at(u)),
            **_low_high("same_in", self._same_in.at(v), self._same_in.at(w)),
            # How surely mother and daughters go on, and daughters belong to other cells.
            "goes_on": scaled(self._kin_out.at(u)),
            "future_low": scaled(np.minimum(self._onward(v), self._onward(w))),
            "rival_low": scaled(np.maximum(self._competitor[e], self._competitor[f])),
            "growth": self._growth[self._detections.t[u], links.dt[e]],
            "skipped": np.asarray(links.dt[e] - 1.0, dtype=np.float64),
            **(_of_past(self._history, u) if self._history else {}),
        }
        return Divisions(u, v, w, Features.named(len(u), columns, DIVISION_FEATURES))

    def _onward(self, daughter: Ints) -> Floats:
        # There is no frame after the last.
        ended = self._detections.t[daughter] >= self._last
        return np.where(ended, 0.0, self._kin_out.at(daughter))


def daughter_pairs(links: Candidates, mothers: Flags | None = None) -> DaughterPairs:
    """Return all pairs of plausible links out of one region into one frame.

    Args:
        links: From `candidates`.
        mothers: Whether divisions of a region are wanted, by region; of all if None.
    """
    plausible = (links.dt <= MAX_DIVISION_STEP) & (
        (links.column("forward_coverage") > 0.05)
        | (links.column("backward_containment") > 0.05)
        | (links.column("overlap") > 0.05)
        | (links.column("distance") < DIVISION_REACH)
    )
    rows = np.flatnonzero(plausible if mothers is None else plausible & mothers[links.u])
    first, second = pairs_in_groups(links.u[rows] * (MAX_DIVISION_STEP + 1) + links.dt[rows])
    return rows[first], rows[second]


def _growth(detections: Detections) -> Floats:
    """Log of how many more regions there are some frames later, (frames, MAX_DIVISION_STEP + 1).

    Cells of an embryo divide in waves: where the number rises, many of them divided.
    """
    counts = np.maximum(1, np.bincount(detections.t))
    later = np.minimum(
        np.arange(len(counts))[:, None] + np.arange(MAX_DIVISION_STEP + 1), len(counts) - 1
    )
    return np.asarray(np.clip(np.log(counts[later] / counts[:, None]), -0.5, 0.7))


def _of_masks(links: Candidates, e: Ints, f: Ints) -> dict[str, Floats]:
    """Features of propagated and of unmoved masks, from those of the links e and f."""
    still, held = links.column("still_coverage"), links.column("still_containment")
    coverage, inside = links.column("forward_coverage"), links.column("forward_containment")
    back = links.column("backward_containment")
    return {
        "forward_coverage_low": np.minimum(coverage[e], coverage[f]),
        "forward_coverage_high": np.maximum(coverage[e], coverage[f]),
        "forward_containment_sum": inside[e] + inside[f],
        "backward_containment_low": np.minimum(back[e], back[f]),
        "backward_containment_high": np.maximum(back[e], back[f]),
        "still_coverage_low": np.minimum(still[e], still[f]),
        "still_coverage_high": np.maximum(still[e], still[f]),
        "still_containment_sum": held[e] + held[f],
    }


def _of_sizes(mother: Ints, one: Ints, other: Ints) -> dict[str, Floats]:
    """Features of the sizes of a mother and two daughters, voxels."""
    small, large = np.minimum(one, other), np.maximum(one, other)
    whole = mother.astype(np.float64)
    return {
        "size_balance": np.log(small / large),
        "size_sum": np.abs(np.log((small + large) / whole)),
        "daughter_small": np.log(small / whole),
        "daughter_large": np.log(large / whole),
    }


def _of_places(
    mother: Floats, one: Floats, other: Floats, drift: Floats, diameter: Floats
) -> dict[str, Floats]:
    """Features of where daughters are; places and the drift around (n, 3), micrometres."""
    step, other_step = (place - mother - drift for place in (one, other))
    lengths = np.linalg.norm(step, axis=1) * np.linalg.norm(other_step, axis=1)
    return {
        "centre_offset": in_diameters(0.5 * (step + other_step), diameter),
        # Cosine of the angle between both steps: -1 if daughters leave in opposite directions.
        "opposite": (step * other_step).sum(axis=1) / np.maximum(lengths, 1e-9),
        "separation": in_diameters(one - other, diameter),
    }


def _low_high(name: str, one: Floats, other: Floats) -> dict[str, Floats]:
    """Features of two log odds, in either order."""
    return {
        f"{name}_low": scaled(np.minimum(one, other)),
        f"{name}_high": scaled(np.maximum(one, other)),
    }


def _of_past(history: History, u: Ints) -> dict[str, Floats]:
    """Features of a mother's past: cells swell before they divide, mostly at the same age."""
    known = ~np.isnan(history.ripeness[u])
    return {
        "mother_growth": np.clip(np.nan_to_num(history.growth[u]), -1.0, 1.0),
        "ripeness": np.clip(np.nan_to_num(history.ripeness[u]), -2.0, 1.0),
        "ripeness_known": known.astype(np.float64),
    }
