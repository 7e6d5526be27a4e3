"""Costs: log odds that a link, a division or a merge is right, from its features.

In: features. Out: log odds, from additive logistic models with a linear and a squared term for
each feature. Log odds of independent candidates add up, so the lineage of least total cost is
the most probable one. The models are in costs.json, fitted to simulated movies by
benchmarks/fit_costs.py, fit_track_costs.py and fit_merged.py: for evidence from SAM 2 and from
plain overlap, each for images, volumes and mode track; and one for merges.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.stages.associate.features import Features
from sam4ct.tables import Floats

TABLE = Path(__file__).with_name("costs.json")
ODDS_LIMIT = 12.0
"""Log odds; what is beyond counts by its logarithm, so that none tie and none outweigh all."""
MIN_CALIBRATED = 0.02
"""Of all that two regions could do; smaller marginals, and those to 1, count as this."""


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    """Log odds as a weighted sum of named features and of their squares."""

    bias: float
    weights: dict[str, float]
    squares: dict[str, float]
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Least and largest value of a feature in the fit. Values beyond count as these: a parabola
    is meaningless outside the range that it was fitted to."""

    def __call__(self, features: Features) -> Floats:
        odds = np.full(features.count, self.bias)
        for name, column in features.columns.items():
            within = np.clip(column, *self.ranges[name]) if name in self.ranges else column
            term = self.squares[name] * within
            term += self.weights[name]
            term *= within
            odds += term
        return limited(odds)


def limited(odds: Floats) -> Floats:
    """Return log odds, in place, that grow by their logarithm only beyond ODDS_LIMIT."""
    beyond = np.abs(odds) - ODDS_LIMIT
    far = beyond > 0.0
    odds[far] = np.sign(odds[far]) * (ODDS_LIMIT + np.log1p(beyond[far]))
    return odds


@dataclass(frozen=True, kw_only=True)
class Odds:
    """Log odds of links and divisions."""

    link: Quadratic
    """That two regions are one cell."""
    division: Quadratic
    kin: Quadratic | None = None
    """That the later is the earlier or its daughter; None if `link` is fitted to that."""

    def of_links(self, features: Features) -> Floats:
        """Log odds (links,) that regions are one cell."""
        return self.link(features)

    def of_kin(self, features: Features) -> Floats:
        """Log odds (links,) that regions are one cell, or mother and daughter."""
        return (self.kin or self.link)(features)

    def of_divisions(self, features: Features) -> Floats:
        """Log odds (divisions,)."""
        return self.division(features)


@dataclass(frozen=True)
class Calibration:
    """Probability that a link is right, from its marginal (logistic calibration, Platt 1999).

    A marginal knows the two regions of a link only; links that the rest of the lineage agrees
    with are right more often.
    """

    bias: float = 0.0
    slope: float = 1.0
    bend: float = 0.0

    def odds(self, marginal: Floats) -> Floats:
        """Log odds that a link is right, from its marginal, 0 to 1."""
        marginal = np.clip(marginal, MIN_CALIBRATED, 1.0 - MIN_CALIBRATED)
        given = np.log(marginal / (1.0 - marginal))
        return np.asarray(self.bias + self.slope * given + self.bend * given**2)

    def __call__(self, marginal: Floats) -> Floats:
        """Probability that a link is right; without a fit the marginal itself."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.odds(marginal))))


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Log odds of links and divisions, and the costs of beginnings, ends and gaps."""

    first: Odds
    """Of the first pass, in which the motion of cells is unknown."""
    second: Odds | None = None
    """Of the second pass, which knows a first lineage; None if there is one pass only."""
    appear: float
    disappear: float
    appear_border: float
    """Of a region that touches the edge of the frame."""
    disappear_border: float
    alone: float
    """Of a region without any link: a speck, or a fragment of a cell."""
    skip: float
    """Of a link, per frame in which the cell was missed."""
    unseeded: float = 0.0
    """Of a region without a seed, in mode track."""
    calibration: Calibration = Calibration()
    merge: Quadratic | None = None
    """Log odds that a mask covers two regions, from the frame on one side: those of the frames
    before and after are added. None where masks are not cut."""

    plain: Costs | None = None
    """Of plain overlap, where it counts beside the network; see `scoring`."""
    plain_share: float = 0.0
    """Weight of plain overlap, 0 to 1: not fitted, but the largest that loses nothing on simulated
    cases outside the fit."""

    def odds(self, *, second: bool) -> Odds:
        """Return the log odds of the first pass, or of the second if there is one."""
        return self.second if second and self.second is not None else self.first

    def of_merges(self, features: Features) -> Floats:
        """Log odds (merges,), from the frame on one side."""
        assert self.merge is not None
        return self.merge(features)


def load_costs(evidence: str, kind: str) -> Costs:
    """Return the fitted costs for a kind of evidence and of work.

    Args:
        evidence: "sam2" or "overlap".
        kind: "2d" or "3d" for linking masks, "track" for following cells by seeds.
    """
    tables = json.loads(TABLE.read_text())
    table = tables[f"{evidence}-{kind}"]
    first, second = _odds(table.pop("first")), table.pop("second", None)
    return Costs(
        first=first,
        second=_odds(second) if second else None,
        calibration=Calibration(**table.pop("calibration", {})),
        plain=load_costs("overlap", kind) if table.get("plain_share") else None,
        merge=Quadratic(**tables["couples"]) if "couples" in tables else None,
        **table,
    )


def _odds(table: dict[str, Any]) -> Odds:
    return Odds(**{name: Quadratic(**numbers) for name, numbers in table.items() if numbers})
