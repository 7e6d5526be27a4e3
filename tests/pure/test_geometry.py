"""Windows: every region lies in its own, neighbours share them, shards agree on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes.drawn import detections_of, label_frame, label_frames

from sam4ct.geometry import Box, Slabs, Window, WindowGrid, WindowPlan, box_of, even
from sam4ct.jumps import NO_JUMPS, Jumps, Shift
from sam4ct.regions import regions_of


def flat(y0: int, x0: int, y1: int, x1: int) -> Box:
    """A box in an image."""
    return 0, y0, x0, 1, y1, x1


@st.composite
def grids_and_boxes(draw: st.DrawFn) -> tuple[WindowGrid, Box]:
    """Any grid whose step leaves room for its regions, and a box inside its frame."""
    shape = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    fill = draw(st.floats(0.1, 0.9))
    step = draw(st.floats(0.0, 1.0)) * (0.95 - fill)
    side = 2 * draw(st.integers(10, 100))
    y0, x0 = (draw(st.integers(0, n - 1)) for n in shape)
    y1, x1 = (draw(st.integers(a + 1, n)) for a, n in zip((y0, x0), shape, strict=True))
    return WindowGrid(shape, side, max(0.0, step), fill), flat(y0, x0, y1, x1)


@given(grids_and_boxes())
def test_a_region_lies_in_its_window(case: tuple[WindowGrid, Box]) -> None:
    grid, box = case
    _, y0, x0, _, y1, x1 = box
    window = grid.window(box)
    assert window.y <= y0
    assert window.x <= x0
    assert y1 <= window.y + window.side
    assert x1 <= window.x + window.side


@given(grids_and_boxes())
def test_a_window_leaves_the_frame_only_where_the_frame_is_smaller(
    case: tuple[WindowGrid, Box],
) -> None:
    grid, box = case
    window = grid.window(box)
    for start, length in zip(window.corner, grid.shape, strict=True):
        if length >= window.side:
            assert 0 <= start <= length - window.side
        else:
            assert start <= 0
            assert start + window.side >= length


def test_a_frame_smaller_than_the_window_lies_in_its_middle() -> None:
    assert WindowGrid((20, 100), 60, 0.25).window(flat(5, 40, 9, 44)) == Window(-20, 15, 60)


def test_regions_near_each_other_share_a_window() -> None:
    grid = WindowGrid((500, 500), 64, 0.25)
    assert grid.window(flat(200, 200, 210, 210)) == grid.window(flat(203, 198, 213, 208))


def test_step_zero_centres_every_window_on_its_region() -> None:
    grid = WindowGrid((500, 500), 64, 0.0)
    assert grid.window(flat(200, 300, 210, 310)) == Window(205 - 32, 305 - 32, 64)


@pytest.mark.parametrize(("extent", "side"), [(38, 64), (39, 128), (76, 128), (77, 256)])
def test_a_region_too_large_for_a_window_gets_one_of_twice_the_side(extent: int, side: int) -> None:
    grid = WindowGrid((1000, 1000), 64, 0.25, fill=0.6)
    assert grid.window(flat(400, 400, 400 + extent, 410)).side == side


@pytest.mark.parametrize("step", [0.0, 0.25, 0.4, 0.5])
@pytest.mark.parametrize("extent", [32, 35, 38])
def test_a_region_lies_whole_in_its_window_however_coarse_the_grid(
    step: float, extent: int
) -> None:
    grid = WindowGrid((1000, 1000), 64, step)
    for first in range(400, 464):
        window = grid.window(flat(first, 400, first + extent, 410))
        assert window.y <= first
        assert first + extent <= window.y + window.side


def test_no_window_is_doubled_beyond_the_frame() -> None:
    assert WindowGrid((50, 100), 64, 0.25).window(flat(0, 0, 50, 100)).side == 128


PLACES = [[(10, 10), (10, 60)], [(12, 12)], [], [(60, 60)]]


def plan(reach: int) -> WindowPlan:
    frames = label_frames(*PLACES, shape=(80, 80))
    return WindowPlan.of(detections_of(frames), WindowGrid((80, 80), 24, 0.25), reach)


def test_a_frame_needs_the_windows_of_all_frames_in_reach_once() -> None:
    planned = plan(reach=1)
    own = planned.window(1, 1)
    assert own == planned.window(0, 1)
    assert list(planned.needed(0)) == sorted({own, planned.window(0, 2)})
    assert list(planned.needed(2)) == sorted({own, planned.window(3, 1)})


def test_an_empty_frame_with_nothing_near_needs_no_window() -> None:
    assert list(plan(reach=0).needed(2)) == []


@pytest.mark.parametrize("reach", [1, 2])
def test_a_shard_plans_the_windows_of_the_whole(reach: int) -> None:
    frames = label_frames(*PLACES, shape=(80, 80))
    detections = detections_of(frames)
    near = detections.take(np.abs(detections.t - 1) <= reach)
    shard = WindowPlan.of(near, WindowGrid((80, 80), 24, 0.25), reach)
    assert shard.needed(1) == plan(reach).needed(1)


# Volumes


@pytest.mark.parametrize(("depth", "height"), [(1, 1), (7, 2), (31, 4), (5, 9)])
def test_every_slice_lies_in_one_slab(depth: int, height: int) -> None:
    slabs = Slabs(depth, height, reach=1)
    last = slabs.of(depth - 1)
    held = [z for slab in range(last + 1) for z in slabs.slices(slab)]
    assert held == list(range(depth))
    for z in held:
        assert z in slabs.slices(slabs.of(z))
    for slab in range(last + 1):
        assert slabs.middle(slab) in slabs.slices(slab)


def test_slabs_near_the_first_and_last_are_those_that_exist() -> None:
    slabs = Slabs(9, 3, reach=2)
    assert [list(slabs.near(slab)) for slab in range(3)] == [[0, 1, 2]] * 3
    assert list(Slabs(9, 3, reach=1).near(0)) == [0, 1]


def test_a_region_of_a_volume_is_seen_in_the_slab_of_its_middle() -> None:
    grid = WindowGrid((12, 80, 80), 24, 0.25, slabs=Slabs(12, 4, reach=1))
    assert grid.window((3, 10, 10, 8, 20, 20)).slab == 1
    assert grid.window((0, 10, 10, 4, 20, 20)).slab == 0


def test_a_region_of_a_volume_is_looked_for_in_the_slabs_around_its_own() -> None:
    grid = WindowGrid((12, 80, 80), 24, 0.25, slabs=Slabs(12, 4, reach=1))
    home = grid.window((4, 10, 10, 8, 20, 20))
    assert [view.slab for view in grid.views(home)] == [0, 1, 2]
    assert {(view.corner, view.side) for view in grid.views(home)} == {(home.corner, home.side)}


def test_an_image_is_looked_at_as_one_slice() -> None:
    grid = WindowGrid((80, 80), 24, 0.25)
    home = grid.window(flat(10, 10, 20, 20))
    assert grid.views(home) == (home,)
    assert home.slab == 0


# Jumps of the picture


shifts = st.tuples(*[st.integers(-400, 400)] * 3)


@given(grids_and_boxes())
def test_without_a_jump_a_window_stays(case: tuple[WindowGrid, Box]) -> None:
    grid, box = case
    assert grid.moved(grid.window(box), (0, 0, 0)) == grid.window(box)


def test_a_window_goes_with_the_picture() -> None:
    grid = WindowGrid((500, 400), 64, 0.25)
    home = grid.window(flat(200, 200, 210, 210))
    assert grid.moved(home, (0, 30, -71)) == Window(home.y + 30, home.x - 71, 64)


@pytest.mark.parametrize(
    ("shift", "corner"),
    [
        ((0, -175, 0), (-15, 160)),
        ((0, -500, 0), (-32, 160)),
        ((0, 500, 500), (468, 368)),
        ((0, 0, -200), (160, -32)),
    ],
)
def test_a_window_leaves_the_frame_by_half_at_most(shift: Shift, corner: tuple[int, int]) -> None:
    grid = WindowGrid((500, 400), 64, 0.25)
    home = grid.window(flat(187, 187, 197, 197))
    assert home.corner == (160, 160)
    assert grid.moved(home, shift).corner == corner


@given(grids_and_boxes(), shifts)
def test_half_of_a_window_stays_in_the_frame_and_all_of_it_if_it_can(
    case: tuple[WindowGrid, Box], shift: Shift
) -> None:
    grid, box = case
    home = grid.window(box)
    moved = grid.moved(home, shift)
    assert moved.side == home.side
    axes = zip(home.corner, moved.corner, shift[1:], grid.shape, strict=True)
    for start, there, step, length in axes:
        inside = min(there + home.side, length) - max(there, 0)
        assert inside >= min(home.side // 2, length)
        free = start + step
        if min(free + home.side, length) - max(free, 0) >= home.side // 2:
            assert there == free


@pytest.mark.parametrize(
    ("steps", "slab"), [(0, 1), (1, 1), (2, 2), (-2, 1), (-3, 0), (5, 2), (90, 3), (-90, 0)]
)
def test_a_jump_in_z_leads_to_the_slab_in_which_the_middle_is_then(steps: int, slab: int) -> None:
    """Slabs hold slices 0 to 3, 4 to 7, 8 to 11 and 12 to 13; 4 to 7 are seen by slice 6."""
    grid = WindowGrid((14, 80, 80), 24, 0.25, slabs=Slabs(14, 4, reach=1))
    home = Window(10, 20, 24, 1)
    assert grid.moved(home, (steps, 7, 0)) == Window(17, 20, 24, slab)


def test_an_image_stays_one_slice() -> None:
    assert WindowGrid((80, 80), 24, 0.25).moved(Window(10, 20, 24), (0, 5, 5)).slab == 0


JUMPS = Jumps({1: (0, 30, -20), 3: (2, -25, 9)})


@pytest.mark.parametrize("shape", [(80, 80), (9, 80, 80)])
@pytest.mark.parametrize("reach", [1, 2, 3])
@pytest.mark.parametrize("jumps", [NO_JUMPS, JUMPS])
def test_a_frame_needs_every_window_that_is_asked_for_and_no_other(
    shape: tuple[int, ...], reach: int, jumps: Jumps
) -> None:
    z = (4,) * (len(shape) - 2)
    frames = [label_frame(shape, [(*z, *place) for place in places]) for places in PLACES]
    slabs = Slabs(9, 2, reach=1) if z else Slabs()
    planned = WindowPlan.of(
        detections_of(frames), WindowGrid(shape, 24, 0.25, slabs=slabs), reach, jumps
    )
    asked: list[set[Window]] = [set() for _ in frames]
    for t, t2 in np.ndindex(4, 4):
        for label in planned.boxes.get(t, {}) if abs(t - t2) <= reach else ():
            asked[t].add(planned.window(t, label))
            asked[t2].update(planned.views(t, label, t2))
    for t in range(4):
        own = {view for label in planned.boxes.get(t, {}) for view in planned.views(t, label, t)}
        assert set(planned.needed(t)) == asked[t] | own
        assert list(planned.needed(t)) == sorted(planned.needed(t))


def test_a_region_is_looked_for_where_the_jumps_between_the_frames_took_it() -> None:
    frames = label_frames(*PLACES, shape=(80, 80))
    grid = WindowGrid((80, 80), 24, 0.25)
    planned = WindowPlan.of(detections_of(frames), grid, 3, JUMPS)
    home, back = planned.window(0, 1), planned.window(3, 1)
    assert planned.views(0, 1, 0) == (home,)
    assert planned.views(0, 1, 1) == planned.views(0, 1, 2) == (grid.moved(home, (0, 30, -20)),)
    assert planned.views(0, 1, 3) == (grid.moved(home, (0, 5, -11)),)
    assert planned.views(3, 1, 2) == planned.views(3, 1, 1) == (grid.moved(back, (0, 25, -9)),)
    assert planned.views(3, 1, 0) == (grid.moved(back, (0, -5, 11)),)


@pytest.mark.parametrize("shape", [(40, 60), (9, 40, 60)])
def test_the_box_of_a_region_is_that_of_its_detection(shape: tuple[int, ...]) -> None:
    frame = label_frame(shape, [(4,) * (len(shape) - 2) + (20, 30)], radius=3)
    rows = detections_of([frame])
    box = rows.z0[0], rows.y0[0], rows.x0[0], rows.z1[0], rows.y1[0], rows.x1[0]
    assert box_of(regions_of(frame)[1]) == tuple(map(int, box))


@pytest.mark.parametrize(("value", "rounded"), [(0.0, 2), (2.9, 2), (3.0, 4), (4.99, 4), (5.01, 6)])
def test_even_rounds_to_a_positive_even_number(value: float, rounded: int) -> None:
    assert even(value) == rounded
