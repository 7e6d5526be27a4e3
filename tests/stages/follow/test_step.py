"""Follow: one step from frame to frame, and whole movies through the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scenes.drawn import Labels, link_rows
from scenes.track_scene import (
    COSTS,
    FOLLOW,
    RULES,
    SHAPE,
    At,
    Balls,
    DrawnCells,
    DrawnVolumes,
    Mover,
    alike,
    ball_at,
    drawn_cells,
    places_um,
    scope_of,
    window_rules,
)

from sam4ct.regions import Region
from sam4ct.stages.follow.evidence import evidence_between
from sam4ct.stages.follow.missed_seeds import TrackEnd
from sam4ct.stages.follow.prompts import Scope
from sam4ct.stages.follow.regions import FrameRegions, first_regions
from sam4ct.stages.follow.sliding_window import SlidingWindow
from sam4ct.stages.follow.step import FollowRules, follow
from sam4ct.stages.propagate.evidence import Reach, StayPut
from sam4ct.tables import Evidence

EMPTY = np.zeros(SHAPE, np.int64)


def tips_of(frame: FrameRegions, *labels: int, unseeded: int = 0) -> list[TrackEnd]:
    """Cells that stood still."""
    places = frame.places_um(RULES.spacing_um)
    return [TrackEnd(label, places[label - 1], unseeded) for label in labels]


def step(
    scope: Scope,
    cells: Sequence[At],
    recogniser: Any = None,
    rules: FollowRules = FOLLOW,
    unseeded: int = 0,
) -> tuple[FrameRegions, Evidence]:
    """Follow all cells of frame 0 into frame 1."""
    before = first_regions(scope, places_um(*cells), rules.region_rules)
    track_ends = tips_of(before, *range(1, len(cells) + 1), unseeded=unseeded)
    return follow(scope, recogniser or StayPut(), before, track_ends, rules)


def pairs(evidence: Evidence) -> list[tuple[int, int, int, int]]:
    columns = (evidence.t, evidence.label, evidence.t2, evidence.label2)
    return [tuple(map(int, row)) for row in zip(*columns, strict=True)]  # type: ignore[misc]


# One step


def test_seeds_near_cells_become_regions_of_the_next_frame() -> None:
    drawn = drawn_cells([(10, 30, 20)], [(10, 30, 24), (10, 30, 36), (10, 30, 70)])
    scope = scope_of(drawn, [[], [(10, 30, 24), (10, 30, 36), (10, 30, 70)]])
    after, _ = step(scope, [(10, 30, 20)])
    assert after.t == 1
    assert after.regions == {1: ball_at((10, 30, 24))}
    wide = replace(FOLLOW, region_rules=replace(RULES, reach_um=16.0))
    near, _ = step(scope, [(10, 30, 20)], rules=wide)
    assert near.regions == {1: ball_at((10, 30, 24)), 2: ball_at((10, 30, 36))}


@pytest.mark.parametrize("x", [8, 46])
def test_seeds_are_looked_at_near_where_a_cell_is_and_where_it_is_going(x: int) -> None:
    drawn = drawn_cells([(10, 30, 20)], [(10, 30, x)])
    scope = scope_of(drawn, [[], [(10, 30, x)]])
    before = first_regions(scope, places_um((10, 30, 20)), RULES)
    going = [TrackEnd(1, places_um((10, 30, 34))[0], 0)]
    after, _ = follow(scope, StayPut(), before, going, FOLLOW)
    assert after.regions == {1: ball_at((10, 30, x))}


def test_a_seed_twice_is_one_region() -> None:
    drawn = drawn_cells([(10, 30, 20)], [(10, 30, 20)])
    seeds = [(10, 30, 18), (10, 30, 22)]
    assert list(step(scope_of(drawn, [[], seeds]), [(10, 30, 20)])[0].regions) == [1]


def test_a_seed_whose_region_is_taken_up_by_others_gives_none() -> None:
    """Of the middle one of three balls, so little is left that it may be no cell."""
    scope = scope_of([EMPTY, EMPTY], [[], [(10, 30, x) for x in (15, 22, 29)]], Balls())
    usual = step(scope, [(10, 30, 22)])[0].rows
    assert usual.seeded.tolist() == [True] * 3
    strict = replace(FOLLOW, region_rules=replace(RULES, min_size=int(usual.size.min())))
    after, _ = step(scope, [(10, 30, 22)], rules=strict)
    assert np.count_nonzero(after.rows.seeded) == 2


@pytest.mark.parametrize("score", [3.0, -3.0])
def test_a_cell_without_a_seed_is_clicked_where_it_should_be(score: float) -> None:
    """Where SAM 2 sees it; where it was going, if SAM 2 thinks that it is gone."""
    at = (10, 30, 28) if score > 0 else (10, 30, 20)
    drawn = drawn_cells([(10, 30, 20)], [at])
    after, _ = step(scope_of(drawn, [[], []]), [(10, 30, 20)], Mover((0, 0, 8), score))
    assert after.regions == {1: ball_at(at)}
    assert after.rows.seeded.tolist() == [False]


def test_regions_with_seeds_come_first() -> None:
    drawn = drawn_cells([(10, 30, 20), (10, 30, 60)], [(10, 30, 20), (10, 30, 60)])
    after, _ = step(scope_of(drawn, [[], [(10, 30, 60)]]), [(10, 30, 20), (10, 30, 60)])
    assert after.regions == {1: ball_at((10, 30, 60)), 2: ball_at((10, 30, 20))}
    assert after.rows.seeded.tolist() == [True, False]


@pytest.mark.parametrize(("unseeded", "clicked"), [(0, True), (1, True), (2, False), (3, False)])
def test_after_so_many_frames_without_a_seed_a_cell_is_not_clicked(
    unseeded: int, clicked: bool
) -> None:
    drawn = drawn_cells([(10, 30, 20)], [(10, 30, 20)])
    after, _ = step(scope_of(drawn, [[], []]), [(10, 30, 20)], unseeded=unseeded)
    assert bool(after.regions) == clicked


@pytest.mark.parametrize(("x", "clicked"), [(5, False), (6, True)])
def test_a_cell_at_the_edge_is_not_clicked_without_a_seed(x: int, clicked: bool) -> None:
    drawn = drawn_cells([(10, 30, x)], [(10, 30, x)])
    assert bool(step(scope_of(drawn, [[], []]), [(10, 30, x)])[0].regions) == clicked
    with_seed, _ = step(scope_of(drawn, [[], [(10, 30, x)]]), [(10, 30, x)])
    assert with_seed.regions == {1: ball_at((10, 30, x))}


def test_only_cells_that_are_followed_are_looked_for() -> None:
    """A neighbour is compared, but neither clicked nor are the seeds around it."""
    cells = [(10, 30, 20), (10, 30, 34)]
    drawn = drawn_cells(cells, [*cells, (10, 30, 48)])
    segmenter = DrawnCells(drawn)
    scope = scope_of(drawn, [[cells[1]], [(10, 30, 20), (10, 30, 48)]], segmenter)
    before = first_regions(scope, places_um(cells[0]), RULES)
    assert list(before.regions) == [1, 2]
    recogniser = Mover()
    after, evidence = follow(scope, recogniser, before, tips_of(before, 1), FOLLOW)
    assert [point for t, point in segmenter.asked if t == 1] == [(10, 30, 20)]
    assert recogniser.asked[0] == (0, [1, 2], 1)
    assert pairs(evidence)[:2] == [(0, 1, 1, 1), (0, 2, 1, 1)]
    assert list(after.regions) == [1]


def test_a_step_depends_on_nothing_that_was_asked_before() -> None:
    cells = [(10, 30, 20), (10, 30, 34)]
    scope = scope_of(drawn_cells(cells, cells), [[], [cells[0]]])
    before, recogniser = first_regions(scope, places_um(*cells), RULES), Mover()
    first, second = (
        follow(scope, recogniser, before, tips_of(before, 1, 2), FOLLOW) for _ in range(2)
    )
    assert first[0].regions == second[0].regions
    assert repr(first[0].rows) == repr(second[0].rows)
    assert repr(first[1]) == repr(second[1])


def test_what_is_past_is_forgotten() -> None:
    scope, recogniser = scope_of(drawn_cells([(10, 30, 20)], []), [[], []]), Mover()
    step(scope, [(10, 30, 20)], recogniser)
    assert recogniser.forgotten == [1]


@pytest.mark.parametrize("cells", [[], [(10, 30, 20)]])
def test_without_cells_the_next_frame_is_empty(cells: list[At]) -> None:
    """Nothing is followed, or what is followed is not there any more."""
    scope = scope_of([EMPTY, EMPTY], [[], []])
    after, evidence = step(scope, cells)
    assert (after.t, after.regions, len(after.rows), len(evidence)) == (1, {}, 0, 0)


def test_no_frame_is_read_as_a_whole() -> None:
    drawn = drawn_cells([(10, 30, 20)], [(10, 30, 24)])
    scope = scope_of(drawn, [[], [(10, 30, 24)]])
    step(scope, [(10, 30, 20)])
    assert isinstance(scope.volumes, DrawnVolumes)
    assert max(scope.volumes.read) <= 21**3


# Evidence


def seen(scope: Scope, t: int, *cells: At) -> FrameRegions:
    found = first_regions(scope, places_um(*cells), RULES)
    return replace(found, t=t, rows=replace(found.rows, t=np.full(len(found.rows), t)))


def test_evidence_goes_both_ways_and_says_how_alike_regions_are() -> None:
    cells = [(10, 30, 20), (10, 30, 34)]
    scope, recogniser = scope_of(drawn_cells(cells), [[]]), Mover()
    before, after = seen(scope, 4, *cells), seen(scope, 5, *cells)
    forward = recogniser.propagate(4, before.regions, 5)
    rows = evidence_between(recogniser, before, after, forward, Reach((1.0, 1.0, 1.0), 15.0))
    everything = [(t, i, 9 - t, j) for t in (4, 5) for i in (1, 2) for j in (1, 2)]
    assert pairs(rows) == everything
    assert rows.similarity.tolist() == [alike(t, t2, i, j) for t, i, t2, j in everything]
    assert recogniser.asked == [(4, [1, 2], 5), (5, [1, 2], 4)]


def test_regions_are_compared_where_the_recogniser_sees_them() -> None:
    scope, recogniser = scope_of([EMPTY], [[]], Balls()), Mover((0, 0, 8))
    before, after = seen(scope, 0, (10, 30, 20)), seen(scope, 1, (10, 30, 28))
    forward = recogniser.propagate(0, before.regions, 1)
    rows = evidence_between(recogniser, before, after, forward, Reach((1.0, 1.0, 1.0), 15.0))
    assert rows.iou_prop.tolist() == [1.0, 1.0]
    assert (rows.overlap < 0.2).all()
    assert rows.distance_um.tolist() == [8.0, 8.0]


@pytest.mark.parametrize("empty", [0, 1])
def test_without_regions_there_is_no_evidence(empty: int) -> None:
    scope = scope_of(drawn_cells([(10, 30, 20)]), [[]])
    frames = [seen(scope, t, *[(10, 30, 20)][: t != empty]) for t in (0, 1)]
    forward = StayPut().propagate(0, frames[0].regions, 1)
    assert not len(evidence_between(StayPut(), *frames, forward, Reach((1.0, 1.0, 1.0), 15.0)))


# Movies


@dataclass
class History:
    """What came of a movie."""

    frames: list[FrameRegions]
    window: SlidingWindow

    @property
    def way(self) -> list[Region]:
        """The regions of the first cell, frame by frame."""
        onward = {(t, i): j for t, i, _, j, _ in link_rows(self.window.links())}
        label, found = 1, [self.frames[0].regions[1]]
        for frame in self.frames[1:]:
            if (frame.t - 1, label) not in onward:
                break
            label = onward[frame.t - 1, label]
            found.append(frame.regions[label])
        return found


def course(
    drawn: Sequence[Labels],
    seeds: Sequence[Sequence[At]],
    cells: Sequence[At],
    recogniser: Any = None,
    ahead: int = 2,
) -> History:
    """Follow cells through all frames."""
    scope = scope_of(drawn, seeds)
    frames = [first_regions(scope, places_um(*cells), RULES)]
    window = SlidingWindow(frames[0].rows, len(cells), COSTS, window_rules(ahead))
    for _ in drawn[1:]:
        seen_by = recogniser or StayPut()
        after, evidence = follow(scope, seen_by, frames[-1], window.track_ends(), FOLLOW)
        window.add(after.rows, evidence)
        frames.append(after)
    return History(frames, window)


def walk(*xs: int) -> list[tuple[int, int, int]]:
    return [(10, 30, x) for x in xs]


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_cell_is_followed_over_frames_in_which_its_seed_is_missed(ahead: int) -> None:
    places = walk(20, 22, 24, 26, 28, 30)
    seeds: list[list[At]] = [[place] if t in (1, 4, 5) else [] for t, place in enumerate(places)]
    found = course(drawn_cells(*([p] for p in places)), seeds, places[:1], Mover((0, 0, 2)), ahead)
    assert found.way == [ball_at(place) for place in places]
    assert [bool(f.rows.seeded.all()) for f in found.frames] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("ahead", [0, 2, 9])
def test_a_run_without_seeds_comes_to_an_end(ahead: int) -> None:
    """Two frames without a seed are allowed; then the cell is gone, seed or not."""
    drawn, last = drawn_cells(*[walk(20)] * 7), [[], [], [], [], [], walk(20), walk(20)]
    found = course(drawn, last, walk(20), Mover(), ahead)
    assert found.way == [ball_at((10, 30, 20))] * 3
    assert [len(frame.regions) for frame in found.frames] == [1, 1, 1, 0, 0, 0, 0]
    assert found.window.track_ends() == []


def test_a_cell_without_a_seed_does_not_take_that_of_its_neighbour() -> None:
    """Both drift; in frame 1, the seed of the neighbour lies where the cell was."""
    cell, neighbour = walk(36, 26, 16), walk(48, 38, 28)
    drawn = drawn_cells(*([a, b] for a, b in zip(cell, neighbour, strict=True)))
    seeds: list[list[At]] = [[neighbour[0]], [neighbour[1]], [cell[2], neighbour[2]]]
    found = course(drawn, seeds, cell[:1], Mover((0, 0, -10)))
    assert found.way == [ball_at(place) for place in cell]


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_cell_that_leaves_is_gone(ahead: int) -> None:
    places = walk(12, 9, 6, 3)
    drawn = [*drawn_cells(*([p] for p in places)), EMPTY, EMPTY]
    found = course(drawn, [[p] for p in places] + [[], []], places[:1], Mover((0, 0, -3)), ahead)
    assert [region.size > 0 for region in found.way] == [True] * 4
    assert [len(frame.regions) for frame in found.frames] == [1, 1, 1, 1, 0, 0]
