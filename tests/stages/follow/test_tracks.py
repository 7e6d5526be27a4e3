"""FollowedTracks: which labels tracks have, and that any links make a table that is valid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes.drawn import make_links

from sam4ct.errors import ResultError
from sam4ct.lineage import MAX_LABEL, frame_problems, table_problems
from sam4ct.stages.follow.tracks import FollowedTracks, followed_tracks
from sam4ct.tables import Links

DIVIDING = Links.concat(
    [
        make_links((0, 1, 1, 2), (0, 2, 1, 1)),
        make_links(divisions=[(1, 1, 2, 1), (1, 1, 2, 4)]),
        make_links((1, 2, 2, 3)),
    ]
)
"""
t   0   1   2
    1 - 2 - 3
    2 - 1 < 1
            4
"""


def rows(found: FollowedTracks) -> list[tuple[int, int, int, int]]:
    return [track.row() for track in found.tracks]


def test_cells_to_follow_keep_their_labels() -> None:
    found = followed_tracks([40, 7], make_links((0, 1, 1, 1), (0, 2, 1, 3), (1, 3, 2, 1)))
    assert rows(found) == [(7, 0, 2, 0), (40, 0, 1, 0)]
    assert [found.in_frame(t) for t in range(4)] == [{1: 40, 2: 7}, {1: 40, 3: 7}, {1: 7}, {}]


def test_daughters_get_the_next_labels() -> None:
    found = followed_tracks([5, 9], DIVIDING)
    assert rows(found) == [(5, 0, 2, 0), (9, 0, 1, 0), (10, 2, 2, 9), (11, 2, 2, 9)]
    assert found.in_frame(2) == {1: 10, 3: 5, 4: 11}


def test_daughters_are_numbered_by_frame_then_region() -> None:
    """
    t   0   1   2
        1 - 1 < 1
                2
        2 < 2 - 3
            3 - 4
    """
    links = Links.concat(
        [
            make_links((0, 1, 1, 1)),
            make_links(divisions=[(0, 2, 1, 2), (0, 2, 1, 3)]),
            make_links(divisions=[(1, 1, 2, 1), (1, 1, 2, 2)]),
            make_links((1, 2, 2, 3), (1, 3, 2, 4)),
        ]
    )
    assert rows(followed_tracks([1, 2], links)) == [
        (1, 0, 1, 0),
        (2, 0, 0, 0),
        (3, 1, 2, 2),
        (4, 1, 2, 2),
        (5, 2, 2, 1),
        (6, 2, 2, 1),
    ]


def test_a_cell_that_goes_nowhere_is_a_track_of_one_frame() -> None:
    assert rows(followed_tracks([3], Links.empty())) == [(3, 0, 0, 0)]


def test_without_cells_there_are_no_tracks() -> None:
    found = followed_tracks([], Links.empty())
    assert (list(found.tracks), found.in_frame(0)) == ([], {})


def test_links_are_told_by_the_labels_of_tracks() -> None:
    found = followed_tracks([5, 9], DIVIDING)
    named = found.labelled(DIVIDING)
    assert named.label.tolist() == [5, 9, 9, 9, 5]
    assert named.label2.tolist() == [5, 9, 10, 11, 5]
    assert (named.t == DIVIDING.t).all()
    assert (named.division == DIVIDING.division).all()
    assert len(found.labelled(Links.empty())) == 0


def test_tracks_without_daughters_that_end_early_are_lost() -> None:
    """The first divides, one of its daughters ends in frame 1; the other cell ends in frame 0."""
    born, later = make_links(divisions=[(0, 1, 1, 1), (0, 1, 1, 2)]), make_links((1, 1, 2, 1))
    found = followed_tracks([5, 9], Links.concat([born, later]))
    assert [track.label for track in found.lost_before(2)] == [9, 11]


@pytest.mark.parametrize(("top", "daughters"), [(65533, [65534, 65535]), (65534, [65535, 1])])
def test_labels_that_were_left_out_are_used_when_there_are_no_larger_ones(
    top: int, daughters: list[int]
) -> None:
    found = followed_tracks([top], make_links(divisions=[(0, 1, 1, 1), (0, 1, 1, 2)]))
    assert [found.in_frame(1)[label] for label in (1, 2)] == daughters
    assert not table_problems(found.tracks)


def test_more_tracks_than_a_mask_can_hold_are_refused() -> None:
    links = make_links(divisions=[(0, 1, 1, 1), (0, 1, 1, 2)])
    with pytest.raises(ResultError, match="frame 1: there are more than 65535 tracks"):
        followed_tracks(range(1, MAX_LABEL + 1), links)


@st.composite
def lineages(draw: st.DrawFn) -> tuple[list[int], Links, list[int]]:
    """Labels of cells, links of them and their descendants by target, regions by frame.

    A region goes on in one of the next frame, divides, or ends; regions of others lie between.
    """
    initial = draw(st.lists(st.integers(1, 300), unique=True, max_size=4))
    here, parts, counts = list(range(1, len(initial) + 1)), [], [len(initial)]
    for t in range(draw(st.integers(0, 5))):
        ways = [way for way in here for _ in range(draw(st.integers(0, 2)))]
        labels = draw(st.permutations(range(1, len(ways) + 3)))[: len(ways)]
        into = sorted(zip(labels, ways, strict=True))
        divisions = [ways.count(label) == 2 for _, label in into]
        rows = np.array([(t, label, t + 1, new) for new, label in into], np.int64).reshape(-1, 4)
        parts.append(Links(*rows.T, np.array(divisions, bool), np.ones(len(into))))
        here = [label for label, _ in into]
        counts.append(len(here))
    return initial, Links.concat(parts), counts


@given(lineages())
def test_any_links_of_cells_make_valid_tracks(case: tuple[list[int], Links, list[int]]) -> None:
    initial, links, counts = case
    found = followed_tracks(initial, links)
    tracks = {track.label: track for track in found.tracks}
    assert table_problems(found.tracks) == []
    assert list(tracks) == sorted(tracks)
    assert [label for label, track in tracks.items() if not track.parent] == sorted(initial)
    for t, count in enumerate(counts):
        assert len(found.in_frame(t)) == count
        assert frame_problems(t, found.in_frame(t).values(), tracks) == []
