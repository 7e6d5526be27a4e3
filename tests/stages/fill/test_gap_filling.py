"""Fill: a missed cell gets a plausible region in every missed frame, and takes nobody's pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes.drawn import DrawnReader, Labels, ball, label_frame, label_frames, make_links

from sam4ct.jumps import Jumps
from sam4ct.regions import Region, regions_of
from sam4ct.stages.fill.gap_filling import FillRules, Generated, fill_gaps
from sam4ct.stages.fill.interpolate import between

SHAPE = (40, 40)
SHAPES = [(40, 40), (11, 40, 40)]
PROPAGATE = FillRules(method="propagate", min_size=5)
INTERPOLATE = FillRules(method="interpolate", min_size=5)


def disc(centre: tuple[int, ...], radius: float, shape: tuple[int, ...] = SHAPE) -> Region:
    return Region(ball(shape, centre, radius), (0,) * len(shape)).tight()


def blind(t: int, label: int, t2: int) -> None:
    """A propagator that saw nothing."""


def sees(region: Region) -> Callable[[int, int, int], Region]:
    return lambda t, label, t2: region


def missed(*between: Labels) -> list[Labels]:
    """A still cell in the first and last frame, and what is in the frames between."""
    end = label_frame(SHAPE, [(20, 20)], 5)
    return [end, *between, end]


EMPTY = label_frame(SHAPE, [])
GAP = make_links((0, 1, 2, 1))


def filled(frames: list[Labels], masks: Callable[..., Region | None], rules: FillRules) -> Region:
    """The one region made for the one missed frame."""
    (made,) = fill_gaps(GAP, DrawnReader(frames), masks, rules)
    assert (made.t, made.source_t, made.source_label) == (1, 0, 1)
    return made.region


# The shape between two


@pytest.mark.parametrize("shape", SHAPES)
def test_between_two_equal_shapes_lies_the_same_shape_half_way(shape: tuple[int, ...]) -> None:
    z = (5,) * (len(shape) - 2)
    ends = [disc((*z, 12, x), 4, shape) for x in (10, 20)]
    assert between(*ends, 0.5) == disc((*z, 12, 15), 4, shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_at_either_end_the_shape_is_that_end(shape: tuple[int, ...]) -> None:
    z = (5,) * (len(shape) - 2)
    small, large = disc((*z, 12, 12), 3, shape), disc((*z, 25, 20), 5, shape)
    assert between(small, large, 0.0) == small
    assert between(small, large, 1.0) == large


@given(st.floats(0.05, 0.95))
def test_size_and_place_lie_between_the_ends(share: float) -> None:
    small, large = disc((12, 12), 4), disc((25, 30), 8)
    made = between(small, large, share)
    assert small.size <= made.size <= large.size
    straight = (1 - share) * small.centroid + share * large.centroid
    assert np.abs(made.centroid - straight).max() < 1.0


def test_between_a_cell_and_itself_turned_lies_one_of_its_size() -> None:
    bar = np.zeros((21, 21), bool)
    bar[8:13, 1:20] = True
    made = between(Region(bar, (0, 0)).tight(), Region(bar.T.copy(), (0, 0)).tight(), 0.5)
    assert made.size == pytest.approx(bar.sum(), rel=0.15)
    assert made.centroid == pytest.approx([10.0, 10.0], abs=0.5)


def test_between_two_balls_in_thick_slices_lies_a_ball() -> None:
    spacing = (5.0, 1.0, 1.0)
    z, y, x = np.indices((11, 61, 61))
    from_middle = np.sqrt((5.0 * (z - 5)) ** 2 + (y - 30) ** 2 + (x - 30) ** 2)
    small, large = (Region(from_middle <= r, (0, 0, 0)).tight() for r in (8.0, 24.0))

    def agreement(made: Region) -> float:
        expected = from_middle <= 16.0
        both = np.count_nonzero(expected[made.box] & made.mask)
        return both / (np.count_nonzero(expected) + made.size - both)

    assert agreement(between(small, large, 0.5, spacing)) > 0.9
    assert agreement(between(small, large, 0.5)) < 0.85


@pytest.mark.parametrize("scale", [0.17, 3.0])
def test_the_shape_between_does_not_depend_on_the_unit_of_length(scale: float) -> None:
    ends = [disc((12, 12), 4), disc((25, 30), 8)]
    assert between(*ends, 0.3, (scale,) * 3) == between(*ends, 0.3)


# Which shape


def test_the_propagated_mask_is_taken_where_it_is_believable() -> None:
    seen = disc((22, 23), 5)
    assert filled(missed(EMPTY), sees(seen), PROPAGATE) == seen


@pytest.mark.parametrize("radius", [1.5, 12.0])
def test_a_propagated_mask_of_another_size_is_not_believed(radius: float) -> None:
    frames = missed(EMPTY)
    assert filled(frames, sees(disc((20, 20), radius)), PROPAGATE) == disc((20, 20), 5)


def test_where_nothing_was_seen_the_shape_between_is_taken() -> None:
    assert filled(missed(EMPTY), blind, PROPAGATE) == disc((20, 20), 5)


def test_interpolation_does_not_ask_the_propagator() -> None:
    assert filled(missed(EMPTY), sees(disc((30, 30), 5)), INTERPOLATE) == disc((20, 20), 5)


def test_the_nearer_end_of_a_long_gap_is_asked_first() -> None:
    asked: list[tuple[int, int, int]] = []

    def remembers(t: int, label: int, t2: int) -> None:
        asked.append((t, label, t2))

    frames = missed(EMPTY, EMPTY, EMPTY)
    made = fill_gaps(make_links((0, 1, 4, 1)), DrawnReader(frames), remembers, PROPAGATE)
    assert [g.t for g in made] == [1, 2, 3]
    assert asked[0::2][0] == (0, 1, 1)
    assert asked[-2] == (4, 1, 3)


# Where there is room


def test_given_masks_keep_their_pixels() -> None:
    frames = missed(label_frame(SHAPE, {7: (20, 26)}, 4))
    region = filled(frames, blind, PROPAGATE)
    assert not frames[1][region.box][region.mask].any()
    assert 0 < region.size < disc((20, 20), 5).size


def test_a_mask_cut_in_two_leaves_its_larger_part() -> None:
    wall = EMPTY.copy()
    wall[:, 18] = 9
    region = filled(missed(wall), blind, PROPAGATE)
    assert region.corner[1] == 19


def test_no_region_is_made_where_a_given_mask_takes_nearly_all() -> None:
    frames = missed(label_frame(SHAPE, {7: (20, 21)}, 5))
    assert fill_gaps(GAP, DrawnReader(frames), blind, PROPAGATE) == []


def test_a_gap_is_filled_in_all_its_frames_or_in_none() -> None:
    frames = missed(EMPTY, label_frame(SHAPE, {7: (20, 20)}, 6), EMPTY)
    links = make_links((0, 1, 4, 1))
    assert fill_gaps(links, DrawnReader(frames), blind, PROPAGATE) == []
    free = missed(EMPTY, EMPTY, EMPTY)
    assert len(fill_gaps(links, DrawnReader(free), blind, PROPAGATE)) == 3


def test_regions_made_in_one_frame_do_not_overlap() -> None:
    ends = label_frame(SHAPE, [(20, 14), (20, 25)], 5)
    links = make_links((0, 1, 2, 1), (0, 2, 2, 2))
    made = fill_gaps(links, DrawnReader([ends, EMPTY, ends]), sees(disc((20, 20), 5)), PROPAGATE)
    frame = np.zeros(SHAPE, int)
    for g in made:
        frame[g.region.box] += g.region.mask
    assert len(made) == 2
    assert frame.max() == 1


def test_a_region_at_the_edge_stays_in_the_frame() -> None:
    end = label_frame(SHAPE, [(20, 1)], 5)
    outside = Region(np.ones((9, 9), bool), (16, -4))
    region = filled([end, EMPTY, end], sees(outside), PROPAGATE)
    assert region == region.clipped(SHAPE)
    assert region.size == 45


def test_scraps_of_a_cell_are_not_made_but_small_cells_are() -> None:
    frames = missed(label_frame(SHAPE, {7: (20, 23)}, 5))
    whole = disc((20, 20), 5).size
    scrap = filled(frames, blind, PROPAGATE).size
    assert scrap < whole / 2
    strict = FillRules(method="propagate", min_size=whole // 2)
    assert fill_gaps(GAP, DrawnReader(frames), blind, strict) == []
    assert filled(missed(EMPTY), blind, FillRules(method="propagate", min_size=500)).size == whole


# Which gaps


def test_links_without_a_gap_need_nothing() -> None:
    frames = label_frames([(20, 20)], [(20, 20)])
    assert fill_gaps(make_links((0, 1, 1, 1)), DrawnReader(frames), blind, PROPAGATE) == []


def test_a_mother_missed_before_her_division_is_filled_in_once() -> None:
    frames = label_frames([(20, 20)], [], [(20, 15), (20, 25)])
    links = make_links(divisions=[(0, 1, 2, 1), (0, 1, 2, 2)])
    (made,) = fill_gaps(links, DrawnReader(frames), blind, INTERPOLATE)
    assert (made.t, made.source_t, made.source_label) == (1, 0, 1)
    assert made.region.centroid == pytest.approx([20.0, 20.0], abs=1.0)


def test_a_daughters_propagated_mask_is_not_her_mothers() -> None:
    frames = label_frames([(20, 20)], [], [(20, 15), (20, 25)])
    links = make_links(divisions=[(0, 1, 2, 1), (0, 1, 2, 2)])
    asked: list[tuple[int, int, int]] = []

    def seen(t: int, label: int, t2: int) -> Region:
        asked.append((t, label, t2))
        return disc((20, 20), 5)

    (made,) = fill_gaps(links, DrawnReader(frames), seen, PROPAGATE)
    assert made.region == disc((20, 20), 5)
    assert asked == [(0, 1, 1)]


def test_a_profile_may_leave_all_gaps_open() -> None:
    rules = FillRules(method="none", min_size=5)
    assert fill_gaps(GAP, DrawnReader(missed(EMPTY)), blind, rules) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_regions_come_in_order_of_frame_and_source(shape: tuple[int, ...]) -> None:
    z = (5,) * (len(shape) - 2)
    first, second = (*z, 10, 10), (*z, 28, 28)
    frames = [
        label_frame(shape, named, 4)
        for named in ({1: first, 2: second}, {}, {1: first}, {2: second})
    ]
    links = make_links((0, 2, 3, 2), (0, 1, 2, 1))
    made = fill_gaps(links, DrawnReader(frames), blind, PROPAGATE)
    assert [(g.t, g.source_label) for g in made] == [(1, 1), (1, 2), (2, 2)]


def test_a_generated_region_belongs_to_the_detection_before_the_gap() -> None:
    frames = missed(EMPTY)
    (made,) = fill_gaps(GAP, DrawnReader(frames), blind, PROPAGATE)
    assert made == Generated(1, 0, 1, regions_of(frames[0])[1])


# Jumps of the picture


def there(place: tuple[int, ...], jumps: Jumps, t: int) -> tuple[int, ...]:
    """Where a frame shows what was at a place in frame 0, if it stays."""
    return tuple(np.add(place, jumps.between(0, t)[-len(place) :]).tolist())


@pytest.mark.parametrize("shape", [(60, 60), (13, 60, 60)])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_cell_missed_across_a_jump_is_filled_in_where_the_picture_shows_it(
    shape: tuple[int, ...], at: int
) -> None:
    """It goes right by 2 a frame; the picture jumps as well, anywhere in the gap."""
    deep = len(shape) > 2
    jumps, z = Jumps({at: (2 if deep else 0, 15, -9)}), (5,) * deep
    places = [there((*z, 20, 20 + 2 * t), jumps, t) for t in range(5)]
    frames = [label_frame(shape, [places[t]] if t in (0, 4) else [], 4) for t in range(5)]
    rules = replace(INTERPOLATE, jumps=jumps)
    made = fill_gaps(make_links((0, 1, 4, 1)), DrawnReader(frames), blind, rules)
    assert [g.t for g in made] == [1, 2, 3]
    assert [g.region for g in made] == [disc(places[t], 4, shape) for t in (1, 2, 3)]


def test_a_cell_that_a_jump_takes_out_of_the_frame_is_cut_off_at_its_edge() -> None:
    jumps = Jumps({1: (0, 0, -18), 2: (0, 0, 18)})
    rules = replace(INTERPOLATE, jumps=jumps)
    region = filled(missed(EMPTY), blind, rules)
    assert region == disc((20, 2), 5)
