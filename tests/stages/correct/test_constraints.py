"""The lineage obeys answers, whatever their order, and changes nowhere else."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes.answers import Lineage, answer, lineage, problems, random_truth, regions
from scenes.problems import problem

from sam4ct.corrections import Correction, End, Kind
from sam4ct.stages.associate.solver import Problem, Selection, Solved, solved
from sam4ct.stages.correct import answered, constrained, resolve, solved_of, tables_of
from sam4ct.tables import Links


def corrected(given: Problem, *answers: Correction) -> Lineage:
    return lineage(resolve(solved(given), regions(given), answers))


def swap() -> Problem:
    """Two cells in three frames, 0 -> 2 -> 4 and 1 -> 3 -> 5, with weaker crossings."""
    links = {(0, 2): -3.0, (1, 3): -3.0, (0, 3): 1.0, (1, 2): 1.0, (2, 4): -3.0, (3, 5): -3.0}
    given: Problem = problem([0, 0, 1, 1, 2, 2], links, {(2, 4, 5): 1.0})
    return given


def test_a_link_is_forced_and_its_rivals_move_aside() -> None:
    given = swap()
    links, _ = corrected(given, answer(given, Kind.SAME_CELL, 0, 3))
    assert links == {(0, 3), (1, 2), (2, 4), (3, 5)}


def test_a_link_that_was_no_candidate_is_forced() -> None:
    given = swap()
    links, _ = corrected(given, answer(given, Kind.SAME_CELL, 2, 5))
    assert links == {(0, 2), (1, 3), (2, 5)}


def test_a_link_is_taken_away() -> None:
    given = swap()
    links, _ = corrected(given, answer(given, Kind.NOT_SAME_CELL, 0, 2))
    assert (0, 2) not in links
    assert {(2, 4), (3, 5)} <= links


@pytest.mark.parametrize("daughters", [(4, 5), (5, 4)])
def test_a_division_is_forced(daughters: tuple[int, int]) -> None:
    given = swap()
    links, splits = corrected(given, answer(given, Kind.DIVIDES, 2, *daughters))
    assert splits == {(2, 4, 5)}
    assert links == {(0, 2), (1, 3)}


def test_a_division_that_was_no_candidate_is_forced() -> None:
    given = swap()
    _, splits = corrected(given, answer(given, Kind.DIVIDES, 0, 2, 3))
    assert splits == {(0, 2, 3)}


def test_a_division_is_taken_away() -> None:
    given = problem([0, 1, 1], {(0, 1): -1.0, (0, 2): -0.5}, {(0, 1, 2): -4.0})
    assert corrected(given) == (set(), {(0, 1, 2)})
    assert corrected(given, answer(given, Kind.DOES_NOT_DIVIDE, 0)) == ({(0, 1)}, set())
    assert corrected(given, answer(given, Kind.NOT_SAME_CELL, 0, 1)) == ({(0, 2)}, set())


def test_tracks_begin_and_end_where_they_are_said_to() -> None:
    given = swap()
    assert corrected(given, answer(given, Kind.BEGINS, 3))[0] == {(0, 2), (2, 4), (3, 5)}
    assert corrected(given, answer(given, Kind.ENDS, 3))[0] == {(0, 2), (1, 3), (2, 4)}
    assert corrected(given, answer(given, Kind.NO_CELL, 3))[0] == {(0, 2), (2, 4)}
    assert corrected(given, answer(given, Kind.CELL, 3)) == corrected(given)


def test_an_answer_outranks_the_shortest_cell_cycle() -> None:
    """Where all of it was said: the person saw a cell divide sooner than the rule allows."""
    times, links = [0, 1, 1, 2, 2], {(1, 3): -1.0, (2, 4): -1.0}
    splits = {(0, 1, 2): -6.0, (1, 3, 4): -4.0}
    given = problem(times, links, splits, min_cycle=3)
    assert corrected(given)[1] == {(0, 1, 2)}
    late = answer(given, Kind.DIVIDES, 1, 3, 4)
    assert corrected(given, late)[1] == {(1, 3, 4)}
    both = corrected(given, late, answer(given, Kind.DIVIDES, 0, 1, 2))
    assert both[1] == {(0, 1, 2), (1, 3, 4)}


def test_answered_links_are_certain_and_marked() -> None:
    ints, one = np.array([0, 0]), np.array([0.4, 0.6])
    links = Links(ints, np.array([1, 2]), ints + 1, np.array([3, 4]), ints > 0, one)
    assert not links.answered.any()
    marked = answered(links, [Correction(Kind.SAME_CELL, (End(0, 2), End(1, 4)))])
    assert marked.answered.tolist() == [False, True]
    assert marked.confidence.tolist() == [0.4, 1.0]


def breaches(given: Problem, found: Lineage, answers: list[Correction]) -> list[Correction]:
    """The answers that a lineage does not obey."""
    links, splits = found
    table = regions(given)
    row = {(int(t), int(i)): r for r, (t, i) in enumerate(zip(table.t, table.label, strict=True))}
    sons = {(u, v) for u, *vs in splits for v in vs}
    wrong = []
    for one in answers:
        u, *others = (row[end.t, end.label] for end in one.ends)
        obeyed = {
            Kind.SAME_CELL: (u, *others) in links,
            Kind.NOT_SAME_CELL: (u, *others[:1]) not in links | sons,
            Kind.DIVIDES: (u, *sorted(others)) in splits,
            Kind.DOES_NOT_DIVIDE: all(mother != u for mother, *_ in splits),
            Kind.BEGINS: all(v != u for _, v in links | sons),
            Kind.ENDS: all(a != u for a, _ in links | sons),
        }
        if not obeyed[one.kind]:
            wrong.append(one)
    return wrong


def agreeing(given: Problem, found: Lineage, seed: int) -> list[Correction]:
    """All that a lineage says, as answers."""
    links, splits = found
    sons = {(u, v) for u, *vs in splits for v in vs}
    left, reached = {u for u, _ in links | sons}, {v for _, v in links | sons}
    some = [answer(given, Kind.SAME_CELL, *pair) for pair in sorted(links)]
    some += [answer(given, Kind.DIVIDES, *family) for family in sorted(splits)]
    some += [answer(given, Kind.DOES_NOT_DIVIDE, u) for u, _ in sorted(links)]
    some += [answer(given, Kind.ENDS, r) for r in range(given.count) if r not in left]
    some += [answer(given, Kind.BEGINS, r) for r in range(given.count) if r not in reached]
    return random.Random(seed).sample(some, len(some) // 2)


@settings(max_examples=60)
@given(given=problems(), seed=st.integers(0, 999))
def test_answers_that_agree_change_no_link(given: Problem, seed: int) -> None:
    before = lineage(solved(given))
    assert corrected(given, *agreeing(given, before, seed)) == before


@settings(max_examples=60)
@given(given=problems(), seed=st.integers(0, 999), share=st.floats(0.0, 1.0))
def test_any_consistent_answers_are_obeyed_in_any_order(
    given: Problem, seed: int, share: float
) -> None:
    every = random_truth(given, seed)
    some = random.Random(seed).sample(every, int(share * len(every)))
    found = corrected(given, *some)
    assert breaches(given, found, some) == []
    assert corrected(given, *reversed(some)) == found


@settings(max_examples=30)
@given(given=problems(), seed=st.integers(0, 999))
def test_all_answers_give_the_truth(given: Problem, seed: int) -> None:
    every = random_truth(given, seed)
    links, splits = corrected(given, *every)
    said = {kind: [one for one in every if one.kind is kind] for kind in Kind}
    assert len(links) == len(said[Kind.SAME_CELL])
    assert len(splits) == len(said[Kind.DIVIDES])


@settings(max_examples=60)
@given(given=problems(), seed=st.integers(0, 999), share=st.floats(0.0, 0.6))
def test_what_is_solved_again_is_the_optimum(given: Problem, seed: int, share: float) -> None:
    """It saves as much as the same problem solved from nothing."""
    every = random_truth(given, seed)
    some = random.Random(seed).sample(every, int(share * len(every)))
    base = solved(given)
    again = resolve(base, regions(given), some)
    afresh = solved(constrained(given, regions(given), some))
    assert total(again) == pytest.approx(total(afresh), abs=1e-6)


@settings(max_examples=40)
@given(given=problems(), seed=st.integers(0, 999))
def test_a_stored_optimum_is_solved_again_alike(given: Problem, seed: int) -> None:
    base, some = solved(given), random_truth(given, seed)[::3]
    stored = solved_of(tables_of(base), given.min_cycle)
    assert lineage(stored) == lineage(base)
    found = [resolve(one, regions(given), some) for one in (base, stored)]
    assert lineage(found[0]) == lineage(found[1])
    assert np.array_equal(found[0].optimum.price, found[1].optimum.price)


def total(found: Solved) -> float:
    """The cost of a lineage."""
    given, chosen = found.problem, found.selection
    return cost_of(given, chosen)


def cost_of(given: Problem, chosen: Selection) -> float:
    links, splits = given.links, given.splits
    e, s = chosen.links, chosen.splits
    come, go = np.zeros(given.count, bool), np.zeros(given.count, bool)
    come[np.concatenate([links.v[e], splits.v[s], splits.w[s]])] = True
    go[np.concatenate([links.u[e], splits.u[s]])] = True
    alone = ~come & ~go
    ends = given.appear[~come & ~alone].sum() + given.disappear[~go & ~alone].sum()
    by_itself = np.minimum(given.alone, given.appear + given.disappear)[alone].sum()
    return float(given.link_cost[e].sum() + given.split_cost[s].sum() + ends + by_itself)
