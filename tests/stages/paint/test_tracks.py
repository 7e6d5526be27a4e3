"""Trace: links become tracks, and only a filled gap lets a track go on."""

from __future__ import annotations

import numpy as np
import pytest
from scenes.drawn import Rows, detections_of, label_frames, make_links

from sam4ct.errors import ResultError
from sam4ct.lineage import MAX_LABEL, table_problems
from sam4ct.regions import Region
from sam4ct.stages.fill.gap_filling import Generated
from sam4ct.stages.paint.tracks import Traced, trace
from sam4ct.tables import Detections, Links

A, B, C = (10, 10), (10, 30), (30, 30)
PIXEL = Region(np.ones((1, 1), bool), (0, 0))


def rows(traced: Traced) -> Rows:
    return [track.row() for track in traced.tracks]


def traced(
    frames: list[list[tuple[int, int]]], links: Links, generated: list[Generated] | None = None
) -> Traced:
    found = trace(detections_of(label_frames(*frames)), links, generated or [])
    assert table_problems(found.tracks) == []
    return found


def test_without_links_every_detection_is_a_track() -> None:
    assert rows(traced([[A, B], [A]], make_links())) == [(1, 0, 0, 0), (2, 0, 0, 0), (3, 1, 1, 0)]


def test_labels_follow_first_frame_and_input_label() -> None:
    """
    t   0   1   2
        1 - 2
        .   1 - 1
    """
    links = make_links((0, 1, 1, 2), (1, 1, 2, 1))
    found = traced([[A], [B, A], [B]], links)
    assert rows(found) == [(1, 0, 1, 0), (2, 1, 2, 0)]
    assert found.of_detection.tolist() == [1, 2, 1, 2]


def test_two_tracks_on_one_label_become_daughters() -> None:
    """
    t   0   1   2
        1 - 1 < 1
                2
    """
    links = make_links((0, 1, 1, 1), divisions=[(1, 1, 2, 1), (1, 1, 2, 2)])
    assert rows(traced([[A], [A], [A, B]], links)) == [(1, 0, 1, 0), (2, 2, 2, 1), (3, 2, 2, 1)]


def test_a_filled_gap_is_one_track() -> None:
    links = make_links((0, 1, 3, 1))
    made = [Generated(t, 0, 1, PIXEL) for t in (1, 2)]
    found = traced([[A], [], [], [A]], links, made)
    assert rows(found) == [(1, 0, 3, 0)]
    assert found.of_generated == {(1, 0, 1): 1, (2, 0, 1): 1}


def test_an_open_gap_ends_a_track_and_begins_its_child() -> None:
    assert rows(traced([[A], [], [A]], make_links((0, 1, 2, 1)))) == [(1, 0, 0, 0), (2, 2, 2, 1)]


def test_a_division_after_a_missed_frame_keeps_its_mother() -> None:
    links = make_links(divisions=[(0, 1, 2, 1), (0, 1, 2, 2)])
    assert rows(traced([[A], [], [A, B]], links)) == [(1, 0, 0, 0), (2, 2, 2, 1), (3, 2, 2, 1)]


def test_a_mother_filled_in_before_her_division_lasts_until_then() -> None:
    links = make_links(divisions=[(0, 1, 2, 1), (0, 1, 2, 2)])
    found = traced([[A], [], [A, B]], links, [Generated(1, 0, 1, PIXEL)])
    assert rows(found) == [(1, 0, 1, 0), (2, 2, 2, 1), (3, 2, 2, 1)]
    assert found.of_generated == {(1, 0, 1): 1}


def test_generated_regions_belong_to_the_track_that_skips_them() -> None:
    links = make_links((0, 1, 2, 2), (0, 2, 1, 1), (1, 1, 2, 1))
    found = traced([[A, B], [B], [B, A]], links, [Generated(1, 0, 1, PIXEL)])
    assert rows(found) == [(1, 0, 2, 0), (2, 0, 2, 0)]
    assert found.of_generated == {(1, 0, 1): 1}


def test_the_order_of_the_links_changes_nothing() -> None:
    links = make_links((0, 1, 1, 2), (0, 2, 1, 1), divisions=[(1, 1, 2, 1), (1, 1, 2, 2)])
    frames = [[A, B], [B, A], [B, C]]
    other = links.take(np.array([3, 1, 0, 2]))
    assert rows(traced(frames, links)) == rows(traced(frames, other))


def test_no_detections_make_no_tracks() -> None:
    assert trace(Detections.empty(), Links.empty(), []).tracks == []


@pytest.mark.parametrize("extra", [0, 1])
def test_more_tracks_than_labels_are_refused(extra: int) -> None:
    count = MAX_LABEL + extra
    one = detections_of(label_frames([A]))
    many = one.take(np.zeros(count, int))
    columns = {name: getattr(many, name) for name in many.schema()}
    columns["label"] = np.arange(1, count + 1)
    if not extra:
        assert len(trace(Detections(**columns), Links.empty(), []).tracks) == MAX_LABEL
        return
    with pytest.raises(ResultError, match="65536 tracks"):
        trace(Detections(**columns), Links.empty(), [])
