"""HiGHS: answers in parts and whole, what it is asked again, and that it says nothing itself."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import highspy
import numpy as np
import pytest
from scenes.programs import crowded
from scipy.sparse import csr_array

from sam4ct.stages.associate.solver import highs
from sam4ct.stages.associate.solver.highs import in_parts, whole
from sam4ct.tables import Floats

TRIANGLE = csr_array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
"""Three choices, of which any two want one way."""


def hard() -> tuple[Floats, csr_array]:
    """Choices whose best answer in parts says little about the best one in whole numbers."""
    rng = np.random.default_rng(5)
    ways = (rng.random((120, 60)) < 0.1).astype(float)
    return rng.uniform(1.0, 1.1, 60), csr_array(ways)


def test_parts_of_choices_are_taken_where_that_saves_more() -> None:
    found = in_parts(np.array([2.0, 2.0, 2.1]), TRIANGLE)
    assert found.taken.tolist() == [0.5, 0.5, 0.5]
    assert found.price.tolist() == pytest.approx([0.0, 0.0, 0.0])


def test_the_price_is_what_it_costs_at_least_to_take_a_choice() -> None:
    saving, ways = np.array([1.0, 3.0, 0.5]), csr_array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = in_parts(saving, ways)
    assert found.taken.tolist() == [0.0, 1.0, 1.0]
    assert found.price.tolist() == pytest.approx([2.0, 0.0, 0.0])


def test_whole_choices_share_no_way_and_none_save_more() -> None:
    found = whole(np.array([2.0, 2.2, 2.1]), TRIANGLE, 100)
    assert found is not None
    assert found.taken.tolist() == [False, True, False]
    assert found.proved


@pytest.mark.parametrize("seed", range(4))
def test_whole_choices_save_as_much_as_parts_that_are_whole(seed: int) -> None:
    program = crowded(seed)
    saving, ways = program.saving, program.ways.T.tocsr()
    parts, found = in_parts(saving, ways), whole(saving, ways, 1000)
    assert found is not None
    assert (ways @ found.taken <= 1).all()
    assert saving[found.taken].sum() <= saving @ parts.taken + 1e-6
    # What is not taken costs its price at least.
    behind = saving @ parts.taken - saving[found.taken].sum()
    assert parts.price[found.taken].clip(0.0).sum() <= behind + 1e-6


def test_what_is_not_proved_or_not_found_in_time_is_told() -> None:
    best, some, nothing = (whole(*hard(), nodes) for nodes in (100_000, 1, 0))
    assert best is not None
    assert best.proved
    assert some is not None
    assert not some.proved
    assert nothing is None


@pytest.mark.parametrize("fails", [{"off"}, {"off", "on"}])
def test_what_is_failed_at_is_prepared_and_tried_again(
    fails: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = highs._asked

    def failing(*program: Any, presolve: str, **options: Any) -> highspy.Highs:
        limit = {"simplex_iteration_limit": 0} if presolve in fails else {}
        return usual(
            *program, presolve=presolve if "on" not in fails else "off", **options, **limit
        )

    monkeypatch.setattr(highs, "_asked", failing)
    saving = np.array([2.0, 2.0, 2.1])
    if "on" not in fails:
        assert in_parts(saving, TRIANGLE).taken.tolist() == [0.5, 0.5, 0.5]
    else:
        with pytest.raises(RuntimeError, match="HiGHS found no answer: Iteration limit"):
            in_parts(saving, TRIANGLE)


@pytest.mark.parametrize("saving", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_not_asked_about(saving: float) -> None:
    program = np.array([saving, 1.0]), csr_array([[1.0, 1.0]])
    for ask in (in_parts, lambda *given: whole(*given, 9)):
        with pytest.raises(ValueError, match="not finite"):
            ask(*program)


def test_an_option_that_a_version_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(highs.ALWAYS, "mip_heuristic_run_wild", False)
    with pytest.raises(RuntimeError, match="no option mip_heuristic_run_wild"):
        in_parts(np.array([1.0]), csr_array([[1.0]]))


def test_it_says_nothing_itself() -> None:
    """Some versions greet, once in a process."""
    code = (
        "import numpy as np; from scipy.sparse import csr_array;"
        "from sam4ct.stages.associate.solver.highs import in_parts, whole;"
        "program = np.array([1.0]), csr_array([[1.0]]); in_parts(*program); whole(*program, 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
