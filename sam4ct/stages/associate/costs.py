"""Costs: how features become log odds that a link or a division is right.

The numbers come from fits on simulated movies (benchmarks/fit_costs.py, fit_track_costs.py,
fit_merged.py) and lie beside this module as costs.json: one set for evidence from SAM 2, one
for plain overlap, each for images, for volumes, and for following cells by seeds; and one
for all kinds that tells masks which cover two cells. Log odds of
independent choices add up, so the lineage of least total cost is the most probable one.
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
"""Log odds beyond this grow by their logarithm only, so that none tie and none outweigh all."""
LEAST_SHARE = 0.02
"""Of all that two regions could do; smaller shares, and those to 1, count as this."""


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    """Log odds as a weighted sum of named features and of their squares."""

    bias: float
    weights: dict[str, float]
    squares: dict[str, float]
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Least and largest value of a feature among the examples fitted to. Values beyond count
    as these: a parabola says nothing about what it was not fitted to."""

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
    """That the later is the earlier or its daughter; None where `link` says so itself."""

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
    """How often links are right, by their share among all that could be (see `associate`).

    A share looks at the two ends of a link alone; what the rest of the lineage says for
    it makes it right more often.
    """

    bias: float = 0.0
    slope: float = 1.0
    bend: float = 0.0

    def odds(self, share: Floats) -> Floats:
        """Log odds that a link is right, by its share, 0 to 1."""
        share = np.clip(share, LEAST_SHARE, 1.0 - LEAST_SHARE)
        given = np.log(share / (1.0 - share))
        return np.asarray(self.bias + self.slope * given + self.bend * given**2)

    def __call__(self, share: Floats) -> Floats:
        """Probability that a link is right, by its share; without a fit the share itself."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.odds(share))))


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Log odds of links and divisions, and the costs of beginnings, ends and gaps."""

    first: Odds
    """While nothing is known of how cells move."""
    second: Odds | None = None
    """Once a first lineage tells; None where there's no second look."""
    appear: float
    disappear: float
    appear_border: float
    """Of a region that touches the edge of the frame."""
    disappear_border: float
    alone: float
    """Of a region that is linked to nothing: a speck, or a fragment of a cell."""
    skip: float
    """Per frame in which the cell was missed."""
    unseeded: float = 0.0
    """Of a region without a seed, in a track that is followed by seeds."""
    calibration: Calibration = Calibration()
    couple: Quadratic | None = None
    """Half the log odds that a couple is what a mask covers: that of the other side in time is
    added. None where masks are not cut."""

    plain: Costs | None = None
    """Of plain overlap, where it has a say beside the network; see `judge`."""
    plain_share: float = 0.0
    """Of plain overlap in log odds: not fitted, but the most that costs nothing on simulated
    cases which costs were not fitted to."""

    def look(self, again: bool) -> Odds:
        """Return the odds of the first look, or those of the second if there are any."""
        return self.second if again and self.second is not None else self.first

    def of_couples(self, features: Features) -> Floats:
        """Half the log odds (couples,)."""
        assert self.couple is not None
        return self.couple(features)


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
        couple=Quadratic(**tables["couples"]) if "couples" in tables else None,
        **table,
    )


def _odds(table: dict[str, Any]) -> Odds:
    return Odds(**{name: Quadratic(**numbers) for name, numbers in table.items() if numbers})
