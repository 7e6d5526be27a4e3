"""Features of candidate links u -> v, u earlier.

In: detections and directed evidence. Out: one row per pair of regions, which joins the evidence
of both time directions. `divisions` pairs such links.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

import numpy as np

from sam4ct.stages.associate.features.changes import (
    LIKENESSES,
    Changes,
    distances,
    nearest_pairs,
)
from sam4ct.stages.associate.features.columns import CandidateRows, Features, in_diameters
from sam4ct.stages.associate.features.history import History
from sam4ct.stages.associate.features.pairs import Matches, Pairs, pairs_of
from sam4ct.stages.motion import paired_motion
from sam4ct.tables import Detections, Evidence, Floats, Ints

LINK_FEATURES = (
    "forward_iou",
    "backward_iou",
    "forward_containment",
    "backward_containment",
    "forward_coverage",
    "backward_coverage",
    "forward_margin",
    "backward_margin",
    "overlap",
    "overlap_margin",
    "still_containment",
    "still_coverage",
    "distance",
    "forward_nearness",
    "backward_nearness",
    "drift_distance",
    "drift_forward_nearness",
    "drift_backward_nearness",
    "past_distance",
    "past_forward_nearness",
    "past_backward_nearness",
    "future_distance",
    "size_change",
    "size_likeness",
    "brightness_likeness",
    "memory_likeness",
    "memory_margin",
    "forward_score",
    "backward_score",
    "skipped",
)
SCORE_SCALE = 5.0
"""SAM 2's object scores are logits of about this size."""


@dataclass(frozen=True)
class Ends(CandidateRows):
    """Candidate links u -> v without features; u and v are row numbers of the detections."""

    u: Ints
    v: Ints


@dataclass(frozen=True)
class Candidates(CandidateRows):
    """Candidate links u -> v; u and v are row numbers of the detections."""

    u: Ints
    v: Ints
    features: Features
    """Those of LINK_FEATURES."""
    dt: Ints
    drift_um: Floats
    """How far the cells around u moved between both frames, (links, 3)."""

    def with_features(self, names: Container[str] = ()) -> Candidates:
        """Return the same links; once they have a cost, other features only take memory."""
        return replace(self, features=self.features.only(names))

    @property
    def ends(self) -> Ends:
        return Ends(self.u, self.v)

    def column(self, name: str) -> Floats:
        return self.features.column(name)


def diameters(detections: Detections, ndim: int) -> Floats:
    """Diameter of a disc or ball of each region's size, pixels."""
    if ndim == 2:
        return np.asarray(2.0 * np.sqrt(detections.size / np.pi))
    return np.asarray(2.0 * np.cbrt(3.0 * detections.size / (4.0 * np.pi)))


@dataclass(frozen=True)
class Precomputed:
    """What the whole sequence tells about the links of a part of it."""

    matches: Matches
    likenesses: Floats
    """From `Changes`."""


def candidates(
    detections: Detections,
    evidence: Evidence,
    places_um: Floats,
    diameter_um: Floats,
    history: History | None = None,
    known: Precomputed | None = None,
) -> Candidates:
    """Join evidence rows into candidate links with features.

    Args:
        detections: Ordered by frame and label.
        evidence: Directed rows, any order.
        places_um: Centroid of every detection, (N, 3).
        diameter_um: Of every detection, (N,).
        history: From a first lineage; without it, regions that are each other's nearest tell
            how the surroundings move.
        known: Precomputed for these links, if they are a part of the sequence.
    """
    pairs = pairs_of(detections, evidence, known.matches if known else None)
    u, v, dt = pairs.u, pairs.v, pairs.dt
    # Distances are in mean diameters of both ends.
    across = 0.5 * (diameter_um[u] + diameter_um[v])
    columns = _seen(pairs, evidence)
    columns |= _still(columns["overlap"], detections.size[u], detections.size[v])
    columns |= distances(pairs, evidence, across)
    nearest = nearest_pairs(columns)
    here, there = places_um[u], places_um[v]
    if history is None:
        drift = paired_motion(here, there, u, pairs.frames, nearest)
    else:
        drift = history.around_um[u] * dt[:, None]
        columns |= _along_history(pairs, history, here, there, across)
    columns["drift_distance"] = in_diameters(there - here - drift, across)
    columns |= pairs.nearnesses("drift_", columns["drift_distance"])
    changes = Changes.of(detections, evidence, pairs, nearest)
    likenesses = known.likenesses if known else changes.likenesses()
    columns |= dict(zip(LIKENESSES, likenesses.T, strict=True))
    columns["size_change"] = np.clip(changes.size, -2.0, 2.0)
    columns["memory_margin"] = pairs.least_margin(changes.memory)
    columns["skipped"] = np.asarray(dt - 1.0, dtype=np.float64)
    return Candidates(u, v, Features.named(len(u), columns, LINK_FEATURES), dt, drift)


def _seen(pairs: Pairs, evidence: Evidence) -> dict[str, Floats]:
    """Features of propagated masks and of unmoved masks."""
    columns = {
        f"{direction}_{name}": pairs.spread(values, rows)
        for direction, rows in (("forward", pairs.forward), ("backward", ~pairs.forward))
        for name, values in (
            ("iou", evidence.iou_prop),
            ("containment", evidence.containment_prop),
            ("coverage", evidence.coverage_prop),
            ("score", np.clip(evidence.object_score / SCORE_SCALE, -1.0, 1.0)),
        )
    }
    columns["forward_margin"] = pairs.leaving.margin(columns["forward_iou"])
    columns["backward_margin"] = pairs.entering.margin(columns["backward_iou"])
    columns["overlap"] = pairs.spread(evidence.overlap, np.ones(len(evidence), bool))
    columns["overlap_margin"] = pairs.least_margin(columns["overlap"])
    return columns


def _still(overlap: Floats, here: Ints, there: Ints) -> dict[str, Floats]:
    """Marginals of two masks that lie under each other, from the IoU of the two and their sizes."""
    shared = overlap / (1.0 + overlap) * (here + there)
    return {"still_containment": shared / here, "still_coverage": shared / there}


def _along_history(
    pairs: Pairs, history: History, here: Floats, there: Floats, across: Floats
) -> dict[str, Floats]:
    """Features of how far a link deviates from the motion in a first lineage.

    Args:
        pairs: Candidate links.
        history: From the first lineage.
        here: Places of their earlier regions, (links, 3), micrometres.
        there: Those of the later ones.
        across: Mean diameter of both, (links,).
    """
    steps = pairs.dt[:, None]
    past = there - (here + history.expected_um(pairs.u) * steps)
    future = there - (here + history.traced_um(pairs.u, pairs.v) * steps)
    distance = in_diameters(past, across)
    return {
        "past_distance": distance,
        **pairs.nearnesses("past_", distance),
        "future_distance": in_diameters(future, across),
    }
