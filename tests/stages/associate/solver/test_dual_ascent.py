"""Auction: the first choice takes no way twice, and pays for its ways just what it saves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes.programs import crowded, program

from sam4ct.runtime import parallel as threads
from sam4ct.stages.associate.solver.dual_ascent import greedy_with_prices
from sam4ct.stages.associate.solver.set_packing import SetPacking

Ways = tuple[int, ...]
WAYS = st.sets(st.integers(0, 7), min_size=1, max_size=3).map(lambda ways: tuple(sorted(ways)))


def taken_by(given: SetPacking) -> list[Ways]:
    taken = greedy_with_prices(given)[0]
    return [tuple(given.incidence[[row]].indices.tolist()) for row in np.flatnonzero(taken)]


@given(st.dictionaries(WAYS, st.integers(-3, 6), min_size=1, max_size=20))
def test_nothing_more_can_be_taken_and_all_that_is_pays_what_it_saves(
    choices: dict[Ways, int],
) -> None:
    """Savings are small whole numbers, so that many are equal."""
    posed = program({ways: float(saving) for ways, saving in choices.items()})
    taken, price = greedy_with_prices(posed)
    times = posed.incidence.T @ taken
    assert times.max(initial=0) <= 1
    assert (posed.reward[taken] > 0.0).all()
    blocked = posed.incidence @ times > 0
    assert blocked[posed.reward > 0.0].all()
    np.testing.assert_allclose((posed.incidence @ price)[taken], posed.reward[taken], atol=1e-9)
    assert (price[times == 0] == 0.0).all()


def test_of_equal_choices_the_last_is_taken() -> None:
    assert taken_by(program({(0, 1): 3.0, (0, 2): 3.0})) == [(0, 2)]


def test_who_leaves_less_to_others_is_not_taken_for_saving_more() -> None:
    """The division saves most, but takes two ways that others would pay nearly as much for."""
    choices = {(0, 3): 5.0, (1, 4): 5.0, (0, 3, 4): 6.0}
    assert taken_by(program(choices)) == [(0, 3), (1, 4)]


def test_a_way_is_worth_what_the_next_best_would_pay_and_half_of_the_rest() -> None:
    """The choice (0, 2) saves 8; for way 0 somebody else would pay 2, for way 2 nobody."""
    price = greedy_with_prices(program({(0, 2): 8.0, (0, 1): 2.0}))[1]
    assert price.tolist() == pytest.approx([5.0, 0.0, 3.0], abs=0.01)


def test_of_a_way_that_two_want_equally_neither_saves_much() -> None:
    """So both rather take what nobody else wants, which saves more in all."""
    choices = {(0, 2): 4.0, (1, 2): 4.0, (0, 3): 3.0, (1, 4): 3.0}
    assert taken_by(program(choices)) == [(0, 3), (1, 4)]


@pytest.mark.parametrize("stretch", [1, 7, 1000])
def test_it_does_not_matter_how_many_ways_are_looked_at_together(
    stretch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = greedy_with_prices(crowded(3))
    monkeypatch.setattr(threads, "STRETCH", stretch)
    found = greedy_with_prices(crowded(3))
    assert found[0].tolist() == usual[0].tolist()
    assert found[1].tolist() == usual[1].tolist()


def test_a_program_without_choices_has_ways_for_nothing() -> None:
    posed = program({(0, 1): -1.0})
    taken, price = greedy_with_prices(posed)
    assert not taken.any()
    assert price.tolist() == [0.0, 0.0]
