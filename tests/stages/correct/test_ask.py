"""Questions: the largest doubt first, none twice, and answers that the lineage obeys."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from scenes.answers import answer, problems, regions
from scenes.problems import problem

from sam4ct.corrections import Correction, Kind, contradictions
from sam4ct.questions import Answer, Question
from sam4ct.stages.associate.solver import Problem, Solved, solved
from sam4ct.stages.correct import ask, resolve
from sam4ct.stages.correct.alternatives import FAR, alternatives
from sam4ct.stages.correct.ask import behind
from sam4ct.stages.correct.exchanges import exchanges
from sam4ct.tables import Detections, Floats, Ints, row_numbers

CELLS, FRAMES = 6, 8
DIAMETER = 1.0
OF_LINKS = (Kind.SAME_CELL, Kind.DIVIDES)


def calm(more: dict[tuple[int, int], float] | None = None) -> Problem:
    """Cells far apart that are surely the same in every frame; more costs as said."""
    times = np.repeat(np.arange(FRAMES), CELLS).tolist()
    sure = {(u, u + CELLS): -8.0 for u in range(CELLS * (FRAMES - 1))}
    found: Problem = problem(times, sure | (more or {}))
    return found


def places(given: Problem) -> Floats:
    """In rows, far apart; regions of one place have the same row in all frames."""
    first = np.searchsorted(given.t, given.t)
    column = (np.arange(given.count) - first) * 10.0 * FAR
    return np.stack([np.zeros(given.count), np.zeros(given.count), column], axis=1)


def cells_of(given: Problem) -> Detections:
    z, y, x = places(given).T
    size = np.full(given.count, 50)
    return replace(regions(given), z=z, y=y, x=x, size=size)


def asked(found: Solved, answers: tuple[Correction, ...] = (), n: int = 100) -> list[Question]:
    given = found.problem
    diameter = np.full(given.count, DIAMETER)
    return ask(found, cells_of(given), places(given), diameter, answers, n)


def rows_of(given: Problem, said: Correction) -> Ints:
    t, label = np.array([(end.t, end.label) for end in said.ends]).T
    return row_numbers(regions(given), t, label)


def slot_of(given: Problem, question: Question) -> int:
    """The slot that a question is about."""
    first = question.answers[0].corrections[0]
    goes = first.kind is not Kind.BEGINS and first.ends[0] == question.about
    about = Correction(Kind.CELL, (question.about,))
    return int(rows_of(given, about)[0]) + (0 if goes else given.count)


def swap(cost: float) -> dict[tuple[int, int], float]:
    """Two cells may change places, from frame 2 to frame 3, at a cost in log odds."""
    return {(12, 18): -4.0, (13, 19): -4.0, (12, 19): cost / 2 - 4.0, (13, 18): cost / 2 - 4.0}


def test_the_planted_doubt_is_asked_first() -> None:
    first, *others = asked(solved(calm(swap(0.5))))
    assert {first.about.t, first.about.label} <= {2, 3, 1}
    assert first.gain > 4 * max(question.gain for question in others)


def test_two_cells_that_swap_are_one_answer() -> None:
    given = calm(swap(0.5))
    first, *_ = asked(solved(given))
    both = [a for a in first.answers if len(a.corrections) == 2]
    assert len(both) == 1
    ends = {tuple(rows_of(given, one).tolist()) for one in both[0].corrections}
    assert ends == {(12, 19), (13, 18)}


def test_a_track_that_ends_beside_the_beginning_of_another_is_asked_about() -> None:
    given = calm()
    gone = np.flatnonzero(given.links.u == 15)  # in mid-movie, with no candidate left
    kept = np.delete(np.arange(len(given.links.u)), gone)
    links = given.links.take(kept)
    found = solved(replace(given, links=links, link_cost=given.link_cost[kept]))
    first, *_ = asked(found)
    best = max(first.answers[1:], key=lambda a: a.probability)
    assert rows_of(given, best.corrections[0]).tolist() == [15, 21]


def test_the_first_answer_is_what_the_lineage_has() -> None:
    found = solved(calm(swap(0.5)))
    for question in asked(found):
        (now,) = question.answers[0].corrections
        again = resolve(found, regions(found.problem), [now])
        assert same(again, found), question.text


def test_the_largest_gains_come_first_and_no_more_than_asked_for() -> None:
    found = solved(calm(swap(0.5)))
    gains = [question.gain for question in asked(found)]
    assert gains == sorted(gains, reverse=True)
    assert [q.gain for q in asked(found, n=3)] == gains[:3]


@settings(max_examples=25, deadline=None)
@given(problems())
def test_no_slot_and_no_probable_alternative_is_asked_twice(given: Problem) -> None:
    questions = asked(solved(given))
    assert questions
    slots = [slot_of(given, question) for question in questions]
    assert len(set(slots)) == len(slots)
    for one, other in combinations(questions, 2):
        shared = set(links_said(given, one, 0.06)) & set(links_said(given, other, 0.06))
        assert not shared


@settings(max_examples=15, deadline=None)
@given(problems())
def test_the_lineage_obeys_an_answer_and_does_not_ask_again(given: Problem) -> None:
    base = solved(given)
    for question in asked(base, n=4):
        for one in question.answers:
            if any(c.kind in (Kind.ONE_CELL, Kind.TWO_CELLS) for c in one.corrections):
                continue
            assert not list(contradictions(one.corrections))
            found = resolve(base, regions(given), one.corrections)
            obeyed(found, one)
            slots = {slot_of(given, q) for q in asked(found, one.corrections)}
            assert slot_of(given, question) not in slots


@settings(max_examples=10, deadline=None)
@given(problems())
def test_the_same_questions_are_asked_in_the_same_order(given: Problem) -> None:
    assert asked(solved(given)) == asked(solved(given))


def test_confirming_all_answers_ends_the_questions() -> None:
    found, answers = solved(calm(swap(0.5))), ()
    for _ in range(4 * CELLS * FRAMES):
        questions = asked(found, answers)
        if not questions:
            return
        answers += tuple(c for q in questions for c in q.answers[0].corrections)
    raise AssertionError(f"{len(questions)} questions are left")


def test_an_exchange_costs_what_the_forced_lineage_costs_more() -> None:
    given = calm(swap(0.5))
    base = solved(given)
    row = int(np.flatnonzero((given.links.u == 12) & (given.links.v == 19))[0])
    forced = resolve(base, regions(given), [answer(given, Kind.SAME_CELL, 12, 19)])
    found = exchanges(given, base.selection).links
    assert found.cost[row] == pytest.approx(cost(given, forced) - cost(given, base))
    assert found.changes[row] == 4


def test_what_answers_exclude_is_no_alternative() -> None:
    given = calm(swap(0.5))
    apart = answer(given, Kind.NOT_SAME_CELL, 12, 19)
    found = resolve(solved(given), regions(given), [apart])
    table = alternatives(
        found.problem, found.selection, places(given), np.full(given.count, DIAMETER)
    )
    assert not ((table.u == 12) & (table.v == 19)).any()


def test_what_comes_later_depends_on_a_link() -> None:
    given = calm()
    later = behind(given, solved(given).selection)
    assert later[0] == FRAMES - 1
    assert later[given.count + CELLS] == FRAMES - 1
    assert later[given.count - 1] == 0


def test_nothing_is_asked_without_regions() -> None:
    assert asked(solved(problem([], {}))) == []


def links_said(given: Problem, question: Question, least: float) -> list[tuple[int, ...]]:
    return [
        tuple(rows_of(given, c).tolist())
        for one in question.answers[1:]
        for c in one.corrections[:1]
        if one.probability > least and c.kind in OF_LINKS
    ]


def same(one: Solved, other: Solved) -> bool:
    mine, its = one.selection, other.selection
    return np.array_equal(mine.links, its.links) and np.array_equal(mine.splits, its.splits)


def obeyed(found: Solved, said: Answer) -> None:
    """Asserts that a lineage has what an answer says."""
    problem, chosen = found.problem, found.selection
    links, splits = problem.links, problem.splits
    u = np.concatenate([links.u[chosen.links], np.repeat(splits.u[chosen.splits], 2)])
    pairs = np.stack([splits.v[chosen.splits], splits.w[chosen.splits]], axis=1).ravel()
    v = np.concatenate([links.v[chosen.links], pairs])
    has = set(zip(u.tolist(), v.tolist(), strict=True))
    for one in said.corrections:
        first, *others = rows_of(problem, one).tolist()
        after = {b for a, b in has if a == first}
        if one.kind in OF_LINKS:
            assert after == set(others)
        elif one.kind in (Kind.ENDS, Kind.NO_CELL):
            assert not after
        if one.kind in (Kind.BEGINS, Kind.NO_CELL):
            assert first not in v.tolist()


def cost(given: Problem, found: Solved) -> float:
    """What a lineage costs, in the problem without answers."""
    e = found.selection.links
    links = found.problem.links
    pairs = dict(
        zip(
            zip(given.links.u.tolist(), given.links.v.tolist(), strict=True),
            given.link_cost.tolist(),
            strict=True,
        )
    )
    chosen = list(zip(links.u[e].tolist(), links.v[e].tolist(), strict=True))
    ends = given.count - len(chosen)
    return sum(pairs[pair] for pair in chosen) + ends * float(given.appear[0] + given.disappear[0])
