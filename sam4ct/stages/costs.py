"""Costs: how features become log odds that a link or a division is right.

The numbers come from fits on simulated movies (benchmarks/fit_costs.py, fit_track_costs.py)
and lie beside this module as costs.json: one set for evidence from SAM 2, one for
plain overlap, each for images, for volumes, and for following cells by seeds. Log odds of
independent choices add up, so the lineage of least total cost is the most probable one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sam4ct.stages.candidates import LINK_FEATURES
from sam4ct.stages.divisions import DIVISION_FEATURES
from sam4ct.tables import Floats

TABLE = Path(__file__).with_name("costs.json")
ODDS_LIMIT = 12.0


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    """Log odds as a weighted sum of named features and of their squares."""

    bias: float
    weights: dict[str, float]
    squares: dict[str, float]

    def __call__(self, features: Floats, names: tuple[str, ...]) -> Floats:
        weights = np.array([d[name] for d in (self.weights, self.squares) for name in names])
        features = np.concatenate([features, features**2], axis=1)
        return np.asarray(np.clip(features @ weights + self.bias, -ODDS_LIMIT, ODDS_LIMIT))


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Log odds of links and divisions, and the costs of beginnings, ends and gaps."""

    link: Quadratic
    division: Quadratic
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

    def link_odds(self, features: Floats) -> Floats:
        """Log odds (links,) of features (links, LINK_FEATURES)."""
        return self.link(features, LINK_FEATURES)

    def division_odds(self, features: Floats) -> Floats:
        """Log odds (divisions,) of features (divisions, DIVISION_FEATURES)."""
        return self.division(features, DIVISION_FEATURES)


def load_costs(evidence: str, kind: str) -> Costs:
    """Return the fitted costs for a kind of evidence and of work.

    Args:
        evidence: "sam2" or "overlap".
        kind: "2d" or "3d" for linking masks, "track" for following cells by seeds.
    """
    table = json.loads(TABLE.read_text())[f"{evidence}-{kind}"]
    return Costs(
        link=Quadratic(**table.pop("link")), division=Quadratic(**table.pop("division")), **table
    )
