"""Divisions: what the evidence says about each possible division, in numbers.

Pairs possible links of one region into one later frame. Every feature is free of
units, as those of links are. Pure tables: no images, no files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sam4ct.stages.associate.features.columns import LEAST_ODDS, Choices, Features, scaled
from sam4ct.stages.associate.features.competitors import Best, best_other, two_by_two
from sam4ct.stages.associate.features.families import (
    low_high,
    of_masks,
    of_past,
    of_places,
    of_sizes,
)
from sam4ct.stages.associate.features.history import Course
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


class Prospects:
    """What is known of links and regions, whichever two links a division is made of."""

    def __init__(
        self,
        detections: Detections,
        links: Candidates,
        kin: Floats,
        same: Floats,
        places_um: Floats,
        diameter_um: Floats,
        course: Course | None = None,
    ) -> None:
        """Take possible links and what their regions are like.

        Args:
            detections: Ordered by frame and label.
            links: From `candidates`.
            kin: Log odds (links,) that the later region is the earlier one or its daughter.
            same: Log odds (links,) that both are one cell.
            places_um: Centroid of every detection, (N, 3).
            diameter_um: Of every detection, (N,).
            course: What a first lineage tells of them, if there is one.
        """
        self._detections, self._links, self._kin, self._same = detections, links, kin, same
        self._places_um, self._diameter_um, self._course = places_um, diameter_um, course
        self._growth, self._last = _growth(detections), detections.t.max(initial=0)
        self._rival = best_other(kin, links.v, alone=LEAST_ODDS)
        self._kin_out = Best.of(kin, links.u, LEAST_ODDS)
        self._same_out = Best.of(same, links.u, LEAST_ODDS)
        self._same_in = Best.of(same, links.v, LEAST_ODDS)

    def all_divisions(self) -> Divisions:
        """Return the divisions that all pairs of plausible links make."""
        return self.divisions(sisters(self._links))

    def divisions(self, pairs: Sisters) -> Divisions:
        """Return the divisions that pairs of links make."""
        e, f = pairs
        links, kin, same = self._links, self._kin, self._same
        u, v, w = links.u[e], links.v[e], links.v[f]
        places, diameter, size = self._places_um, self._diameter_um[u], self._detections.size
        columns: dict[str, Floats] = {
            **of_masks(links, e, f),
            **of_sizes(size[u], size[v], size[w]),
            **low_high("link", kin[e], kin[f]),
            **low_high("same", same[e], same[f]),
            **of_places(places[u], places[v], places[w], links.drift_um[e], diameter),
            **self._unlike(u, v, w),
            **self._elsewhere(e, f),
            "growth": self._growth[self._detections.t[u], links.dt[e]],
            "skipped": np.asarray(links.dt[e] - 1.0, dtype=np.float64),
            **(of_past(self._course, u) if self._course else {}),
        }
        return Divisions(u, v, w, Features.named(len(u), columns, DIVISION_FEATURES))

    def _elsewhere(self, e: Ints, f: Ints) -> dict[str, Floats]:
        """How surely mother and daughters go on, and daughters are others', by log odds of links.

        Args:
            e: Rows of the links to the first daughters.
            f: Those of the links to the second ones.
        """
        u, v, w = self._links.u[e], self._links.v[e], self._links.v[f]
        return {
            "goes_on": scaled(self._kin_out.at(u)),
            "future_low": scaled(np.minimum(self._onward(v), self._onward(w))),
            "rival_low": scaled(np.maximum(self._rival[e], self._rival[f])),
        }

    def _onward(self, daughter: Ints) -> Floats:
        # There is no frame after the last.
        ended = self._detections.t[daughter] >= self._last
        return np.where(ended, 0.0, self._kin_out.at(daughter))

    def _unlike(self, u: Ints, v: Ints, w: Ints) -> dict[str, Floats]:
        """How surely a mother goes on as one cell, and daughters are cells seen before."""
        return {
            "same_out": scaled(self._same_out.at(u)),
            **low_high("same_in", self._same_in.at(v), self._same_in.at(w)),
        }


def sisters(links: Candidates, mothers: Flags | None = None) -> Sisters:
    """Return rows of plausible links out of one region into one frame, two by two.

    Args:
        links: From `candidates`.
        mothers: Whether it is asked if a region divided, by region; of all if None.
    """
    plausible = (links.dt <= MAX_DIVISION_STEP) & (
        (links.column("forward_coverage") > 0.05)
        | (links.column("backward_containment") > 0.05)
        | (links.column("overlap") > 0.05)
        | (links.column("distance") < DIVISION_REACH)
    )
    rows = np.flatnonzero(plausible if mothers is None else plausible & mothers[links.u])
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
