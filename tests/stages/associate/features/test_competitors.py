"""Competitors: each value stands against the best other of its group."""

from __future__ import annotations

import numpy as np
import pytest

from sam4ct.stages.associate.features.competitors import Competitors, GroupMax


def others(values: list[float], group: list[int]) -> list[float]:
    """The best other of each, -9 where there is none."""
    groups = Competitors.of(np.array(group, dtype=np.int64))
    return groups.best_other(np.array(values), alone=-9.0).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_the_best_other_is_found_in_groups_of_all_sizes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 20, 60) ** 2
    values = np.round(rng.normal(size=60), 1)
    rows = np.arange(60)
    expected = [values[(group == group[n]) & (rows != n)].max(initial=-np.inf) for n in rows]
    assert others(values.tolist(), group.tolist()) == [-9 if v == -np.inf else v for v in expected]


def test_of_several_best_each_is_the_other_s_best_other() -> None:
    assert others([2.0, 2.0, 1.0], [5, 5, 5]) == [2.0, 2.0, 2.0]


def test_alone_there_is_no_other() -> None:
    assert others([2.0, 1.0, 3.0], [5, 4, 5]) == [3.0, -9.0, 2.0]
    assert others([], []) == []


def test_a_margin_without_competitors_is_all_of_the_value() -> None:
    competitors = Competitors.of(np.array([0, 1, 1]))
    assert competitors.margin(np.array([0.5, 0.75, 0.25])).tolist() == [0.5, 0.5, -0.5]


def test_what_has_no_competitor_is_nearer_than_any_by_all_that_counts() -> None:
    competitors = Competitors.of(np.array([0, 1, 1]))
    assert competitors.nearness(np.array([0.5, 0.75, 0.25])).tolist() == [2.5, -0.5, 0.5]


def test_a_group_without_values_has_none() -> None:
    asked = np.array([0, 1, 2, 3, 5, 9, 4])
    found = GroupMax.of(np.array([1.0, 4.0, -9.0, 2.0]), np.array([4, 4, 2, 1]), without=-6.0).at(
        asked
    )
    assert found.tolist() == [-6.0, 2.0, -6.0, -6.0, -6.0, -6.0, 4.0]
    nothing = GroupMax.of(np.empty(0), np.empty(0, np.int64), without=1.0)
    assert nothing.at(asked).tolist() == [1.0] * 7
