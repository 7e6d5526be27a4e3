"""Lineage: what the Cell Tracking Challenge allows, on drawn lineages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam4ct.lineage import MAX_LABEL, Track, frame_problems, table_problems

LAST = 12


@st.composite
def lineages(draw: st.DrawFn) -> list[Track]:
    """Valid track tables, at least one track, in any order."""
    labels = draw(st.lists(st.integers(1, MAX_LABEL), min_size=1, max_size=8, unique=True))
    tracks: list[Track] = []
    for label in labels:
        begin = draw(st.integers(0, LAST))
        end = draw(st.integers(begin, LAST))
        parents = [track.label for track in tracks if track.end < begin]
        tracks.append(Track(label, begin, end, draw(st.sampled_from([0, *parents]))))
    return draw(st.permutations(tracks))


def alive(tracks: list[Track], t: int) -> set[int]:
    return {track.label for track in tracks if track.begin <= t <= track.end}


@given(lineages())
def test_valid_lineage_has_no_problems(tracks: list[Track]) -> None:
    by_label = {track.label: track for track in tracks}
    assert table_problems(tracks) == []
    for t in range(LAST + 2):
        assert frame_problems(t, alive(tracks, t), by_label) == []


@given(lineages(), st.data())
def test_live_track_without_pixels_is_a_problem(tracks: list[Track], data: st.DataObject) -> None:
    track = data.draw(st.sampled_from(tracks))
    t = data.draw(st.integers(track.begin, track.end))
    by_label = {other.label: other for other in tracks}
    (problem,) = frame_problems(t, alive(tracks, t) - {track.label}, by_label)
    assert problem == f"frame {t}: track {track.label} has no pixels."


@given(lineages(), st.data())
def test_label_outside_its_life_is_a_problem(tracks: list[Track], data: st.DataObject) -> None:
    track = data.draw(st.sampled_from(tracks))
    outside = [t for t in range(LAST + 2) if not track.begin <= t <= track.end]
    t = data.draw(st.sampled_from(outside))
    by_label = {other.label: other for other in tracks}
    (problem,) = frame_problems(t, alive(tracks, t) | {track.label}, by_label)
    assert f"frame {t}: label {track.label} has pixels" in problem


@given(lineages(), st.integers(1, MAX_LABEL), st.integers(0, LAST))
def test_label_of_no_track_is_a_problem(tracks: list[Track], label: int, t: int) -> None:
    by_label = {track.label: track for track in tracks if track.label != label}
    present = alive(list(by_label.values()), t) | {label}
    (problem,) = frame_problems(t, present, by_label)
    assert problem == f"frame {t}: label {label} is not in the track table."


@given(lineages(), st.data())
def test_label_used_twice_is_a_problem(tracks: list[Track], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(tracks))
    problems = table_problems([*tracks, twice])
    assert f"track {twice.label}: the label is used twice." in problems


@given(lineages(), st.data())
def test_parent_that_does_not_exist_is_a_problem(tracks: list[Track], data: st.DataObject) -> None:
    absent = data.draw(
        st.integers(1, MAX_LABEL).filter(lambda n: n not in {t.label for t in tracks})
    )
    orphan = replace(tracks[0], parent=absent)
    (problem,) = table_problems([orphan, *tracks[1:]])
    assert problem == f"track {orphan.label}: its parent {absent} does not exist."


@pytest.mark.parametrize("parent_end", [3, 4, 9])
def test_parent_must_end_strictly_before_its_daughter_begins(parent_end: int) -> None:
    (problem,) = table_problems([Track(1, 0, parent_end), Track(2, 3, 5, parent=1)])
    assert problem.startswith("track 2: begins at frame 3, but its parent 1 ends")


@pytest.mark.parametrize("parent_end", [0, 1, 2])
def test_gap_between_parent_and_daughter_is_allowed(parent_end: int) -> None:
    assert table_problems([Track(1, 0, parent_end), Track(2, 3, 5, parent=1)]) == []


def test_track_cannot_be_its_own_parent() -> None:
    assert len(table_problems([Track(1, 0, 3, parent=1)])) == 1


def test_parent_may_be_listed_after_its_daughter() -> None:
    assert table_problems([Track(2, 3, 5, parent=1), Track(1, 0, 2)]) == []


@pytest.mark.parametrize("label", [-1, 0, MAX_LABEL + 1])
def test_labels_are_positive_and_16_bit(label: int) -> None:
    (problem,) = table_problems([Track(label, 0, 1)])
    assert problem == f"track {label}: labels run from 1 to {MAX_LABEL}."


def test_track_cannot_end_before_it_begins() -> None:
    (problem,) = table_problems([Track(1, 4, 3)])
    assert "ends at frame 3, before it begins at frame 4" in problem


def test_track_cannot_begin_before_frame_zero() -> None:
    assert table_problems([Track(1, -1, 3)]) == ["track 1: begins at frame -1."]
