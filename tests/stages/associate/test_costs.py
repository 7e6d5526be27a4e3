"""Costs: what models make of features, within the range that they were fitted to and beyond."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sam4ct.stages.associate.costs import ODDS_LIMIT, Quadratic, limited, load_costs
from sam4ct.stages.associate.features.changes import LIKENESSES
from sam4ct.stages.associate.features.columns import Features
from sam4ct.stages.associate.features.divisions import DIVISION_FEATURES
from sam4ct.stages.associate.features.links import LINK_FEATURES
from sam4ct.stages.associate.features.merges import MERGE_FEATURES

KINDS = [(e, k) for e in ("sam2", "overlap") for k in ("2d", "3d", "track")]


def models(evidence: str, kind: str) -> Iterator[tuple[Quadratic, tuple[str, ...]]]:
    """The shipped models, and the features of each."""
    costs = load_costs(evidence, kind)
    for odds in filter(None, (costs.first, costs.second)):
        yield odds.link, LINK_FEATURES
        yield odds.kin or odds.link, LINK_FEATURES
        yield odds.division, DIVISION_FEATURES
    if costs.merge:
        yield costs.merge, MERGE_FEATURES


def test_a_feature_beyond_what_was_fitted_to_counts_as_the_end_of_its_range() -> None:
    model = Quadratic(bias=1.0, weights={"x": 2.0}, squares={"x": 0.5}, ranges={"x": (-1.0, 2.0)})
    values = np.array([-9.0, -1.0, 0.5, 2.0, 9.0])
    low, high = 1.0 - 2.0 + 0.5, 1.0 + 4.0 + 2.0
    expected = [low, low, 1.0 + 1.0 + 0.125, high, high]
    assert model(Features(5, {"x": values})) == pytest.approx(expected)


def test_large_odds_neither_tie_nor_outweigh_all() -> None:
    odds = np.array([-1000.0, -20.0, -3.0, 0.0, ODDS_LIMIT, 13.0, 20.0, 1000.0])
    found = limited(odds.copy())
    assert (np.diff(found) > 0).all()
    assert np.abs(found).max() < 2 * ODDS_LIMIT
    within = np.abs(odds) <= ODDS_LIMIT
    assert np.array_equal(found[within], odds[within])


@pytest.mark.parametrize(("evidence", "kind"), KINDS)
def test_every_shipped_model_knows_the_range_of_every_feature(evidence: str, kind: str) -> None:
    for model, names in models(evidence, kind):
        assert model.ranges.keys() == set(names)
        assert all(least <= most for least, most in model.ranges.values())


@pytest.mark.parametrize(("evidence", "kind"), KINDS)
@pytest.mark.parametrize("figure", LIKENESSES)
def test_what_is_more_alike_is_rather_one_cell(evidence: str, kind: str, figure: str) -> None:
    costs = load_costs(evidence, kind)
    for odds in filter(None, (costs.first, costs.second)):
        model = odds.link
        values = np.linspace(0.0, 12.0, 50)
        columns = {name: np.zeros(50) for name in LINK_FEATURES} | {figure: values}
        assert (np.diff(model(Features(50, columns))) >= 0).all()
