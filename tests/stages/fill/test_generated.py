"""Augment: generated masks beside given ones, and which of them stay."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scenes.drawn import (
    DrawnReader,
    detections_of,
    label_frame,
    label_frames,
    link_rows,
    make_links,
)

from sam4ct.regions import Region
from sam4ct.stages.fill.generated import (
    AddedFrames,
    KnownFirst,
    as_background,
    in_order,
    supported,
    without,
)
from sam4ct.tables import Links
from sam4ct.types import Propagated

SHAPES = [(30, 40), (7, 30, 40)]


def full(shape: tuple[int, ...]) -> Region:
    return Region(np.ones(shape, bool), (0,) * len(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_added_regions_take_what_is_free(shape: tuple[int, ...]) -> None:
    given = label_frame(shape, {2**31 - 1: (3,) * (len(shape) - 2) + (12, 12)})
    reader = DrawnReader([given.astype(np.int64), given])
    frames = AddedFrames(reader, lambda t: {2**31: full(shape)} if t == 1 else {})
    assert np.array_equal(frames.labels(0), given)
    assert np.array_equal(frames.labels(1), np.where(given > 0, given, 2**31))
    assert np.array_equal(reader.labels(1), given)
    assert np.array_equal(frames.image(1), reader.image(1))


class Engine:
    """A propagator that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, list[int], int]] = []
        self.forgot = -1

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        self.asked.append((t, list(regions), t2))
        return {i: Propagated(region, 1.0) for i, region in regions.items()}

    def forget_before(self, t: int) -> None:
        self.forgot = t


def test_the_engine_is_asked_only_for_what_is_not_known() -> None:
    engine, region = Engine(), full((3, 3))
    seen = Propagated(region, 7.0)
    known = KnownFirst(engine, lambda t, t2: {1: seen, 9: seen} if (t, t2) == (4, 5) else {})
    found = known.propagate(4, {1: region, 2: region}, 5)
    assert {i: p.object_score for i, p in found.items()} == {1: 7.0, 2: 1.0}
    assert engine.asked == [(4, [2], 5)]
    known.propagate(4, {1: region}, 5)
    assert engine.asked == [(4, [2], 5)]
    known.forget_before(3)
    assert engine.forgot == 3


def test_tables_are_put_in_order_of_frame_and_label() -> None:
    frames = label_frames([(8, 8), (8, 20)], [(8, 8), (8, 20)])
    rows = detections_of(frames)
    again = in_order([rows.take(np.array([1, 3])), rows.take(np.array([0, 2]))])
    assert (again.t.tolist(), again.label.tolist()) == ([0, 0, 1, 1], [1, 2, 1, 2])


def test_regions_that_are_gone_are_background_and_in_no_table() -> None:
    rows = detections_of(label_frames([(8, 8), (8, 20)], [(8, 8)]))
    gone = as_background(rows.take(np.array([1])))
    assert (gone.t.tolist(), gone.label.tolist(), gone.into.tolist()) == ([0], [2], [0])
    assert without(rows, gone).label.tolist() == [1, 1]


# Which generated regions stay. Labels from 5 on are generated.


def judged(
    frames: list[dict[int, tuple[int, int]]], links: Links
) -> tuple[set[tuple[int, int]], Links]:
    """Return (t, label) of the regions that go, and the links that stay."""
    detections = detections_of([label_frame((40, 60), places, 3) for places in frames])
    kept, left = supported(detections, links, detections.label >= 5)
    gone = zip(detections.t[~kept].tolist(), detections.label[~kept].tolist(), strict=True)
    return set(gone), left


def test_generated_regions_stay_in_a_track_with_a_given_one() -> None:
    links = make_links((0, 5, 1, 1), (1, 1, 2, 5), (2, 5, 4, 6))
    place = (20, 20)
    gone, left = judged([{5: place}, {1: place}, {5: place}, {}, {6: place}], links)
    assert gone == set()
    assert link_rows(left) == link_rows(links)


def test_a_track_of_generated_regions_alone_goes() -> None:
    place, other = (20, 20), (20, 40)
    frames = [{1: place, 5: other}, {1: place, 5: other}, {1: place, 6: other}]
    links = make_links((0, 1, 1, 1), (1, 1, 2, 1), (0, 5, 1, 5))
    gone, left = judged(frames, links)
    assert gone == {(0, 5), (1, 5), (2, 6)}
    assert link_rows(left) == [(0, 1, 1, 1, 0), (1, 1, 2, 1, 0)]


def test_given_regions_stay_even_alone() -> None:
    assert judged([{1: (20, 20)}, {}], make_links())[0] == set()


def test_a_mother_that_loses_a_daughter_goes_on_in_the_other() -> None:
    frames = [{1: (20, 20)}, {1: (20, 14), 5: (20, 26)}, {1: (20, 14), 5: (20, 26)}]
    links = make_links((1, 1, 2, 1), (1, 5, 2, 5), divisions=[(0, 1, 1, 1), (0, 1, 1, 5)])
    gone, left = judged(frames, links)
    assert gone == {(1, 5), (2, 5)}
    assert link_rows(left) == [(0, 1, 1, 1, 0), (1, 1, 2, 1, 0)]


def test_daughters_of_a_mother_without_support_begin_by_themselves() -> None:
    frames = [{5: (20, 20)}, {1: (20, 14), 2: (20, 26)}]
    gone, left = judged(frames, make_links(divisions=[(0, 5, 1, 1), (0, 5, 1, 2)]))
    assert gone == {(0, 5)}
    assert len(left) == 0


def test_a_division_with_both_daughters_stays_one() -> None:
    frames = [{1: (20, 20)}, {5: (20, 14), 6: (20, 26)}, {1: (20, 14), 2: (20, 26)}]
    divided = make_links((1, 5, 2, 1), (1, 6, 2, 2), divisions=[(0, 1, 1, 5), (0, 1, 1, 6)])
    gone, left = judged(frames, divided)
    assert gone == set()
    assert link_rows(left) == link_rows(divided)
