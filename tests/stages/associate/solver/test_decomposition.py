"""Prices: what they optimum is the best choice, and what they cannot optimum is solved."""

from __future__ import annotations

import numpy as np
import pytest
from scenes.programs import crowded, program
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from sam4ct.stages.associate.solver.decomposition import Optimum, optimum, reoptimized
from sam4ct.stages.associate.solver.set_packing import SetPacking
from sam4ct.tables import Flags, Floats, Ints


def best(given: SetPacking) -> tuple[Flags, float]:
    """The best choices of a program and what they save, by the integer program as a whole."""
    taken = whole(given.reward, given.by_slot, given.capacity)
    return taken, float(given.reward[taken].sum())


def whole(reward: Floats, incidence: csr_array, capacity: Ints) -> Flags:
    answer = milp(
        -reward,
        integrality=np.ones(len(reward)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(incidence, -np.inf, capacity),
        options={"mip_rel_gap": 0.0},
    )
    return np.asarray(answer.x > 0.5)


class Counted:
    """A solver that counts how many choices it was given."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, reward: Floats, incidence: csr_array, capacity: Ints) -> Flags:
        self.given += len(reward)
        return whole(reward, incidence, capacity)


def settled(given: SetPacking) -> Optimum:
    return optimum(given, whole)


@pytest.mark.parametrize("seed", range(12))
def test_the_best_choices_are_found_as_if_solved_at_once(seed: int) -> None:
    given = crowded(seed)
    taken, saved = best(given)
    found = settled(given).chosen
    assert given.reward[found].sum() == pytest.approx(saved)
    assert found.tolist() == taken.tolist()


@pytest.mark.parametrize("seed", range(6))
def test_closed_ways_have_prices_that_prove_it(seed: int) -> None:
    given = crowded(seed)
    found = settled(given)
    closed = found.part < 0
    assert closed.any()
    paid = given.incidence @ np.where(closed, found.price, 0.0)
    only_closed = given.incidence @ (~closed).astype(float) == 0
    assert (paid - given.reward)[only_closed].min() > -1e-6
    np.testing.assert_allclose(
        paid[only_closed & found.chosen], given.reward[only_closed & found.chosen]
    )


def test_what_is_clear_is_not_given_to_a_solver() -> None:
    """
    Two cells that go on, and could each be the other, unlikely:
    t   0   1          0 and 1 are ways out, 2 and 3 are ways in
        0 - 2
        1 - 3
    """
    solver = Counted()
    given = program({(0, 2): 9.0, (1, 3): 9.0, (0, 3): 2.0, (1, 2): 2.0})
    assert optimum(given, solver).chosen.tolist() == [True, True, False, False]
    assert solver.given == 0


def test_a_choice_that_saves_more_by_more_ways_is_not_taken_for_a_better_one() -> None:
    """Thirty cells that go on, and would save more if they divided, were it not for the next."""
    count = 30
    choices = {(n, count + n): 9.0 for n in range(count)}
    choices |= {(n, count + n, count + n + 1): 12.0 for n in range(count - 1)}
    solver = Counted()
    found = optimum(program(choices), solver)
    assert np.flatnonzero(found.chosen).tolist() == list(range(count))
    assert solver.given < 10


def test_where_the_best_of_all_is_not_part_of_the_best_it_is_given_up() -> None:
    given = program({(0, 2): 5.0, (0, 3): 4.5, (1, 2): 4.5, (1, 3): 0.1})
    assert settled(given).chosen.tolist() == [False, True, True, False]


def test_a_row_of_cells_moves_on_by_one_place() -> None:
    """Each would rather stay than move, but then one would be left over at the end."""
    count = 30
    stay = {(n, count + n): 5.0 for n in range(count)}
    move = {(n, count + n + 1): 4.9 for n in range(count)}
    given = program({(0, count): 0.1} | {k: v for k, v in stay.items() if k[0]} | move)
    taken, _ = best(given)
    assert taken.sum() == count
    assert settled(given).chosen.tolist() == taken.tolist()


def test_a_choice_that_saves_nothing_is_not_taken() -> None:
    assert not settled(program({(0, 1): -1.0, (1, 2): 0.0})).chosen.any()


@pytest.mark.parametrize("seed", range(6))
def test_of_choices_that_save_the_same_none_share_a_way(seed: int) -> None:
    given = crowded(seed)
    given = SetPacking(np.round(given.reward / 3.0), given.incidence)
    found = settled(given).chosen
    assert (given.incidence.T @ found).max() == 1
    assert given.reward[found].sum() == pytest.approx(best(given)[1])


def test_a_doubt_is_solved_where_it_is() -> None:
    """A hundred cells in a row, and at one end three of which any two go together."""
    count = 100
    choices = {(n, count + n): 9.0 for n in range(count)}
    choices |= {(n, count + n + 1): 2.0 for n in range(count - 1)}
    a, b, c = range(2 * count, 2 * count + 3)
    choices |= {(a, b): 5.0, (b, c): 4.9, (c, a): 4.8, (0, a): 4.0}
    solver = Counted()
    found = optimum(program(choices), solver)
    assert found.chosen.sum() == count + 1
    assert 0 < solver.given < 10


def test_a_doubt_does_not_spread_to_cells_that_have_something_better() -> None:
    """The same three, beside a fourth, left over, that could be any of the hundred, too.

    Whoever is left over would pay what the others' ways are worth, so it asks for none.
    """
    count = 100
    choices = {(n, count + n): 9.0 for n in range(count)}
    a, b, c, left = range(2 * count, 2 * count + 4)
    choices |= {(a, b): 5.0, (b, c): 4.9, (c, a): 4.8, (left, a): 1.0}
    choices |= {(left, count + n): 2.0 for n in range(count)}
    solver = Counted()
    found = optimum(program(choices), solver)
    assert found.chosen.sum() == count + 2
    assert 0 < solver.given < 10


@pytest.mark.parametrize("seed", range(4))
def test_a_row_that_is_added_later_is_taken_into_account(seed: int) -> None:
    """Of three chosen candidates two may stay."""
    given = crowded(seed)
    first = settled(given)
    three = np.flatnonzero(first.chosen)[[3, 40, 80]]
    narrower = given.with_cuts([three], [2])
    again = reoptimized(narrower, narrower.slots_of(three), first, whole)
    taken, saved = best(narrower)
    assert narrower.reward[again.chosen].sum() == pytest.approx(saved)
    assert again.chosen.tolist() == taken.tolist()
    assert again.chosen[three].sum() == 2


def test_choices_in_part_are_solved_again_in_whole_numbers() -> None:
    """Of three divisions that share a daughter two by two, half of each would be taken."""
    given = program({(0, 3, 4): 2.0, (1, 4, 5): 2.1, (2, 3, 5): 2.2})

    def relaxed(reward: Floats, incidence: csr_array, capacity: Ints) -> Flags:
        return np.ones(len(reward), bool)

    first = optimum(given, relaxed)
    assert first.chosen.all()
    again = reoptimized(given, given.overused(first.chosen), first, whole)
    assert again.chosen.tolist() == [False, False, True]
