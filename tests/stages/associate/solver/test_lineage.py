"""Lineage: small problems whose cheapest choice is known, and the shortest cell cycle."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scenes.problems import ENDS, problem
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from sam4ct.stages.associate.solver import lineage as solve_module
from sam4ct.stages.associate.solver.highs import MilpSolution, solve_milp
from sam4ct.stages.associate.solver.lineage import Problem, Selection, solve
from sam4ct.tables import Floats, Ints


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
    links, splits = {(1, 3): -5.0, (3, 4): -1.0}, {(0, 1, 2): -2.0, (3, 4, 5): -9.0}
    assert solve(problem([0, 1, 1, 2, 3, 3], links, splits, min_cycle=3)).splits.tolist() == [1]


def test_two_divisions_too_close_of_different_cells_are_both_taken() -> None:
    """
    The first daughter is as like 4 as another cell is, but 4 divides:
    t   0   1   2   3
            3 - 4 < 5
        0 < 1           6
            2
    """
    links = {(1, 4): -4.2, (3, 4): -4.0, (0, 1): -1.0, (4, 5): -1.0}
    splits = {(0, 1, 2): -9.0, (4, 5, 6): -9.0}
    choice = solve(problem([0, 1, 1, 1, 2, 3, 3], links, splits, min_cycle=3))
    assert choice.splits.tolist() == [0, 1]
    assert choice.links.tolist() == [1]


def crowded(seed: int, min_cycle: int, frames: int = 6, regions: int = 4) -> Problem:
    """Frames of some regions, whose links and divisions mostly pay; one was just born."""
    rng = np.random.default_rng(seed)
    rows = np.arange(frames * regions).reshape(frames, regions)
    links, splits = {}, {}
    for t in range(frames - 1):
        for u in rows[t].tolist():
            near = rng.permutation(rows[t + 1])[:3].tolist()
            links |= {(u, v): rng.normal(-1.0, 2.0) for v in near}
            splits[u, near[0], near[1]] = rng.normal(-3.0, 2.0)
            far = int(rng.choice(rows[min(t + 2, frames - 1)]))
            links[u, far] = rng.normal(0.0, 2.0)
    times = np.repeat(np.arange(frames), regions).tolist()
    return problem(times, links, splits, min_cycle=min_cycle, born={0: 0, 1: -1})


def total(given: Problem, choice: Selection) -> float:
    """What a choice costs in all."""
    links, splits = given.links, given.splits
    e, s = choice.links, choice.splits
    out = np.bincount(np.concatenate([links.u[e], splits.u[s]]), minlength=given.count)
    into = np.concatenate([links.v[e], splits.v[s], splits.w[s]])
    into = np.bincount(into, minlength=given.count)
    assert max(out.max(), into.max()) <= 1
    ends = given.disappear * (out == 0) + given.appear * (into == 0)
    own = np.where((out == 0) & (into == 0), given.alone, ends)
    return float(given.link_cost[e].sum() + given.split_cost[s].sum() + own.sum())


def too_soon(given: Problem) -> list[list[int]]:
    """All series of choices by which a cell divides too young; divisions count on from links."""
    links, splits, n = given.links, given.splits, len(given.links.u)
    found = []

    def follow(path: list[int], region: int, birth: int) -> None:
        if given.t[region] - birth + 1 >= given.min_cycle:
            return
        found.extend([*path, n + s] for s in np.flatnonzero(splits.u == region).tolist())
        for link in np.flatnonzero(links.u == region).tolist():
            follow([*path, link], int(links.v[link]), birth)

    for s in range(len(splits.u)):
        for daughter in (int(splits.v[s]), int(splits.w[s])):
            follow([n + s], daughter, int(given.t[daughter]))
    for region, birth in given.born.items():
        follow([], region, birth)
    return found


@pytest.mark.parametrize("min_cycle", [2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_the_shortest_cycle_costs_no_more_than_it_must(seed: int, min_cycle: int) -> None:
    """As with a rule for each way of being too young, which only small problems can have."""
    given = crowded(seed, min_cycle)
    choice = solve(given)
    n = len(given.links.u)
    taken = set(choice.links.tolist()) | set((n + choice.splits).tolist())
    forbidden = too_soon(given)
    assert not [path for path in forbidden if taken.issuperset(path)]
    assert total(given, choice) == pytest.approx(least_total(given, forbidden))


def least_total(given: Problem, forbidden: list[list[int]]) -> float:
    """The least cost of all choices that are not forbidden, by one integer program."""
    links, splits, count = given.links, given.splits, given.count
    n, k = len(links.u), len(splits.u)
    # Choices, then by region: goes nowhere, comes from nowhere, is alone.
    cost = np.concatenate([given.link_cost, given.split_cost, given.disappear, given.appear])
    cost = np.concatenate([cost, given.alone - given.disappear - given.appear])
    out, into, alone = (np.zeros((count, len(cost))) for _ in range(3))
    out[links.u, np.arange(n)] = out[splits.u, n + np.arange(k)] = 1.0
    into[links.v, np.arange(n)] = 1.0
    into[splits.v, n + np.arange(k)] = into[splits.w, n + np.arange(k)] = 1.0
    every = np.arange(count)
    out[every, n + k + every] = into[every, n + k + count + every] = 1.0
    alone[every, n + k + 2 * count + every] = 2.0
    alone[every, n + k + every] = alone[every, n + k + count + every] = -1.0
    rules = [LinearConstraint(np.concatenate([out, into]), 1.0, 1.0), LinearConstraint(alone, ub=0)]
    for path in forbidden:
        row = np.zeros(len(cost))
        row[path] = 1.0
        rules.append(LinearConstraint(row, ub=len(path) - 1))
    answer = milp(cost, integrality=np.ones(len(cost)), bounds=Bounds(0, 1), constraints=rules)
    return float(answer.fun)


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


def triangles(count: int) -> tuple[Problem, list[int]]:
    """Mothers whose daughters are claimed two by two, and the divisions that cost least.

    In parts half of all three divisions would be taken, so each triangle takes an integer program.
    """
    rng = np.random.default_rng(4)
    splits, best = {}, []
    for first in range(0, 6 * count, 6):
        costs = rng.uniform(-2.4, -2.0, 3)
        best.append(first // 2 + int(costs.argmin()))
        for mother, (one, other) in enumerate(((3, 4), (4, 5), (3, 5))):
            splits[first + mother, first + one, first + other] = costs[mother]
    return problem([0, 0, 0, 1, 1, 1] * count, {}, splits), best


@pytest.mark.parametrize("hard", [False, "not found", "not proved"])
def test_doubts_are_settled_together_or_if_that_is_hard_one_by_one(
    hard: bool | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(
        reward: Floats, incidence: csr_array, capacity: Ints, nodes: int
    ) -> MilpSolution | None:
        asked.append(len(reward))
        if hard and len(reward) > 3:
            assert nodes == solve_module.SHARED_NODE_LIMIT
            nothing = MilpSolution(np.zeros(len(reward), bool), False)
            return nothing if hard == "not proved" else None
        return solve_milp(reward, incidence, capacity, nodes)

    monkeypatch.setattr(solve_module, "solve_milp", counted)
    given, best = triangles(10)
    assert solve(given).splits.tolist() == best
    assert asked == ([24, *[3] * 8, 6, 3, 3] if hard else [24, 6])


def test_what_is_whole_without_integer_programs_takes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where doubts in parts vanish once more ways are open (seed 83 of `crowded`, 4 x 5)."""
    monkeypatch.setattr(solve_module, "solve_milp", lambda *_: pytest.fail("asked"))
    once = np.ones(1, np.int64)
    taken = solve_module._integral(np.array([1.0, 2.0]), csr_array([[1.0, 1.0]]), once)
    assert taken.tolist() == [False, True]


@pytest.mark.parametrize("seed", range(83, 88))
def test_crowds_of_five_regions_cost_no_more_than_they_must(seed: int) -> None:
    given = crowded(seed, 1, frames=4, regions=5)
    assert total(given, solve(given)) == pytest.approx(least_total(given, []))


@pytest.mark.parametrize("seed", range(24))
def test_where_a_first_answer_loses_much_more_is_looked_at(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solve_module, "FIRST_GAP", 0.0)
    given = crowded(seed, 1, frames=4, regions=12)
    assert total(given, solve(given)) == pytest.approx(least_total(given, []))


@pytest.mark.parametrize("seed", range(12))
def test_what_may_be_missed_where_much_is_doubtful_is_told(
    seed: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Few choices are looked at in whole numbers then; the log says what others may save."""
    caplog.set_level("INFO", logger="sam4ct")
    given = crowded(seed, 1)
    exact = total(given, solve(given))
    assert exact == pytest.approx(least_total(given, []))
    assert "proved" not in caplog.text
    monkeypatch.setattr(solve_module, "MAX_GAP", 0.02)
    more = total(given, solve(given)) - exact
    bounds = [float(number) for number in re.findall(r"within (\d+\.\d+)", caplog.text)]
    assert -1e-6 <= more <= sum(bounds) + 0.1


@pytest.mark.parametrize(("within", "taken"), [(4.0, [2, 3]), (0.02, [2])])
def test_what_costs_more_than_the_limit_is_not_looked_at(
    within: float, taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far the answer is behind: half of all of a triangle saves .95 more than its best.

    The last choice takes a way that is worth .45 more.
    """
    monkeypatch.setattr(solve_module, "MAX_GAP", within)
    ways = csr_array([[1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0]])
    found = solve_module._integral(np.array([2.0, 2.0, 2.1, 0.5]), ways, np.ones(3, np.int64))
    assert np.flatnonzero(found).tolist() == taken
