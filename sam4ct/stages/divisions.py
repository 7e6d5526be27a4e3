"""Divisions: what the evidence says about each possible division, in numbers.

Pairs possible links of one region into one later frame. Every feature is free of
units, as those of links are. Pure tables: no images, no files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sam4ct.stages.candidates import Candidates
from sam4ct.stages.course import Course
from sam4ct.stages.features import (
    LEAST_ODDS,
    Choices,
    Features,
    dots,
    in_diameters,
    lengths,
    scaled,
)
from sam4ct.stages.rivals import best_at, best_other, two_by_two
from sam4ct.tables import Detections, Floats, Ints

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
"""Features of links that divisions go by."""
DIVISION_REACH = 1.6
"""Cell diameters that a daughter may be from its mother's place where no mask touches it."""
MAX_DIVISION_STEP = 2
"""Frames from a mother's last mask to her daughters' first: dividing cells are often missed."""

Sisters = tuple[Ints, Ints]
"""Rows of links, two by two, which lead out of one region into one frame."""


@dataclass(frozen=True)
class Divisions(Choices):
    """Possible divisions of u into v and w; rows of the detections."""

    u: Ints
    v: Ints
    w: Ints
    features: Features
    """Those of DIVISION_FEATURES."""

    def without_features(self) -> Divisions:
        """Return the same divisions; once they have a cost, their features only take memory."""
        return replace(self, features=Features.none(len(self.u)))


def divisions(
    detections: Detections,
    links: Candidates,
    kin: Floats,
    same: Floats,
    places_um: Floats,
    diameter_um: Floats,
    course: Course | None = None,
    pairs: Sisters | None = None,
) -> Divisions:
    """Pair possible links of one cell into one later frame into possible divisions.

    Args:
        detections: Ordered by frame and label.
        links: From `candidates`.
        kin: Log odds (links,) that the later region is the earlier one or its daughter.
        same: Log odds (links,) that both are one cell.
        places_um: Centroid of every detection, (N, 3).
        diameter_um: Of every detection, (N,).
        course: What a first lineage tells of them, if there is one.
        pairs: Which links to pair; all `sisters` if None.
    """
    e, f = pairs or sisters(links)
    u, v, w = links.u[e], links.v[e], links.v[f]
    columns: dict[str, Floats] = {
        **_shared(links, e, f),
        **_shapes(detections.size[u], detections.size[v], detections.size[w]),
        **_low_high("link", kin[e], kin[f]),
        **_low_high("same", same[e], same[f]),
        **_unlike(links, same, u, v, w),
        **_places(places_um[u], places_um[v], places_um[w], links.drift_um[e], diameter_um[u]),
        **_elsewhere(detections, links, kin, e, f),
        "growth": _growth(detections)[detections.t[u], links.dt[e]],
        "skipped": np.asarray(links.dt[e] - 1.0, dtype=np.float64),
        **(_history(course, u) if course else {}),
    }
    return Divisions(u, v, w, Features.named(len(u), columns, DIVISION_FEATURES))


def _places(
    mother: Floats, one: Floats, other: Floats, drift: Floats, diameter: Floats
) -> dict[str, Floats]:
    """Features of where daughters are; places and the drift around (n, 3), micrometres."""
    way, other_way = (place - mother - drift for place in (one, other))
    return {
        "centre_offset": in_diameters(0.5 * (way + other_way), diameter),
        "opposite": _cosine(way, other_way),
        "separation": in_diameters(one - other, diameter),
    }


def _elsewhere(
    detections: Detections, links: Candidates, kin: Floats, e: Ints, f: Ints
) -> dict[str, Floats]:
    """How surely mother and daughters go on, and daughters are others', by log odds of links."""
    u, v, w = links.u[e], links.v[e], links.v[f]
    rival = best_other(kin, links.v, alone=LEAST_ODDS)
    last = detections.t.max(initial=0)

    def onward(daughter: Ints) -> Floats:
        odds = best_at(kin, links.u, daughter, LEAST_ODDS)
        # There is no frame after the last.
        return np.where(detections.t[daughter] >= last, 0.0, odds)

    return {
        "goes_on": scaled(best_at(kin, links.u, u, LEAST_ODDS)),
        "future_low": scaled(np.minimum(onward(v), onward(w))),
        "rival_low": scaled(np.maximum(rival[e], rival[f])),
    }


def _unlike(links: Candidates, same: Floats, u: Ints, v: Ints, w: Ints) -> dict[str, Floats]:
    """How surely a mother goes on as one cell, and daughters are cells seen before."""
    back = (best_at(same, links.v, daughter, LEAST_ODDS) for daughter in (v, w))
    onward = best_at(same, links.u, u, LEAST_ODDS)
    return {"same_out": scaled(onward), **_low_high("same_in", *back)}


def _low_high(name: str, one: Floats, other: Floats) -> dict[str, Floats]:
    """Features of two log odds, whichever is which."""
    return {
        f"{name}_low": scaled(np.minimum(one, other)),
        f"{name}_high": scaled(np.maximum(one, other)),
    }


def sisters(links: Candidates) -> Sisters:
    """Return rows of plausible links out of one region into one frame, two by two."""
    plausible = (links.dt <= MAX_DIVISION_STEP) & (
        (links.column("forward_coverage") > 0.05)
        | (links.column("backward_containment") > 0.05)
        | (links.column("overlap") > 0.05)
        | (links.column("distance") < DIVISION_REACH)
    )
    rows = np.flatnonzero(plausible)
    first, second = two_by_two(links.u[rows] * (MAX_DIVISION_STEP + 1) + links.dt[rows])
    return rows[first], rows[second]


def _growth(detections: Detections) -> Floats:
    """Log of how many more regions there are some frames later, (frames, MAX_DIVISION_STEP + 1).

    Cells of an embryo divide in waves: where the number rises, many of them did.
    """
    counts = np.maximum(1, np.bincount(detections.t))
    later = np.minimum(
        np.arange(len(counts))[:, None] + np.arange(MAX_DIVISION_STEP + 1), len(counts) - 1
    )
    return np.asarray(np.clip(np.log(counts[later] / counts[:, None]), -0.5, 0.7))


def _cosine(one: Floats, other: Floats) -> Floats:
    """Cosine of the angles between rows (N, 3): -1 where daughters part from their mother."""
    return dots(one, other) / np.maximum(lengths(one) * lengths(other), 1e-9)


def _history(course: Course, u: Ints) -> dict[str, Floats]:
    """Features of what a mother did before: cells round up, and divide at about one age."""
    known = ~np.isnan(course.ripeness[u])
    return {
        "mother_growth": np.clip(np.nan_to_num(course.growth[u]), -1.0, 1.0),
        "ripeness": np.clip(np.nan_to_num(course.ripeness[u]), -2.0, 1.0),
        "ripeness_known": known.astype(np.float64),
    }


def _shared(links: Candidates, e: Ints, f: Ints) -> dict[str, Floats]:
    """Features of masks that were propagated or stay, from those of the links e and f."""
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


def _shapes(mother: Ints, one: Ints, other: Ints) -> dict[str, Floats]:
    """Features of the sizes of a mother and two daughters."""
    small, large = np.minimum(one, other), np.maximum(one, other)
    whole = mother.astype(np.float64)
    return {
        "size_balance": np.log(small / large),
        "size_sum": np.abs(np.log((small + large) / whole)),
        "daughter_small": np.log(small / whole),
        "daughter_large": np.log(large / whole),
    }
