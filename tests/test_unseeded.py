"""Unseeded: where a cell without a seed is clicked, and what is believed of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from track_scene import (
    CELL,
    NOTHING,
    RULES,
    SHAPE,
    At,
    Balls,
    DrawnCells,
    ball_at,
    drawn_cells,
    places_um,
    scope_of,
)

from sam4ct.regions import Region
from sam4ct.stages.sight import Click
from sam4ct.stages.unseeded import Tip, believed, place_of, unseeded_regions
from sam4ct.types import Propagated

EMPTY = np.zeros(SHAPE, np.int64)
CELL_BEFORE = ball_at((10, 30, 20))


def tip(*expected: At) -> list[Tip]:
    """Cells with the labels 1, 2, ..., and where they were going."""
    return [Tip(i, at, 0) for i, at in enumerate(places_um(*expected), start=1)]


def asked(
    *expected: At, found: Mapping[int, Propagated] | None = None, seeded: Sequence[Region] = ()
) -> list[tuple[float, ...]]:
    """Where cells are clicked; if nothing is said of what SAM 2 found, it found nothing."""
    segmenter, tips = Balls(), tip(*expected)
    nothing = {tip.label: Propagated(NOTHING, -3.0) for tip in tips}
    regions = {tip.label: CELL_BEFORE for tip in tips}
    scope = scope_of([EMPTY], [[]], segmenter)
    unseeded_regions(scope, 0, tips, regions, found or nothing, seeded, RULES)
    return [point for _, point in segmenter.asked]


def own_part(at: At, region: Region, *others: Region, size: int = CELL) -> Region | None:
    return believed(Click(places_um(at)[0], region), size, others, RULES)


# Where


def test_a_cell_is_clicked_where_sam2_sees_it() -> None:
    assert asked((10, 30, 24), found={1: Propagated(ball_at((10, 30, 30)), 2.0)}) == [(10, 30, 30)]


@pytest.mark.parametrize(
    ("region", "score"),
    [
        (ball_at((10, 30, 30)), 0.0),
        (ball_at((10, 30, 30)), -1.0),
        (ball_at((10, 30, 30), 3), 2.0),
        (ball_at((10, 30, 30), 7), 2.0),
        (NOTHING, 2.0),
    ],
)
def test_where_sam2_is_not_believed_it_is_clicked_where_it_was_going(
    region: Region, score: float
) -> None:
    assert asked((10, 30, 24), found={1: Propagated(region, score)}) == [(10, 30, 24)]


def test_places_are_in_micrometres() -> None:
    flat = replace(RULES, spacing_um=(4.0, 1.0, 1.0))
    (cell,) = tip((40, 30, 24))
    seen = Propagated(ball_at((10, 30, 30)), 2.0)
    assert place_of(cell, CELL_BEFORE, seen, flat) == pytest.approx([40, 30, 30])
    segmenter = Balls()
    nothing = {1: Propagated(NOTHING, 0.0)}
    scope = scope_of([EMPTY], [[]], segmenter)
    unseeded_regions(scope, 0, [cell], {1: CELL_BEFORE}, nothing, [], flat)
    assert segmenter.asked == [(0, (10, 30, 24))]


@pytest.mark.parametrize(("x", "clicked"), [(25, False), (26, True)])
def test_a_place_in_a_region_of_a_seed_is_not_clicked(x: int, clicked: bool) -> None:
    assert (
        bool(asked((10, 30, x), seeded=[ball_at((10, 30, 60)), ball_at((10, 30, 20))])) == clicked
    )


def test_a_hole_in_a_region_is_no_part_of_it() -> None:
    ring = ball_at((10, 30, 20))
    ring.mask[5, 5, 5] = False
    assert asked((10, 30, 20), seeded=[ring]) == [(10, 30, 20)]


@pytest.mark.parametrize(
    ("place", "clicked"),
    [
        ((-0.4, 30, 20), True),
        ((-0.6, 30, 20), False),
        ((20.4, 30, 20), True),
        ((20.6, 30, 20), False),
        ((10, 59.6, 20), False),
        ((10, 30, -0.6), False),
    ],
)
def test_a_place_beyond_the_frame_is_not_clicked(place: At, clicked: bool) -> None:
    assert bool(asked(place)) == clicked


def test_without_cells_nothing_is_asked() -> None:
    assert asked() == []


# What is believed


def test_a_region_of_about_the_size_of_the_cell_is_its_own() -> None:
    ball = ball_at((10, 30, 20))
    assert own_part((10, 30, 20), ball) == ball


@pytest.mark.parametrize(
    ("size", "accepted"), [(205, False), (206, True), (1287, True), (1288, False)]
)
def test_a_region_must_have_about_the_size_of_the_cell_before(size: int, accepted: bool) -> None:
    region = Region((np.arange(1331) < size).reshape(11, 11, 11), (5, 25, 15)).tight()
    found = own_part(tuple(region.centroid), region)
    assert (found is not None) == accepted


@pytest.mark.parametrize(("size", "accepted"), [(100, False), (101, True)])
def test_without_a_seed_a_region_must_be_larger(size: int, accepted: bool) -> None:
    region = Region((np.arange(125) < size).reshape(5, 5, 5), (8, 28, 18)).tight()
    found = own_part(tuple(region.centroid), region, size=110)
    assert (found is not None) == accepted


@pytest.mark.parametrize(("height", "accepted"), [(4, False), (5, True)])
def test_what_neighbours_leave_must_be_larger_too(height: int, accepted: bool) -> None:
    region = Region(np.ones((height, 5, 6), bool), (8, 28, 17))
    neighbour = Region(np.ones((20, 20, 1), bool), (0, 20, 17))
    found = own_part((10, 30, 20), region, neighbour, size=150)
    assert (found is not None) == accepted


@pytest.mark.parametrize(("off", "accepted"), [(7.0, True), (8.0, False)])
def test_a_region_must_be_about_where_it_was_expected(off: float, accepted: bool) -> None:
    assert (own_part((10, 30, 20 + off), ball_at((10, 30, 20))) is not None) == accepted


def test_distance_is_that_of_what_is_left() -> None:
    """A region twice as long as a cell, the far half of which is a neighbour's."""
    long = Region(np.ones((7, 7, 20), bool), (7, 27, 16))
    half = Region(np.ones((7, 7, 10), bool), (7, 27, 26))
    assert own_part((10, 30, 17), long) is None
    assert own_part((10, 30, 17), long, half) == Region(long.mask[:, :, :10], long.corner)


@pytest.mark.parametrize(("covered", "accepted"), [(5, True), (6, False)])
def test_a_region_mostly_in_a_neighbour_is_not_believed(covered: int, accepted: bool) -> None:
    """What is left of it would be large enough for the cell."""
    region = Region(np.ones((8, 8, 10), bool), (6, 26, 15))
    neighbour = Region(np.ones((20, 20, covered), bool), (0, 20, 15))
    found = own_part((10, 30, 22), region, neighbour, size=400)
    assert (found is not None) == accepted
    assert region.mask.all()


def test_what_neighbours_cut_in_two_is_the_larger_part() -> None:
    bar = Region(np.ones((6, 6, 20), bool), (8, 27, 10))
    wall = Region(np.ones((9, 9, 2), bool), (6, 25, 15))
    found = own_part((10, 30, 22), bar, wall)
    assert found == Region(np.ones((6, 6, 13), bool), (8, 27, 17))


def test_an_empty_answer_is_not_believed() -> None:
    assert own_part((10, 30, 20), NOTHING) is None


# Several cells


def test_regions_without_seeds_overlap_nothing() -> None:
    tips, seeded = tip((10, 30, 20), (10, 30, 27)), [ball_at((10, 30, 34))]
    regions = {1: CELL_BEFORE, 2: CELL_BEFORE}
    nothing = {1: Propagated(NOTHING, 0.0), 2: Propagated(NOTHING, 0.0)}
    scope = scope_of([EMPTY], [[]], Balls())
    found = unseeded_regions(scope, 0, tips, regions, nothing, seeded, RULES)
    count = np.zeros(SHAPE, int)
    for region in [*found, *seeded]:
        count[region.box] += region.mask
    assert len(found) == 2
    assert count.max() == 1
    assert found[0] == ball_at((10, 30, 20))


def test_two_cells_that_are_seen_in_one_place_get_one_region() -> None:
    """The first of them has it; nothing is left for the other."""
    drawn = drawn_cells([(10, 30, 24)])
    tips, regions = tip((10, 30, 22), (10, 30, 26)), {1: CELL_BEFORE, 2: CELL_BEFORE}
    nothing = {1: Propagated(NOTHING, 0.0), 2: Propagated(NOTHING, 0.0)}
    scope = scope_of(drawn, [[]], DrawnCells(drawn))
    found = unseeded_regions(scope, 0, tips, regions, nothing, [], RULES)
    assert found == [ball_at((10, 30, 24))]


def test_a_cell_is_compared_with_its_own_size() -> None:
    tips, large = tip((10, 30, 20), (10, 30, 60)), ball_at((10, 30, 60), 8)
    nothing = {1: Propagated(NOTHING, 0.0), 2: Propagated(NOTHING, 0.0)}
    scope = scope_of([EMPTY], [[]], Balls())
    found = unseeded_regions(scope, 0, tips, {1: CELL_BEFORE, 2: large}, nothing, [], RULES)
    assert found == [ball_at((10, 30, 20))]
