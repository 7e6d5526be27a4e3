"""Sight: which seeds are looked at, and what is taken for a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenes.drawn import label_frame
from scenes.track_scene import (
    BRIGHT,
    CELL,
    DARK,
    NOTHING,
    RULES,
    SHAPE,
    At,
    Balls,
    DrawnVolumes,
    ball_at,
    drawn_cells,
    places_um,
    scope_of,
)

from sam4ct.geometry import Margins, box_of
from sam4ct.regions import Region
from sam4ct.stages.follow.prompts import MOST, Click, clicks_at
from sam4ct.stages.follow.regions import (
    SEARCH_EDGE_DIAMETERS,
    FrameRegions,
    described,
    first_regions,
    near_seeds,
)
from sam4ct.stages.follow.suppression import disjoint, same_cell, without_doubles

EMPTY = np.zeros(SHAPE, np.int64)
FLAT = replace(RULES, spacing_um=(4.0, 1.0, 1.0))
LARGEST = int(MOST * RULES.typical_size)
PLACES = st.tuples(st.floats(0, 20), st.floats(20, 40), st.floats(30, 50))


@dataclass
class Answers:
    """A segmenter that answers the clicks of a frame, in their order, with given regions."""

    regions: Sequence[Region]

    def segment(self, t: int, points: Sequence[tuple[float, ...]]) -> list[Region]:
        return [self.regions[i] for i in range(len(points))]


def painted(regions: Sequence[Region]) -> NDArray[np.int64]:
    """How many regions hold each voxel."""
    count = np.zeros(SHAPE, np.int64)
    for region in regions:
        count[region.box] += region.mask
    return count


def click(at: At, region: Region | None = None) -> Click:
    """A click, and the region that it found: a ball, if nothing else is said."""
    return Click(places_um(at)[0], ball_at(at) if region is None else region)


# Seeds


def test_only_seeds_within_reach_of_a_place_are_clicked() -> None:
    segmenter = Balls()
    seeds = [(10, 30, 20), (10, 30, 35), (10, 30, 35.5), (10, 30, 70)]
    scope = scope_of([EMPTY], [seeds], segmenter)
    near_seeds(scope, 0, places_um((10, 30, 20), (10, 45, 70)), RULES)
    assert segmenter.asked == [(0, seed) for seed in seeds if seed != (10, 30, 35.5)]


def test_reach_is_measured_in_space() -> None:
    segmenter = Balls()
    scope = scope_of([EMPTY], [[(10, 30, 20), (13, 30, 20), (14, 30, 20)]], segmenter)
    near_seeds(scope, 0, places_um((40, 30, 20)), FLAT)
    assert [point[0] for _, point in segmenter.asked] == [10, 13]


@given(st.permutations([(10, 30, 20), (10, 30, 26), (12, 25, 20), (9, 30, 20)]))
def test_order_of_seeds_changes_nothing(seeds: list[At]) -> None:
    around = places_um((10, 30, 20))
    found, usual = (
        [c.region for c in near_seeds(scope_of([EMPTY], [order], Balls()), 0, around, RULES)]
        for order in (seeds, sorted(seeds))
    )
    assert found == usual
    assert len(found) == 4


@pytest.mark.parametrize(("seeds", "around"), [([], [(10, 30, 20)]), ([(10, 30, 20)], [])])
def test_without_seeds_or_places_nothing_is_clicked(seeds: list[At], around: list[At]) -> None:
    scope = scope_of([EMPTY], [seeds], Answers([]))
    assert near_seeds(scope, 0, places_um(*around), RULES) == []


def test_a_seed_on_the_background_gives_nothing() -> None:
    scope = scope_of(drawn_cells([(10, 30, 20)]), [[(10, 30, 20), (10, 30, 32)]])
    (found,) = near_seeds(scope, 0, places_um((10, 30, 20)), RULES)
    assert found.region == ball_at((10, 30, 20))


def test_clicks_beyond_the_frame_are_moved_into_it() -> None:
    segmenter = Balls()
    scope = scope_of([EMPTY], [[]], segmenter)
    outside = places_um((-3.0, 30.0, 100.0), (90.0, -1.0, 20.0))
    found = clicks_at(scope, 0, outside, FLAT)
    assert segmenter.asked == [(0, (0, 30, 89)), (0, (20, 0, 20))]
    assert np.array_equal([c.at_um for c in found], outside)


# What is a cell


@pytest.mark.parametrize(
    ("size", "fits_expected_cell"), [(50, False), (51, True), (LARGEST, True), (LARGEST + 1, False)]
)
def test_regions_too_small_or_too_large_are_dropped(size: int, fits_expected_cell: bool) -> None:
    region = Region((np.arange(21**3) < size).reshape(21, 21, 21), (0, 0, 0))
    scope = scope_of([EMPTY], [[(10, 30, 20)]], Answers([region]))
    assert bool(near_seeds(scope, 0, places_um((10, 30, 20)), RULES)) == fits_expected_cell


def test_a_typical_cell_is_a_ball() -> None:
    assert RULES.typical_size == pytest.approx(CELL, rel=0.03)
    assert FLAT.typical_size == pytest.approx(RULES.typical_size / 4.0)


def test_a_cell_seen_twice_is_one() -> None:
    seeds, cell = [(10, 30, 18), (10, 30, 22)], [(10, 30, 20)]
    scope = scope_of(drawn_cells(cell), [seeds])
    found = near_seeds(scope, 0, places_um((10, 30, 20)), RULES)
    assert len(found) == 2
    assert [c.region for c in without_doubles(found, RULES)] == [ball_at((10, 30, 20))]


@pytest.mark.parametrize("first", [0, 1])
def test_of_a_cell_seen_twice_the_click_nearer_to_the_middle_stays(first: int) -> None:
    cell = ball_at((10, 30, 20))
    near, far = click((10, 30, 21), cell), click((10, 30, 16), cell)
    assert without_doubles([near, far][:: 1 - 2 * first], RULES) == [near]


def test_the_middle_is_found_in_space() -> None:
    """Two slices are 8 um: further than 5 pixels."""
    cell = ball_at((10, 30, 20))
    below, beside = (Click(places_um(at)[0], cell) for at in ((32, 30, 20), (40, 30, 25)))
    assert without_doubles([below, beside], FLAT) == [beside]


@pytest.mark.parametrize(("apart", "same"), [(0, True), (2, True), (3, False), (6, False)])
def test_cells_that_share_most_of_the_smaller_one_are_the_same(apart: int, same: bool) -> None:
    one, other = ball_at((10, 30, 20)), ball_at((10, 30, 20 + apart))
    assert same_cell(one, other) == same_cell(other, one) == same


def test_sisters_just_born_stay_two() -> None:
    pair = [click((10, 30, 20)), click((10, 30, 25))]
    assert without_doubles(pair, RULES) == pair


def test_a_small_region_within_a_large_one_is_the_same() -> None:
    assert same_cell(ball_at((10, 30, 20)), ball_at((10, 30, 22), 3))


def test_a_click_on_a_cell_that_stays_in_any_case_is_dropped() -> None:
    own, nearer, other = click((10, 30, 18)), click((10, 30, 19)), click((10, 30, 40))
    assert without_doubles([nearer, other], RULES, beside=[own]) == [other]


def test_doubles_leave_the_order_of_clicks_alone() -> None:
    far, near = click((10, 30, 40), ball_at((10, 30, 43))), click((10, 30, 20))
    assert without_doubles([far, near], RULES) == [far, near]


# Regions that touch


def test_shared_voxels_go_to_the_nearer_click() -> None:
    left, right = disjoint([click((10, 30, 20)), click((10, 30, 27))], RULES)
    assert left.corner[2] + left.mask.shape[2] - 1 == 23
    assert right.corner[2] == 24
    assert painted([left, right]).max() == 1


def test_voxels_as_near_to_either_click_go_to_the_first() -> None:
    left, right = disjoint([click((10, 30, 20)), click((10, 30, 26))], RULES)
    assert right.corner[2] == 24
    assert left.size > right.size


def test_nearer_is_nearer_in_space() -> None:
    """Clicks in slices 9 and 12, 12 um apart: the slices between belong to one each."""
    at = places_um((36, 30, 20), (48, 30, 20))
    low, high = (Click(p, ball_at(q)) for p, q in zip(at, [(9, 30, 20), (12, 30, 20)], strict=True))
    first, second = disjoint([low, high], FLAT)
    assert first.corner[0] + first.mask.shape[0] == second.corner[0] == 11


def test_a_click_two_slices_off_is_not_near() -> None:
    """Along x, 28 is as far from the click in the same slice as from the nearer one above."""
    bar = Region(np.ones((1, 1, 17), bool), (10, 30, 16))
    here, above = (Click(at, bar) for at in places_um((40, 30, 20), (48, 30, 27)))
    first, second = disjoint([here, above], FLAT)
    assert (first.mask.shape[2], second.corner[2]) == (13, 29)


def test_what_a_neighbour_cuts_in_two_is_the_larger_part() -> None:
    bar = Region(np.ones((1, 1, 20), bool), (10, 30, 20))
    wall = Region(np.ones((3, 3, 4), bool), (9, 29, 26))
    left, _ = disjoint([click((10, 30, 20), bar), click((10, 30, 28), wall)], RULES)
    assert (left.corner, left.mask.shape) == ((10, 30, 30), (1, 1, 10))


@given(st.lists(PLACES, max_size=5))
def test_disjoint_regions_never_overlap_and_add_nothing(places: list[At]) -> None:
    clicks = [click(place) for place in places]
    regions = disjoint(clicks, RULES)
    assert len(regions) == len(places)
    assert painted(regions).max(initial=0) <= 1
    for own, before in zip(regions, clicks, strict=True):
        assert own == own.tight()
        assert (painted([own]) <= painted([before.region])).all()


def test_making_regions_disjoint_leaves_the_clicks_alone() -> None:
    clicks = [click((10, 30, 20)), click((10, 30, 25))]
    disjoint(clicks, RULES)
    assert [c.region.size for c in clicks] == [CELL, CELL]


# Frame 0


def labels_of(found: FrameRegions) -> dict[int, tuple[float, ...]]:
    return {label: tuple(np.round(r.centroid).tolist()) for label, r in found.regions.items()}


def test_cells_to_follow_come_first_in_their_order() -> None:
    cells = [(10, 30, 20), (10, 30, 60), (10, 30, 34)]
    scope = scope_of(drawn_cells(cells), [[(10, 30, 34), (10, 30, 20), (10, 30, 60)]])
    found = first_regions(scope, places_um((10, 30, 60), (10, 30, 20)), RULES)
    assert labels_of(found) == {1: (10, 30, 60), 2: (10, 30, 20), 3: (10, 30, 34)}
    assert found.rows.seeded.all()


@pytest.mark.parametrize("answer", [NOTHING, ball_at((10, 30, 20), 2), ball_at((10, 30, 45), 20)])
def test_a_cell_to_follow_that_is_not_credible_is_a_ball(answer: Region) -> None:
    scope = scope_of([EMPTY], [[]], Answers([answer]))
    found = first_regions(scope, places_um((10, 30, 20)), RULES)
    assert found.regions == {1: ball_at((10, 30, 20))}


def test_a_ball_has_the_size_of_a_cell_in_space() -> None:
    scope = scope_of([EMPTY], [[]], Answers([NOTHING]))
    ball = first_regions(scope, places_um((40, 30, 20)), replace(FLAT, min_size=5)).regions[1]
    assert ball.mask.shape == (3, 11, 11)
    assert ball.centroid == pytest.approx([10, 30, 20])
    assert ball.size == pytest.approx(FLAT.typical_size, rel=0.15)


def test_a_ball_thinner_than_a_slice_has_a_voxel_at_least() -> None:
    thick = replace(RULES, spacing_um=(30.0, 30.0, 30.0), diameter_um=2.0)
    scope = scope_of([EMPTY], [[]], Answers([NOTHING]))
    ball = first_regions(scope, places_um((312, 912, 612)), thick).regions[1]
    assert ball == Region(np.ones((1, 1, 1), bool), (10, 30, 20))


@pytest.mark.parametrize("corner", [(0, 0, 0), (20, 59, 89)])
def test_a_ball_at_the_edge_lies_in_the_frame(corner: At) -> None:
    scope = scope_of([EMPTY], [[]], Answers([NOTHING]))
    found = first_regions(scope, places_um(corner), RULES)
    assert found.regions[1] == ball_at(corner)
    assert found.rows.border.all()


def test_seeds_on_the_cells_to_follow_are_no_others() -> None:
    scope = scope_of(drawn_cells([(10, 30, 20)]), [[(10, 30, 21), (10, 29, 20)]])
    assert list(first_regions(scope, places_um((10, 30, 20)), RULES).regions) == [1]


def test_what_is_left_of_a_neighbour_must_be_a_cell() -> None:
    """A seed between two cells to follow, which take what is theirs."""
    scope, cells = (
        scope_of([EMPTY], [[(10, 30, 22)]], Balls()),
        places_um((10, 30, 15), (10, 30, 29)),
    )
    whole = first_regions(scope, cells, RULES).regions
    assert list(whole) == [1, 2, 3]
    strict = replace(RULES, min_size=whole[3].size)
    assert list(first_regions(scope, cells, strict).regions) == [1, 2]


# What is measured


def test_rows_say_what_the_regions_are() -> None:
    regions = [ball_at((10, 30, 20)), ball_at((4, 5, 60))]
    drawn = label_frame(SHAPE, [(10, 30, 20), (4, 5, 60)], 5)
    found = described(
        scope_of([drawn], [[]]), 0, regions[:1], regions[1:], places_um((10, 30, 20)), RULES
    )
    rows = found.rows
    assert found.regions == {1: regions[0], 2: regions[1]}
    assert rows.t.tolist() == [0, 0]
    assert rows.label.tolist() == [1, 2]
    assert rows.size.tolist() == [r.size for r in regions]
    boxes = np.stack([rows.z0, rows.y0, rows.x0, rows.z1, rows.y1, rows.x1], axis=1)
    assert boxes.tolist() == [list(box_of(r)) for r in regions]
    assert rows.seeded.tolist() == [True, False]
    assert rows.border.tolist() == [False, True]
    assert found.places_um((4.0, 1.0, 1.0)) == pytest.approx(
        np.array([r.centroid for r in regions]) * [4, 1, 1]
    )


def test_the_fringe_is_near_the_edge_of_what_was_looked_at() -> None:
    """Cells half a diameter within the reach of a followed one, and beyond that."""
    y = 10 + RULES.reach_um - SEARCH_EDGE_DIAMETERS * RULES.diameter_um
    within, beyond = ball_at((10, int(y) - 1, 20)), ball_at((10, int(y) + 2, 20))
    scope, around = scope_of([EMPTY], [[]]), places_um((10, 10, 20))
    for region, at_search_edge in ((within, False), (beyond, True)):
        found = described(scope, 0, [region], [], around, RULES)
        assert found.rows.at_search_edge.tolist() == [at_search_edge]


@pytest.mark.parametrize("label", [1, -1])
def test_contrast_is_that_to_what_is_around(label: int) -> None:
    """A bright cell, or a dark one in a bright frame, beside others further away."""
    drawn = label * drawn_cells([(10, 30, 20), (10, 30, 60)])[0] + (label < 0)
    scope = scope_of([drawn], [[]])
    found = described(scope, 0, [ball_at((10, 30, 20))], [], places_um((10, 30, 20)), RULES)
    assert found.rows.contrast == pytest.approx([label * (BRIGHT - DARK)])


def test_no_more_than_the_surroundings_of_a_region_is_read() -> None:
    scope = scope_of(drawn_cells([(10, 30, 20)]), [[]])
    described(scope, 0, [ball_at((10, 30, 20))], [], places_um((10, 30, 20)), RULES)
    assert isinstance(scope.volumes, DrawnVolumes)
    assert scope.volumes.read == [21**3]


def test_edges_in_z_count_where_the_profile_says_so() -> None:
    scope, low = scope_of([EMPTY], [[]]), [ball_at((5, 30, 20))]
    assert not described(scope, 0, low, [], places_um((5, 30, 20)), RULES).rows.border.any()
    strict = replace(RULES, edge=Margins(SHAPE, 1, 1))
    assert described(scope, 0, low, [], places_um((5, 30, 20)), strict).rows.border.all()


def test_a_frame_without_regions_has_empty_rows() -> None:
    found = described(scope_of([EMPTY], [[]]), 0, [], [], places_um(), RULES)
    assert (found.regions, len(found.rows)) == ({}, 0)


def test_no_cell_to_follow_is_empty() -> None:
    """Two cells to follow, of which the segmenter finds the first one twice."""
    seen_twice = Answers([ball_at((10, 30, 20), 3.0)] * 2)
    scope = scope_of([EMPTY, EMPTY], [[], []], seen_twice)
    found = first_regions(scope, places_um((10, 30, 20), (10, 30, 30)), RULES)
    assert all(region.size for region in found.regions.values())
    assert found.regions[2].holds((10, 30, 30))


def test_a_cell_in_the_outer_half_of_a_slice_is_a_ball_in_the_frame() -> None:
    """Cells flatter than a slice, of which the segmenter sees none."""
    flat = replace(RULES, spacing_um=(12.0, 1.0, 1.0))
    scope = scope_of([EMPTY], [[]], Answers([NOTHING]))
    (region,) = first_regions(scope, places_um((20.5 * 12.0, 30, 20)), flat).regions.values()
    assert region.holds((20, 30, 20))


def test_every_click_keeps_its_own_voxel() -> None:
    """The first click is at the corner of its voxel, the other one nearer to its middle."""
    one, other = Region(np.ones((1, 1, 2), bool), (10, 30, 20)), ball_at((10, 30, 20))
    clicks = [
        Click(at, r)
        for at, r in zip(
            places_um((10.49, 30.49, 20.49), (9.45, 30, 20)), (one, other), strict=True
        )
    ]
    assert disjoint(clicks, RULES)[0].holds((10, 30, 20))
