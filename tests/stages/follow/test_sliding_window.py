"""SlidingWindow: drawn cases of what is decided when, and what holds for any evidence.

Costs are plain: a link costs minus the log odds that a case gives it, an end or a beginning 4,
a region that is linked to nothing 1. In the first and the last frame ends are free.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes.drawn import Rows, link_rows
from scenes.track_scene import (
    ALONE,
    COSTS,
    END,
    ODDS,
    UNSEEDED,
    At,
    evidence,
    sightings,
    window_rules,
)

from sam4ct.geometry import Margins
from sam4ct.lineage import table_problems
from sam4ct.stages.follow.missed_seeds import TrackEnd
from sam4ct.stages.follow.sliding_window import Followed, SlidingWindow
from sam4ct.stages.follow.tracks import followed_tracks
from sam4ct.tables import Evidence, Links, Sightings

HERE, THERE, ELSEWHERE = (10, 30, 20), (10, 30, 32), (10, 30, 60)
Odds = Mapping[tuple[int, int], float]
Movie = tuple[Sequence[Sightings], Sequence[Evidence]]


def movie(frames: Sequence[Sightings], *odds: Odds) -> Movie:
    return frames, [evidence(t, pairs) for t, pairs in enumerate(odds)]


def seen(case: Movie, followed: int = 1, **rules: object) -> SlidingWindow:
    """A horizon that took all frames of a movie."""
    frames, steps = case
    horizon = SlidingWindow(frames[0], followed, COSTS, window_rules(**rules))
    for rows, step in zip(frames[1:], steps, strict=True):
        horizon.add(rows, step)
    return horizon


def rows(horizon: SlidingWindow) -> Rows:
    return link_rows(horizon.links())


def labels(track_ends: Sequence[TrackEnd]) -> list[int]:
    return [tip.label for tip in track_ends]


# Later frames


REVISED = movie(
    [sightings(0, HERE), sightings(1, HERE, THERE), sightings(2, THERE), sightings(3, THERE)],
    {(1, 1): 1.0, (1, 2): 0.5},
    {(2, 1): 4.0},
    {(1, 1): 4.0},
)
"""
t   0   1   2   3
    1 - 1            a little more like the cell, and goes nowhere
        2 - 1 - 1    the cell
"""


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_a_later_frame_revises_a_link_that_is_open(ahead: int) -> None:
    frames, steps = REVISED
    early = seen((frames[:2], steps[:1]), ahead=ahead)
    assert (rows(early), labels(early.track_ends())) == ([(0, 1, 1, 1, 0)], [1])
    later = seen(REVISED, ahead=ahead)
    assert rows(later) == [(0, 1, 1, 2, 0), (1, 2, 2, 1, 0), (2, 1, 3, 1, 0)]


def test_a_later_frame_does_not_revise_a_link_that_is_settled() -> None:
    horizon = seen(REVISED, ahead=0)
    assert rows(horizon) == [(0, 1, 1, 1, 0)]
    assert horizon.track_ends() == []


@pytest.mark.parametrize(("ahead", "revised"), [(1, False), (2, True)])
def test_a_link_is_settled_when_so_many_frames_were_seen_after_it(
    ahead: int, revised: bool
) -> None:
    """As before, but the better one shows a frame later."""
    frames = [sightings(0, HERE), *(sightings(t, HERE, THERE) for t in (1, 2)), sightings(3, THERE)]
    last = sightings(4, THERE)
    case = movie(
        [*frames, last],
        {(1, 1): 1.0, (1, 2): 0.5},
        {(1, 1): 0.5, (2, 2): 0.0},
        {(2, 1): 4.0},
        {(1, 1): 4.0},
    )
    assert (rows(seen(case, ahead=ahead))[0] == (0, 1, 1, 2, 0)) == revised


# Neighbours and seeds


@pytest.mark.parametrize(("at_search_edge", "divides"), [([], True), ([2], False)])
def test_what_comes_into_sight_needs_no_mother(at_search_edge: list[int], divides: bool) -> None:
    """
    t   0   1   2
        1 - 1 - 1
            2 - 2    a daughter, unless it may have come from where nobody looked
    """
    frames = [
        sightings(0, HERE),
        sightings(1, HERE, THERE, at_search_edge=at_search_edge),
        sightings(2, HERE, THERE),
    ]
    born = evidence(0, {(1, 1): 4.9, (1, 2): 0.0}, dividing={(1, 1), (1, 2)})
    after = evidence(1, {(1, 1): 4.0, (2, 2): 4.0})
    links = seen((frames, [born, after])).links()
    assert links.division.any() == divides
    assert len(links) == (4 if divides else 2)


@pytest.mark.parametrize(("neighbour", "divides"), [(False, True), (True, False)])
def test_where_all_cells_are_followed_a_new_one_is_a_daughter(
    neighbour: bool, divides: bool
) -> None:
    """
    t   0   1   2   3
        1 - 1 - 1 - 1
            2 - 2 - 2    hardly a daughter, but whose, if no other cell was there?
        2                a cell that is not followed, elsewhere
    """
    first = sightings(0, HERE, *([ELSEWHERE] if neighbour else []))
    frames = [first, *(sightings(t, HERE, THERE) for t in (1, 2, 3))]
    born = evidence(0, {(1, 1): 4.9, (1, 2): 0.0})
    later = [evidence(t, {(1, 1): 4.0, (2, 2): 4.0}) for t in (1, 2)]
    links = seen((frames, [born, *later]), ahead=3).links()
    assert links.division.any() == divides


def test_a_neighbour_that_is_not_followed_claims_its_own_seed() -> None:
    """
    t   0   1
        1        its seed is missed
        2 - 1    the first cell would do
    """
    after = sightings(1, THERE)
    alone = movie([sightings(0, HERE), after], {(1, 1): 2.0})
    beside = movie([sightings(0, HERE, THERE), after], {(1, 1): 2.0, (2, 1): 4.0})
    assert rows(seen(alone)) == [(0, 1, 1, 1, 0)]
    assert rows(seen(beside)) == []


def test_a_cell_whose_seed_is_missed_goes_on_without() -> None:
    case = movie(
        [sightings(0, HERE, THERE), sightings(1, THERE, HERE, unseeded=[2])],
        {(1, 1): 2.0, (2, 1): 4.0, (1, 2): UNSEEDED},
    )
    assert rows(seen(case)) == [(0, 1, 1, 2, 0)]


def test_neighbours_are_linked_but_not_told() -> None:
    both = [sightings(t, HERE, THERE) for t in range(3)]
    stay = {(1, 1): 4.0, (2, 2): 4.0}
    horizon = seen(movie(both, stay, stay))
    assert rows(horizon) == [(0, 1, 1, 1, 0), (1, 1, 2, 1, 0)]
    assert labels(horizon.track_ends()) == [1]
    assert labels(seen(movie(both, stay, stay), followed=2).track_ends()) == [1, 2]


@pytest.mark.parametrize(("lead", "chosen"), [(-0.1, 1), (0.1, 2)])
def test_a_region_without_a_seed_has_its_price(lead: float, chosen: int) -> None:
    """A cell may go on in one with a seed, or in one without. Which is left pays for being
    alone if it has a seed, and nothing if it has none.
    """
    case = movie(
        [sightings(0, HERE), sightings(1, HERE, THERE, unseeded=[2])],
        {(1, 1): 1.0, (1, 2): 1.0 + UNSEEDED + ALONE + lead},
    )
    assert rows(seen(case)) == [(0, 1, 1, chosen, 0)]


@pytest.mark.parametrize(("odds", "linked"), [(-END - 0.1, False), (-END + 0.1, True)])
def test_a_region_without_a_seed_that_no_cell_needs_costs_nothing(
    odds: float, linked: bool
) -> None:
    """The cell pays for its end; what it leaves does not."""
    case = movie([sightings(0, HERE), sightings(1, THERE, unseeded=[1])], {(1, 1): odds + UNSEEDED})
    assert (len(rows(seen(case))) == 1) == linked


@pytest.mark.parametrize(("unseeded", "divided"), [([], True), ([2], True), ([1, 2], False)])
def test_a_division_into_regions_without_seeds_pays_for_both(
    unseeded: list[int], divided: bool
) -> None:
    """The division has odds of 4.5. Its rival is that the cell ends, which costs 4."""
    after = sightings(1, HERE, THERE, unseeded=unseeded)
    pair = {(1, 1), (1, 2)}
    step = evidence(0, dict.fromkeys(pair, -2.0), dividing=pair)
    dear = replace(COSTS, unseeded=4.4)
    horizon = SlidingWindow(sightings(0, HERE), 1, dear, window_rules())
    horizon.add(after, step)
    assert bool(horizon.links().division.any()) == divided


def test_a_run_without_seeds_is_counted() -> None:
    """
    t        0   1   2   3   4
    seeds    x   .   .   x   .
    """
    frames = [sightings(t, HERE, unseeded=[1] * (t in (1, 2, 4))) for t in range(5)]
    for ahead in (0, 1, 5):
        horizon = SlidingWindow(frames[0], 1, COSTS, window_rules(ahead))
        counts = []
        for t, frame in enumerate(frames[1:]):
            horizon.add(frame, evidence(t, {(1, 1): ODDS}))
            counts += [tip.unseeded for tip in horizon.track_ends()]
        assert counts == [1, 2, 0, 1]


def test_daughters_go_on_with_the_run_of_their_mother() -> None:
    before = Followed(3, frozenset({1}), unseeded={1: 2})
    links = Links(*np.array([[3, 1, 4, 1], [3, 1, 4, 2]]).T, np.ones(2, bool), np.ones(2))
    after = before.after(links, sightings(4, HERE, THERE, unseeded=[2]))
    assert after == Followed(4, frozenset({1, 2}), {1: 4, 2: 4}, {2: 3})


# Divisions


def dividing_twice() -> Movie:
    """
    t   0   1   2   3
                    1
        1 < 1 - 1 < 2
            2 - 2 - 3
    """
    frames = [
        sightings(0, HERE),
        sightings(1, HERE, THERE),
        sightings(2, HERE, THERE),
        sightings(3, HERE, ELSEWHERE, THERE),
    ]
    return frames, [
        evidence(0, {(1, 1): -1.0, (1, 2): -1.0}, dividing={(1, 1), (1, 2)}),
        evidence(1, {(1, 1): 4.0, (2, 2): 4.0}),
        evidence(2, {(1, 1): -1.0, (1, 2): -1.0, (2, 3): 4.0}, dividing={(1, 1), (1, 2)}),
    ]


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_daughters_are_followed(ahead: int) -> None:
    horizon = seen(dividing_twice(), ahead=ahead)
    assert rows(horizon) == [
        (0, 1, 1, 1, 1),
        (0, 1, 1, 2, 1),
        (1, 1, 2, 1, 0),
        (1, 2, 2, 2, 0),
        (2, 1, 3, 1, 1),
        (2, 1, 3, 2, 1),
        (2, 2, 3, 3, 0),
    ]
    assert labels(horizon.track_ends()) == [1, 2, 3]


@pytest.mark.parametrize("ahead", [0, 1, 3])
@pytest.mark.parametrize(("min_cycle", "divides"), [(1, True), (2, True), (3, False)])
def test_a_cell_does_not_divide_before_the_shortest_cycle_though_its_birth_is_settled(
    ahead: int, min_cycle: int, divides: bool
) -> None:
    """Born in frame 1, it would divide after frame 2: two frames old."""
    found = rows(seen(dividing_twice(), ahead=ahead, min_cycle_frames=min_cycle))
    assert ((2, 1, 3, 1, 1) in found) == divides
    assert (0, 1, 1, 1, 1) in found


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_cell_of_unknown_age_may_divide_at_once(ahead: int) -> None:
    frames, steps = dividing_twice()
    found = rows(seen((frames[:3], steps[:2]), ahead=ahead, min_cycle_frames=9))
    assert (0, 1, 1, 1, 1) in found


def test_nothing_divides_where_cells_do_not() -> None:
    assert not seen(dividing_twice(), divide=False).links().division.any()


# Where cells are going


def test_a_lone_cell_is_expected_half_of_its_last_step_on() -> None:
    case = movie([sightings(0, (10, 30, 20)), sightings(1, (10, 30, 24))], {(1, 1): ODDS})
    (tip,) = seen(case).track_ends()
    assert tip.expected_um == pytest.approx([10, 30, 26])


def test_a_cell_moves_on_as_its_neighbours_did() -> None:
    """Four cells drift by 4; the first one stood still."""
    places = [(10, 10 * i, 20) for i in range(1, 6)]
    after = [places[0], *((z, y, x + 4) for z, y, x in places[1:])]
    stay = {(i, i): ODDS for i in range(1, 6)}
    (tip,) = seen(movie([sightings(0, *places), sightings(1, *after)], stay)).track_ends()
    assert tip.expected_um[:2] == pytest.approx(places[0][:2])
    assert 20.5 < tip.expected_um[2] < 22.0


def test_a_cell_just_born_is_expected_where_it_is() -> None:
    frames, steps = dividing_twice()
    track_ends = seen((frames[:2], steps[:1])).track_ends()
    assert [tuple(tip.expected_um) for tip in track_ends] == [HERE, THERE]


def test_places_are_expected_in_micrometres() -> None:
    case = movie([sightings(0, (8, 30, 20)), sightings(1, (10, 30, 20))], {(1, 1): ODDS})
    (tip,) = seen(case, spacing_um=(4.0, 1.0, 1.0)).track_ends()
    assert tip.expected_um == pytest.approx([44, 30, 20])


def test_in_frame_0_all_cells_to_follow_are_expected_where_they_are() -> None:
    track_ends = SlidingWindow(
        sightings(0, HERE, THERE, ELSEWHERE), 2, COSTS, window_rules()
    ).track_ends()
    assert [(tip.label, tuple(tip.expected_um), tip.unseeded) for tip in track_ends] == [
        (1, HERE, 0),
        (2, THERE, 0),
    ]


# Ends


def test_a_cell_that_ended_is_not_followed_again() -> None:
    case = movie(
        [sightings(0, HERE), sightings(1), sightings(2, HERE), sightings(3, HERE)],
        {},
        {},
        {(1, 1): ODDS},
    )
    for ahead in (0, 1, 9):
        horizon = seen(case, ahead=ahead)
        assert (rows(horizon), horizon.track_ends()) == ([], [])


def test_a_cell_at_the_edge_may_leave() -> None:
    """A poor link is better than an end, but not where ends are free."""
    middle: At = (10, 30, 20)
    stay, onward = {(1, 1): 2.0}, {(1, 1): -COSTS.disappear + 0.5}
    for margin, length in ((1, 2), (30, 1)):
        case = movie([sightings(t, middle) for t in range(3)], stay, onward)
        edge = Margins((21, 60, 90), margin)
        assert len(rows(seen(case, border=edge))) == length


# Any evidence


@st.composite
def movies(draw: st.DrawFn) -> Movie:
    """A few regions in a few frames, with or without seeds, and evidence of any kind."""
    counts = draw(st.lists(st.integers(0, 4), min_size=2, max_size=7))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    places = [HERE, THERE, ELSEWHERE, (10, 40, 26)]
    frames = [
        sightings(t, *places[:n], unseeded=np.flatnonzero(rng.random(n) < 0.3) + 1)
        for t, n in enumerate(counts)
    ]
    steps = []
    for t, (n, m) in enumerate(pairwise(counts)):
        pairs = [(i + 1, j + 1) for i in range(n) for j in range(m) if rng.random() < 0.7]
        odds = {pair: float(rng.uniform(-ODDS, ODDS)) for pair in pairs}
        steps.append(evidence(t, odds, dividing={pair for pair in pairs if rng.random() < 0.3}))
    return frames, steps


@settings(max_examples=40)
@given(movies(), st.integers(0, 3), st.integers(1, 4))
def test_settled_links_never_change(case: Movie, ahead: int, min_cycle: int) -> None:
    frames, steps = case
    rules = window_rules(ahead, min_cycle_frames=min_cycle)
    horizon = SlidingWindow(frames[0], len(frames[0]), COSTS, rules)
    for t, (frame, step) in enumerate(zip(frames[1:], steps, strict=True), start=1):
        before = rows(horizon)
        horizon.add(frame, step)
        settled = [row for row in before if row[2] < t - ahead]
        assert rows(horizon)[: len(settled)] == settled


@settings(max_examples=40)
@given(movies(), st.integers(0, 3), st.integers(1, 4))
def test_any_evidence_gives_valid_tracks(case: Movie, ahead: int, min_cycle: int) -> None:
    followed = (len(case[0][0]) + 1) // 2
    horizon = seen(case, followed, ahead=ahead, min_cycle_frames=min_cycle)
    found = followed_tracks(range(1, followed + 1), horizon.links())
    assert table_problems(found.tracks) == []
    last = len(case[0]) - 1
    assert sorted(found.in_frame(last)) == labels(horizon.track_ends())


@settings(max_examples=40)
@given(movies(), st.integers(0, 3), st.integers(2, 4))
def test_a_cell_that_divides_is_old_enough(case: Movie, ahead: int, min_cycle: int) -> None:
    followed = len(case[0][0])
    links = seen(case, followed, ahead=ahead, min_cycle_frames=min_cycle).links()
    tracks = {track.label: track for track in followed_tracks(range(1, followed + 1), links).tracks}
    for mother in {track.parent for track in tracks.values()} - {0}:
        track = tracks[mother]
        assert track.parent == 0 or track.end - track.begin + 1 >= min_cycle


@settings(max_examples=40)
@given(movies(), st.integers(0, 3))
def test_the_same_tables_again_give_the_same_links(case: Movie, ahead: int) -> None:
    """A run that is resumed replays them without having asked for the ends of tracks in between."""
    frames, steps = case
    asked = SlidingWindow(frames[0], len(frames[0]), COSTS, window_rules(ahead))
    for frame, step in zip(frames[1:], steps, strict=True):
        asked.add(frame, step)
        asked.track_ends()
        asked.links()
    replayed = seen(case, len(frames[0]), ahead=ahead)
    assert rows(replayed) == rows(asked)
    assert np.array_equal(replayed.links().confidence, asked.links().confidence)
    assert repr(replayed.track_ends()) == repr(asked.track_ends())


@pytest.mark.parametrize("ahead", [0, 1, 2, 9])
def test_plain_cases_do_not_depend_on_when_links_are_settled(ahead: int) -> None:
    frames = [sightings(t, HERE, THERE) for t in range(6)]
    stay = {(1, 1): 4.0, (2, 2): 4.0, (1, 2): -3.0, (2, 1): -3.0}
    horizon = seen(movie(frames, *[stay] * 5), followed=2, ahead=ahead)
    assert rows(horizon) == [(t, i, t + 1, i, 0) for t in range(5) for i in (1, 2)]


# Memory


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_tables_of_frames_that_are_settled_are_let_go(ahead: int) -> None:
    first = sightings(0, HERE)
    horizon, kept = SlidingWindow(first, 1, COSTS, window_rules(ahead)), [weakref.ref(first)]
    del first
    for t in range(1, 8):
        frame, step = sightings(t, HERE), evidence(t - 1, {(1, 1): ODDS})
        kept += [weakref.ref(frame), weakref.ref(step)]
        horizon.add(frame, step)
        del frame, step
        alive = [table for ref in kept if (table := ref()) is not None]
        assert sum(isinstance(table, Sightings) for table in alive) == min(t + 1, ahead + 2)
        assert sum(isinstance(table, Evidence) for table in alive) == min(t, ahead + 1)
        del alive


# Ends


@pytest.mark.parametrize("ahead", [1, 2, 9])
def test_a_cell_ends_for_the_same_price_once_its_past_is_settled(ahead: int) -> None:
    """A poor link into frame 3 costs 6.5; an end and a beginning instead of it, 8."""
    frames = [sightings(t, HERE, unseeded=[1] * (t == 3)) for t in range(7)]
    steps = [{(1, 1): -4.0 if t == 2 else ODDS} for t in range(6)]
    assert len(rows(seen(movie(frames, *steps), ahead=ahead))) == 6


@pytest.mark.parametrize("ahead", [0, 1, 2, 9])
def test_a_run_without_seeds_ends_for_the_same_price_once_its_past_is_settled(ahead: int) -> None:
    frames = [
        sightings(0, HERE),
        *(sightings(t, HERE, unseeded=[1]) for t in (1, 2)),
        *(sightings(t) for t in (3, 4, 5)),
    ]
    steps = [{(1, 1): ODDS}, {(1, 1): ODDS}, {}, {}, {}]
    assert len(rows(seen(movie(frames, *steps), ahead=ahead))) == 2
