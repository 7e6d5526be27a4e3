"""Marginals: how a choice stands against all else that its regions could do."""

from __future__ import annotations

import numpy as np
import pytest
from scenes.problems import problem

from sam4ct.stages.associate.marginals import marginals, pruned
from sam4ct.stages.associate.solver.lineage import solve


def test_a_link_without_rivals_competes_with_the_ends_alone() -> None:
    (share,) = marginals(problem([0, 1], {(0, 1): -2.0})).links
    ends = problem([0, 1], {(0, 1): -2.0})
    other = max(np.exp(-ends.appear[1]), np.exp(-ends.disappear[0]))
    assert share == pytest.approx(np.exp(2.0) / (np.exp(2.0) + other))


def test_of_two_equal_rivals_neither_has_more_than_half() -> None:
    found = marginals(problem([0, 0, 1], {(0, 2): -8.0, (1, 2): -8.0})).links
    assert found == pytest.approx([0.5, 0.5], abs=0.01)


def test_what_is_weak_at_both_ends_is_not_considered() -> None:
    links = {(0, 2): -9.0, (0, 3): -0.5, (1, 3): -9.0}
    given = pruned(problem([0, 0, 1, 1], links))
    assert list(zip(given.links.u, given.links.v, strict=True)) == [(0, 2), (1, 3)]


def test_what_a_whole_row_needs_is_considered() -> None:
    """Cell 1 alone may go to 2, so cell 0 must go on to 3, weak as that is against 2."""
    links = {(0, 2): -11.0, (0, 3): -2.0, (1, 2): -11.0}
    given = pruned(problem([0, 0, 1, 1], links))
    chosen = solve(given).links
    taken = zip(given.links.u[chosen], given.links.v[chosen], strict=True)
    assert sorted(taken) == [(0, 3), (1, 2)]
