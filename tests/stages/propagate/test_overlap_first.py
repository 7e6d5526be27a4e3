"""OverlapFirst: a network is asked only where the overlap of masks leaves a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scenes.drawn import DrawnReader, Labels, detections_of, evidence_of, label_frame, label_frames

from sam4ct.geometry import WindowGrid, WindowPlan
from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.regions import Region, regions_of
from sam4ct.stages.propagate.overlap_first import (
    CERTAIN_SCORE,
    MIN_IOU,
    ChainEnds,
    Chains,
    OverlapFirst,
    certain_matches,
)
from sam4ct.types import Propagated

SMALL = arrays.arrays(np.int64, (6, 7), elements=st.integers(0, 3))
SHAPES = [(40, 40), (9, 40, 40)]


class Asked:
    """Finds nothing anywhere, with a score that tells the frames, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: dict[tuple[int, int], list[int]] = {}
        self.forgotten = 0

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        assert (t, t2) not in self.asked, "asked twice"
        if regions:
            self.asked[t, t2] = list(regions)
        nothing = Region(np.zeros((0, 0), bool), (0, 0))
        return {label: Propagated(nothing, float(10 * t + t2)) for label in regions}

    def forget_before(self, t: int) -> None:
        self.forgotten = t


def shortcut(*frames: Labels, jumps: Jumps = NO_JUMPS) -> tuple[OverlapFirst, Asked]:
    asked, reader = Asked(), DrawnReader(frames)
    return OverlapFirst(asked, reader, Chains(reader, jumps)), asked


def disc(*places: tuple[int, int]) -> Labels:
    return label_frames(places)[0]


# Certain matches


@pytest.mark.parametrize("shape", SHAPES)
def test_a_region_that_hardly_moves_is_settled(shape: tuple[int, ...]) -> None:
    z = (4,) * (len(shape) - 2)
    one = label_frame(shape, {7: (*z, 20, 10), 2: (*z, 20, 30)})
    other = label_frame(shape, {4: (*z, 20, 11), 9: (*z, 20, 29)})
    assert certain_matches(one, other) == {2: 9, 7: 4}


def test_a_region_that_shares_half_or_less_is_not() -> None:
    assert certain_matches(disc((20, 10)), disc((20, 13))) == {}


def test_a_split_region_is_not_settled_though_one_part_is_nearly_all_of_it() -> None:
    parts = disc((20, 20))
    parts[:, 23:][parts[:, 23:] > 0] = 2
    assert certain_matches(disc((20, 20)), parts) == certain_matches(parts, disc((20, 20))) == {}


def test_touching_a_neighbour_a_little_is_no_choice() -> None:
    one, other = disc((20, 10), (20, 20)), disc((20, 10), (20, 20))
    other[20, 15] = 2  # one pixel beyond, as masks are drawn anew in every frame
    one[20, 15] = 1
    assert certain_matches(one, other) == {1: 1, 2: 2}


@given(SMALL, SMALL)
def test_no_other_region_shares_as_much_with_either(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> None:
    def share(i: int, j: int) -> float:
        return float(((a == i) & (b == j)).sum() / ((a == i) | (b == j)).sum())

    found = certain_matches(a, b)
    for i, j in found.items():
        assert share(i, j) > MIN_IOU
        assert all(share(k, j) < share(i, j) for k in regions_of(a) if k != i)
        assert all(share(i, k) < share(i, j) for k in regions_of(b) if k != j)
    assert certain_matches(b, a) == dict(sorted((j, i) for i, j in found.items()))


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_nothing_is_settled_where_there_is_nothing(empty: int) -> None:
    frames = [disc((20, 10)), disc((20, 10))]
    for number in range(2):
        if empty in (number, 2):
            frames[number] = np.zeros_like(frames[number])
    assert certain_matches(*frames) == {}


# What is asked, and what is answered


def test_along_a_chain_nothing_is_asked_and_the_answer_is_its_end() -> None:
    quick, asked = shortcut(disc((20, 10)), disc((20, 11)), disc((20, 13)))
    found = quick.propagate(0, regions_of(disc((20, 10))), 2)
    assert found[1] == Propagated(regions_of(disc((20, 13)))[1], CERTAIN_SCORE)
    assert asked.asked == {}
    assert quick.matched == 1


def test_where_a_chain_ends_the_answer_is_that_of_its_end() -> None:
    """Cell 1 is matched up to frame 1 and jumps then; cell 2 jumps at once."""
    frames = [disc((8, 10), (30, 10)), disc((8, 11), (30, 30)), disc((8, 30), (30, 10))]
    quick, asked = shortcut(*frames)
    found = quick.propagate(0, regions_of(frames[0]), 2)
    assert asked.asked == {(0, 2): [2], (1, 2): [1, 2]}
    assert [found[i].object_score for i in (1, 2)] == [12.0, 2.0]


def test_backward_chains_run_backward() -> None:
    frames = [disc((8, 30)), disc((8, 11)), disc((8, 10))]
    quick, asked = shortcut(*frames)
    assert quick.propagate(2, regions_of(frames[2]), 0)[1].object_score == 10.0
    assert asked.asked == {(1, 0): [1]}


def test_a_missed_cell_is_looked_for_from_both_sides() -> None:
    frames = [disc((8, 10)), disc(), disc((8, 10))]
    quick, asked = shortcut(*frames)
    for t, t2 in ((0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)):
        quick.propagate(t, regions_of(frames[t]), t2)
    assert asked.asked == {(0, 1): [1], (2, 1): [1], (0, 2): [1], (2, 0): [1]}


def test_answers_do_not_depend_on_the_order_of_asking() -> None:
    frames = [disc((8, 10), (30, 10)), disc((8, 11), (30, 12)), disc((8, 20), (30, 13))]
    pairs = [(t, t2) for t in range(3) for t2 in range(3) if t != t2]
    answers = []
    for order in (pairs, pairs[::-1]):
        quick, _ = shortcut(*frames)
        answers.append({pair: quick.propagate(pair[0], regions_of(frames[pair[0]]), pair[1])
                        for pair in order})  # fmt: skip
    assert answers[0] == answers[1]


def test_nothing_is_settled_across_a_jump_though_masks_lie_on_each_other() -> None:
    """Where cell 1 was there is now cell 2, and the other way round."""
    frames = [disc((20, 10), (20, 25))] * 4
    quick, asked = shortcut(*frames, jumps=Jumps({2: (0, 0, 15)}))
    found = {pair: quick.propagate(pair[0], regions_of(frames[0]), pair[1])[1].object_score
             for pair in ((0, 1), (1, 2), (0, 2), (0, 3), (2, 1), (3, 0), (2, 3))}  # fmt: skip
    assert found == {
        (0, 1): CERTAIN_SCORE, (2, 3): CERTAIN_SCORE, (1, 2): 12.0, (0, 2): 12.0, (0, 3): 13.0,
        (2, 1): 21.0, (3, 0): 20.0,
    }  # fmt: skip
    across = [(1, 2), (1, 3), (2, 0), (2, 1)]
    assert asked.asked == {pair: [1, 2] for pair in across}


def test_a_part_of_the_regions_may_be_asked_for() -> None:
    frames = [disc((8, 10), (30, 10)), disc((8, 11), (30, 30))]
    quick, _ = shortcut(*frames)
    found = quick.propagate(0, {2: regions_of(frames[0])[2]}, 1)
    assert list(found) == [2]


def test_what_is_forgotten_may_be_asked_again() -> None:
    frames = [disc((8, 10)), disc((8, 30)), disc((8, 10))]
    quick, asked = shortcut(*frames)
    first = quick.propagate(0, regions_of(frames[0]), 1)
    quick.forget_before(2)
    assert asked.forgotten == 2
    asked.asked.clear()
    assert quick.propagate(0, regions_of(frames[0]), 1) == first
    assert list(asked.asked) == [(0, 1)]


def test_evidence_of_settled_regions_is_that_of_masks_found_whole() -> None:
    frames = [disc((20, 10)), disc((20, 12))]
    evidence = evidence_of(frames, shortcut(*frames)[0])
    assert set(evidence.iou_prop) == set(evidence.coverage_prop) == {1.0}
    assert (evidence.overlap < 1).all()


# Where is looked


def assert_windows_are_those_of_open_ends(frames: list[Labels], jumps: Jumps) -> None:
    """Every window that is asked for is planned, and no other; they are less than usual."""
    grid, reader = WindowGrid((40, 40), 12, 0.0), DrawnReader(frames)
    usual = WindowPlan.of(detections_of(frames), grid, 2, jumps)
    chains = Chains(reader, jumps)
    plan = ChainEnds(grid, usual.boxes, usual.reach, chains, jumps=jumps)
    quick, asked = shortcut(*frames, jumps=jumps)
    for t in range(4):
        for t2 in range(max(0, t - 2), min(4, t + 3)):
            if t != t2:
                quick.propagate(t, regions_of(frames[t]), t2)
    used: dict[int, set[object]] = {t: set() for t in range(4)}
    for (t, t2), labels in asked.asked.items():
        for label in labels:
            used[t].add(plan.window(t, label))
            used[t2].update(plan.views(t, label, t2))
    for t in range(4):
        assert used[t] == set(plan.needed(t)) <= set(usual.needed(t))
        assert list(plan.needed(t)) == sorted(plan.needed(t))
    assert sum(len(plan.needed(t)) for t in range(4)) < sum(len(usual.needed(t)) for t in range(4))


def test_the_windows_are_those_of_open_ends_and_nothing_else() -> None:
    frames = [
        disc((8, 8), (8, 30), (30, 10)),
        disc((8, 9), (8, 31), (30, 20)),
        disc((8, 16), (8, 31), (30, 21)),
        disc((8, 17), (8, 30), (30, 30)),
    ]
    assert_windows_are_those_of_open_ends(frames, NO_JUMPS)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_the_windows_of_open_ends_jump_with_the_picture(at: int) -> None:
    """Cells hardly move, but for one that does; the picture goes right by 9 and up by 5."""
    cells = [(12, 8), (12, 20), (30, 9)]
    places = [[(y, x + t) for y, x in cells] for t in range(4)]
    places[3][2] = (30, 22)
    shown = [[(y - 5 * (t >= at), x + 9 * (t >= at)) for y, x in places[t]] for t in range(4)]
    frames, jumps = [disc(*p) for p in shown], Jumps({at: (0, -5, 9)})
    assert_windows_are_those_of_open_ends(frames, jumps)
    grid, chains = WindowGrid((40, 40), 12, 0.0), Chains(DrawnReader(frames), jumps)
    boxes = WindowPlan.of(detections_of(frames), grid, 2).boxes
    plan = ChainEnds(grid, boxes, 2, chains, jumps=jumps)
    home = plan.window(at - 1, 1)
    assert replace(home, y=home.y - 5, x=home.x + 9) in plan.needed(at)
