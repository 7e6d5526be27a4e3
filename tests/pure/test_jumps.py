"""Jumps: places of two frames are compared as if the picture had stayed where it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes.drawn import detections_of, label_frame

from sam4ct.geometry import box_of
from sam4ct.jumps import NO_JUMPS, Jumps, Shift
from sam4ct.regions import Region, regions_of
from sam4ct.tables import Detections

FLAT = Jumps({2: (0, 3, -7), 5: (0, 10, 20)})
DEEP = Jumps({2: (1, 3, -7), 5: (-2, 10, 20)})
SHAPES = [(80, 90), (12, 80, 90)]


def jumps_in(shape: tuple[int, ...]) -> Jumps:
    return FLAT if len(shape) == 2 else DEEP


def seen(shape: tuple[int, ...], t: int, jumps: Jumps) -> Detections:
    """A cell that stays on its dish, as a frame shows it; the picture has jumped since frame 0."""
    place = np.add((5, 30, 40), jumps.between(0, t))[-len(shape) :]
    frame = label_frame(shape, [tuple(place.tolist())], radius=3)
    return detections_of([*[np.zeros_like(frame)] * t, frame])


def box(detections: Detections) -> tuple[int, ...]:
    ends = [getattr(detections, f"{axis}{end}") for end in (0, 1) for axis in "zyx"]
    (found,) = np.stack(ends, axis=1).tolist()
    return tuple(found)


# From frame to frame


@pytest.mark.parametrize(
    ("t", "t2", "shift"),
    [
        (0, 1, (0, 0, 0)),
        (1, 2, (1, 3, -7)),
        (2, 4, (0, 0, 0)),
        (4, 5, (-2, 10, 20)),
        (1, 5, (-1, 13, 13)),
        (0, 9, (-1, 13, 13)),
        (3, 3, (0, 0, 0)),
        (2, 2, (0, 0, 0)),
    ],
)
def test_jumps_after_one_frame_and_up_to_the_other_add_up(t: int, t2: int, shift: Shift) -> None:
    assert DEEP.between(t, t2) == shift
    assert DEEP.between(t2, t) == tuple(-length for length in shift)


@given(
    st.dictionaries(st.integers(1, 9), st.tuples(*[st.integers(-50, 50)] * 3), max_size=5),
    st.tuples(*[st.integers(0, 10)] * 3),
)
def test_by_way_of_a_third_frame_it_is_as_far(
    steps: dict[int, Shift], frames: tuple[int, int, int]
) -> None:
    jumps, (t, t2, t3) = Jumps(steps), frames
    by_way = np.add(jumps.between(t, t2), jumps.between(t2, t3))
    assert by_way.tolist() == list(jumps.between(t, t3))


def test_without_jumps_nothing_changes() -> None:
    rows = seen(SHAPES[1], 3, NO_JUMPS)
    region = Region(np.ones((2, 2), bool), (4, 5))
    assert NO_JUMPS.between(0, 9) == NO_JUMPS.between(9, 0) == (0, 0, 0)
    assert NO_JUMPS.carried(region, 0, 9) is region
    assert np.array_equal(NO_JUMPS.places_um(rows, (2, 1, 1)), rows.places_um((2, 1, 1)))
    assert box(NO_JUMPS.boxes_from(rows, 1)) == box(NO_JUMPS.boxes_from(rows, -1)) == box(rows)


# Places


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cell_that_stays_has_one_place_in_all_frames(shape: tuple[int, ...]) -> None:
    jumps, spacing = jumps_in(shape), (2.0, 0.5, 0.25)
    rows = Detections.concat(seen(shape, t, jumps) for t in range(7))
    first = seen(shape, 0, jumps).places_um(spacing)
    assert jumps.places_um(rows, spacing) == pytest.approx(np.tile(first, (7, 1)))
    assert np.ptp(rows.places_um(spacing), axis=0)[-2:] == pytest.approx([6.5, 5.0])


def test_asking_for_places_changes_no_detection() -> None:
    rows = seen(SHAPES[1], 3, DEEP)
    before = rows.places_um((1.0, 1.0, 1.0))
    DEEP.places_um(rows, (1.0, 1.0, 1.0))
    assert np.array_equal(rows.places_um((1.0, 1.0, 1.0)), before)


# Regions and boxes


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("t", "t2"), [(0, 1), (1, 2), (2, 1), (0, 6), (6, 0), (5, 2)])
def test_a_region_is_carried_to_where_the_cell_is_seen(
    shape: tuple[int, ...], t: int, t2: int
) -> None:
    jumps = jumps_in(shape)
    here, there = (
        regions_of(label_frame(shape, [tuple(place.tolist())], radius=3))[1]
        for place in (np.add((5, 30, 40), jumps.between(0, s))[-len(shape) :] for s in (t, t2))
    )
    assert jumps.carried(here, t, t2) == there
    assert box_of(there) == box(seen(shape, t2, jumps))


def test_a_region_may_be_carried_out_of_the_frame() -> None:
    region = Region(np.ones((2, 3), bool), (1, 4))
    assert FLAT.carried(region, 1, 2) == Region(region.mask, (4, -3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("way", [1, -1])
def test_boxes_are_those_of_the_next_frame_or_the_one_before(
    shape: tuple[int, ...], way: int
) -> None:
    jumps = jumps_in(shape)
    frames = [seen(shape, t, jumps) for t in range(7)]
    for t in range(7)[1:-1]:
        assert box(jumps.boxes_from(frames[t], way)) == box(frames[t + way])
    together = Detections.concat(frames)
    moved = jumps.boxes_from(together, way)
    assert moved.t.tolist() == together.t.tolist()
    assert moved.y.tolist() == together.y.tolist()
    assert [box(moved.take(moved.t == t)) for t in range(7)] == [
        box(jumps.boxes_from(frames[t], way)) for t in range(7)
    ]
