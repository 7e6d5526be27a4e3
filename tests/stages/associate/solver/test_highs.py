"""HiGHS: the LP relaxation, the integer program, and that HiGHS itself prints nothing."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
import pytest
from scenes.programs import crowded
from scipy.sparse import csr_array

from sam4ct.stages.associate.solver import highs
from sam4ct.stages.associate.solver.highs import solve_lp, solve_milp
from sam4ct.tables import Floats, Ints

TRIANGLE = csr_array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
"""Three candidates, of which any two share a slot."""
ONCE = np.ones(3, np.int64)


def hard() -> tuple[Floats, csr_array, Ints]:
    """Candidates whose LP relaxation says little about the integer program."""
    rng = np.random.default_rng(5)
    slots = (rng.random((120, 60)) < 0.1).astype(float)
    return rng.uniform(1.0, 1.1, 60), csr_array(slots), np.ones(120, np.int64)


def test_the_relaxation_chooses_halves_where_that_saves_more() -> None:
    found = solve_lp(np.array([2.0, 2.0, 2.1]), TRIANGLE, ONCE)
    assert found.x.tolist() == [0.5, 0.5, 0.5]
    assert found.reduced_cost.tolist() == pytest.approx([0.0, 0.0, 0.0])


def test_the_reduced_cost_is_what_it_costs_at_least_to_choose_a_candidate() -> None:
    reward, slots = np.array([1.0, 3.0, 0.5]), csr_array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = solve_lp(reward, slots, ONCE[:2])
    assert found.x.tolist() == [0.0, 1.0, 1.0]
    assert found.reduced_cost.tolist() == pytest.approx([2.0, 0.0, 0.0])


def test_chosen_candidates_share_no_slot_and_none_save_more() -> None:
    found = solve_milp(np.array([2.0, 2.2, 2.1]), TRIANGLE, ONCE, 100)
    assert found is not None
    assert found.chosen.tolist() == [False, True, False]
    assert found.proved


def test_a_row_may_allow_more_than_one() -> None:
    """Three candidates with slots of their own, of which any two may be chosen."""
    rows = csr_array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    problem = np.array([2.0, 2.2, 2.1]), rows, np.array([1, 1, 1, 2])
    found = solve_milp(*problem, 100)
    assert found is not None
    assert found.chosen.tolist() == [False, True, True]
    assert solve_lp(*problem).x.tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("seed", range(4))
def test_no_integer_solution_saves_more_than_the_relaxation(seed: int) -> None:
    packing = crowded(seed)
    reward, slots = packing.reward, packing.by_slot
    lp = solve_lp(reward, slots, packing.capacity)
    found = solve_milp(reward, slots, packing.capacity, 1000)
    assert found is not None
    assert (slots @ found.chosen <= 1).all()
    assert reward[found.chosen].sum() <= reward @ lp.x + 1e-6
    gap = reward @ lp.x - reward[found.chosen].sum()
    assert lp.reduced_cost[found.chosen].clip(0.0).sum() <= gap + 1e-6


def test_what_is_not_proved_or_not_found_in_time_is_told() -> None:
    best, some, nothing = (solve_milp(*hard(), nodes) for nodes in (100_000, 1, 0))
    assert best is not None
    assert best.proved
    assert some is not None
    assert not some.proved
    assert nothing is None


@pytest.mark.parametrize("fails", [{"off"}, {"off", "on"}])
def test_where_the_simplex_fails_it_is_tried_with_presolve(
    fails: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = highs._run

    def failing(*program: Any, presolve: str, **options: Any) -> highspy.Highs:
        limit = {"simplex_iteration_limit": 0} if presolve in fails else {}
        return usual(
            *program, presolve=presolve if "on" not in fails else "off", **options, **limit
        )

    monkeypatch.setattr(highs, "_run", failing)
    reward = np.array([2.0, 2.0, 2.1])
    if "on" not in fails:
        assert solve_lp(reward, TRIANGLE, ONCE).x.tolist() == [0.5, 0.5, 0.5]
    else:
        with pytest.raises(RuntimeError, match="HiGHS found no answer: Iteration limit"):
            solve_lp(reward, TRIANGLE, ONCE)


@pytest.mark.parametrize("reward", [np.nan, np.inf, -np.inf])
def test_rewards_that_are_not_finite_are_refused(reward: float) -> None:
    program = np.array([reward, 1.0]), csr_array([[1.0, 1.0]]), ONCE[:1]
    for ask in (solve_lp, lambda *given: solve_milp(*given, 9)):
        with pytest.raises(ValueError, match="not finite"):
            ask(*program)


def test_an_option_that_a_version_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(highs.OPTIONS, "mip_heuristic_run_wild", False)
    with pytest.raises(RuntimeError, match="no option mip_heuristic_run_wild"):
        solve_lp(np.array([1.0]), csr_array([[1.0]]), ONCE[:1])


def test_it_prints_nothing_itself(capfd: pytest.CaptureFixture[str]) -> None:
    program = np.array([1.0]), csr_array([[1.0]]), ONCE[:1]
    solve_lp(*program)
    solve_milp(*program, 9)
    assert capfd.readouterr() == ("", "")
