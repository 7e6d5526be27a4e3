"""Solve: small problems whose cheapest choice is known, and the shortest cell cycle."""

from __future__ import annotations

import numpy as np
import pytest

from sam4ct.stages.candidates import LINK_FEATURES, Candidates
from sam4ct.stages.divisions import DIVISION_FEATURES, Divisions
from sam4ct.stages.solve import Problem, solve
from sam4ct.tables import Ints

ENDS = 2.0
"""Cost of every beginning and of every end."""


def ints(*values: int) -> Ints:
    return np.array(values, dtype=np.int64)


def problem(
    t: list[int],
    links: dict[tuple[int, int], float],
    splits: dict[tuple[int, int, int], float] | None = None,
    *,
    min_cycle: int = 1,
    alone: dict[int, float] | None = None,
    born: dict[int, int] | None = None,
) -> Problem:
    """A problem over regions in frames t, with the costs of links and divisions by their rows."""
    splits = splits or {}
    u, v = np.array(list(links), dtype=np.int64).reshape(-1, 2).T
    a, b, c = np.array(list(splits), dtype=np.int64).reshape(-1, 3).T
    times = ints(*t)
    by_itself = np.full(len(t), 2 * ENDS)
    for row, cost in (alone or {}).items():
        by_itself[row] = cost
    return Problem(
        count=len(t),
        links=Candidates(
            u, v, np.zeros((len(u), len(LINK_FEATURES))), times[v] - times[u], np.zeros((len(u), 3))
        ),
        link_cost=np.array(list(links.values()), dtype=float),
        splits=Divisions(a, b, c, np.zeros((len(a), len(DIVISION_FEATURES)))),
        split_cost=np.array(list(splits.values()), dtype=float),
        appear=np.full(len(t), ENDS),
        disappear=np.full(len(t), ENDS),
        alone=by_itself,
        t=times,
        min_cycle=min_cycle,
        born=born or {},
    )


def test_the_cheaper_of_two_rivals_is_taken() -> None:
    choice = solve(problem([0, 0, 1], {(0, 2): -1.0, (1, 2): -1.5}))
    assert choice.links.tolist() == [1]


def test_all_regions_together_decide_not_each_for_itself() -> None:
    """Taking the single best link, 0 to 2, would leave 1 and 3 with the worst one."""
    costs = {(0, 2): -3.0, (0, 3): -2.5, (1, 2): -2.5, (1, 3): 3.9}
    assert solve(problem([0, 0, 1, 1], costs)).links.tolist() == [1, 2]


def test_a_link_dearer_than_an_end_and_a_beginning_is_not_taken() -> None:
    costs = {(0, 2): 2 * ENDS + 0.1, (1, 2): 2 * ENDS + 0.2}
    assert not len(solve(problem([0, 0, 1], costs)).links)


@pytest.mark.parametrize(("cost", "expected"), [(0.5, [0, 1]), (2 * ENDS, [1, 2])])
def test_a_speck_that_is_cheap_is_left_alone(cost: float, expected: list[int]) -> None:
    """
    t   0   1   2
        0 - 1 - 3
            2        a speck, a little more like 0 than 1 is
    """
    costs = {(0, 1): -1.0, (1, 3): -1.0, (0, 2): -1.6, (0, 3): -1.2}
    choice = solve(problem([0, 1, 1, 2], costs, alone={2: cost}))
    assert choice.links.tolist() == expected


@pytest.mark.parametrize(("min_cycle", "expected"), [(1, [0, 1]), (2, [0, 1]), (3, [0])])
def test_a_daughter_does_not_divide_before_the_shortest_cycle(
    min_cycle: int, expected: list[int]
) -> None:
    """
    t   0   1   2   3
        0 < 1 - 3 < 4      born in frame 1, divided after frame 2: two frames old
            2       5
    """
    times = [0, 1, 1, 2, 3, 3]
    links = {(1, 3): -4.0, (3, 4): -1.0}
    splits = {(0, 1, 2): -2.0, (3, 4, 5): -3.0}
    choice = solve(problem(times, links, splits, min_cycle=min_cycle))
    assert choice.splits.tolist() == expected
    assert 0 in choice.links.tolist()


def test_of_two_divisions_too_close_the_less_likely_one_is_dropped() -> None:
    """The same two, of which the later one is all but certain."""
    links, splits = {(1, 3): -4.0, (3, 4): -1.0}, {(0, 1, 2): -2.0, (3, 4, 5): -9.0}
    assert solve(problem([0, 1, 1, 2, 3, 3], links, splits, min_cycle=3)).splits.tolist() == [1]


def settled(min_cycle: int, born: dict[int, int], times: list[int]) -> list[int]:
    """The divisions of a cell after the second of the times, if it was born when it was."""
    links, splits = {(0, 1): -4.0, (1, 2): -1.0}, {(1, 2, 3): -3.0}
    return solve(problem(times, links, splits, min_cycle=min_cycle, born=born)).splits.tolist()


@pytest.mark.parametrize(("min_cycle", "divides"), [(1, True), (3, True), (4, False)])
def test_a_birth_that_is_settled_counts(min_cycle: int, divides: bool) -> None:
    """
    t   4   5   6   7
        x   0 - 1 < 2     born in frame 4, divided after frame 6: three frames old
                    3
    """
    assert bool(settled(min_cycle, {0: 4}, [5, 6, 7, 7])) == divides


@pytest.mark.parametrize("born", [{}, {2: 7}])
def test_a_cell_of_unknown_age_may_divide(born: dict[int, int]) -> None:
    assert settled(9, born, [5, 6, 7, 7]) == [0]


def test_a_cell_too_young_to_divide_goes_on() -> None:
    links = {(0, 1): -1.0, (0, 2): -1.5}
    given = problem([5, 6, 6], links, {(0, 1, 2): -9.0}, min_cycle=2, born={0: 5})
    choice = solve(given)
    assert (choice.links.tolist(), choice.splits.tolist()) == ([1], [])


def test_a_birth_in_view_counts_whatever_is_settled_of_the_mother() -> None:
    """
    t   0   1   2   3
        0 < 1 - 3 < 4      the mother is old enough, her daughter is not
            2       5
    """
    links = {(1, 3): -4.0, (3, 4): -1.0}
    splits = {(0, 1, 2): -2.0, (3, 4, 5): -3.0}
    times = [10, 11, 11, 12, 13, 13]
    choice = solve(problem(times, links, splits, min_cycle=3, born={0: 2}))
    assert choice.splits.tolist() == [0]
    young = solve(problem(times, links, splits, min_cycle=2, born={0: 10}))
    assert young.splits.tolist() == [1]


def test_components_do_not_disturb_each_other() -> None:
    one = {(0, 2): -1.0, (1, 2): -1.5}
    both = one | {(3, 5): -2.0, (4, 5): -0.5}
    choice = solve(problem([0, 0, 1, 0, 0, 1], both))
    assert choice.links.tolist() == [1, 2]
