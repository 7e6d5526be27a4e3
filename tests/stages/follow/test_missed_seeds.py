"""Missed seeds: where a cell without a seed is clicked, and which answers are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scenes.track_scene import (
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
from sam4ct.stages.follow.missed_seeds import (
    TrackEnd,
    clicks_without_seeds,
    fits_expected_cell,
    place_of,
)
from sam4ct.stages.follow.prompts import Click
from sam4ct.types import Propagated

EMPTY = np.zeros(SHAPE, np.int64)
CELL_BEFORE = ball_at((10, 30, 20))


def tip(*expected: At) -> list[TrackEnd]:
    """Cells with the labels 1, 2, ..., and where they were going."""
    return [TrackEnd(i, at, 0) for i, at in enumerate(places_um(*expected), start=1)]


def asked(
    *expected: At, found: Mapping[int, Propagated] | None = None, seeded: Sequence[Region] = ()
) -> list[tuple[float, ...]]:
    """Where cells are clicked; if nothing is said of what SAM 2 found, it found nothing."""
    segmenter, track_ends = Balls(), tip(*expected)
    nothing = {tip.label: Propagated(NOTHING, -3.0) for tip in track_ends}
    regions = {tip.label: CELL_BEFORE for tip in track_ends}
    scope = scope_of([EMPTY], [[]], segmenter)
    clicks_without_seeds(scope, 0, track_ends, regions, found or nothing, seeded, RULES)
    return [point for _, point in segmenter.asked]


def is_believed(at: At, region: Region, *others: Region, size: int = CELL) -> bool:
    return fits_expected_cell(Click(places_um(at)[0], region), size, others, RULES)


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
    clicks_without_seeds(scope, 0, [cell], {1: CELL_BEFORE}, nothing, [], flat)
    assert segmenter.asked == [(0, (10, 30, 24))]


@pytest.mark.parametrize(("x", "clicked"), [(23, False), (24, True)])
def test_a_place_near_the_middle_of_a_seeds_region_is_not_clicked(x: int, clicked: bool) -> None:
    """A region that reaches there from beside may hide the cell."""
    seeded = [ball_at((10, 30, 60)), ball_at((10, 30, 20))]
    assert ((10, 30, x) in asked((10, 30, x), seeded=seeded)) == clicked


# DaughterPairs


@pytest.mark.parametrize(
    ("y", "radius", "clicked"),
    [(30, 4.0, False), (33, 4.0, False), (35, 4.0, True), (41, 4.0, False), (35, 5.0, False)],
)
def test_the_sister_of_a_daughter_is_looked_for_on_the_other_side(
    y: int, radius: float, clicked: bool
) -> None:
    """A region beside the mother's place, smaller than she was."""
    seeded = [ball_at((10, y, 20), radius)]
    assert ((10, 60 - y, 20) in asked((10, 30, 20), seeded=seeded)) == clicked


def test_the_middle_between_sisters_is_where_the_mother_was_going() -> None:
    """SAM 2 sees the mother in one of them."""
    daughter = ball_at((10, 35, 20), 4.0)
    found = {1: Propagated(daughter, 2.0)}
    assert asked((10, 30, 20), found=found, seeded=[daughter]) == [(10, 25, 20)]


def test_a_sister_is_as_large_as_her_sister() -> None:
    """Not as the mother, of whom she is a fifth."""
    drawn = drawn_cells([(10, 25, 20)])
    small = Balls(3.0)
    scope = scope_of(drawn, [[]], small)
    nothing = {1: Propagated(NOTHING, 0.0)}
    seeded = [ball_at((10, 35, 20), 3.0)]
    found = clicks_without_seeds(
        scope, 0, tip((10, 30, 20)), {1: CELL_BEFORE}, nothing, seeded, RULES
    )
    assert [click.region for click in found] == [ball_at((10, 25, 20), 3.0)]


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


# What may be the cell that is expected


def test_a_region_of_about_the_size_of_the_cell_is_believed() -> None:
    assert is_believed((10, 30, 20), ball_at((10, 30, 20)))


@pytest.mark.parametrize(
    ("size", "accepted"), [(205, False), (206, True), (1287, True), (1288, False)]
)
def test_a_region_must_have_about_the_size_of_the_cell_before(size: int, accepted: bool) -> None:
    region = Region((np.arange(1331) < size).reshape(11, 11, 11), (5, 25, 15)).tight()
    assert is_believed(tuple(region.centroid), region) == accepted


@pytest.mark.parametrize(("size", "accepted"), [(100, False), (101, True)])
def test_without_a_seed_a_region_must_be_larger(size: int, accepted: bool) -> None:
    region = Region((np.arange(125) < size).reshape(5, 5, 5), (8, 28, 18)).tight()
    assert is_believed(tuple(region.centroid), region, size=110) == accepted


@pytest.mark.parametrize(("off", "accepted"), [(7.0, True), (8.0, False)])
def test_a_region_must_be_about_where_it_was_expected(off: float, accepted: bool) -> None:
    assert is_believed((10, 30, 20 + off), ball_at((10, 30, 20))) == accepted


def test_distance_is_that_of_what_is_left() -> None:
    """A region twice as long as a cell, the far half of which is a neighbour's."""
    long = Region(np.ones((7, 7, 20), bool), (7, 27, 16))
    half = Region(np.ones((7, 7, 10), bool), (7, 27, 26))
    assert not is_believed((10, 30, 17), long)
    assert is_believed((10, 30, 17), long, half)


@pytest.mark.parametrize(("covered", "accepted"), [(5, True), (6, False)])
def test_a_region_mostly_in_a_neighbour_is_not_believed(covered: int, accepted: bool) -> None:
    """What is left of it would be large enough for the cell."""
    region = Region(np.ones((8, 8, 10), bool), (6, 26, 15))
    neighbour = Region(np.ones((20, 20, covered), bool), (0, 20, 15))
    assert is_believed((10, 30, 22), region, neighbour, size=400) == accepted
    assert region.mask.all()


def test_an_empty_answer_is_not_believed() -> None:
    assert not is_believed((10, 30, 20), NOTHING)


# Several cells


def test_two_cells_that_are_seen_in_one_place_get_one_region() -> None:
    """The first of them has it; nothing is left for the other."""
    drawn = drawn_cells([(10, 30, 24)])
    track_ends, regions = tip((10, 30, 22), (10, 30, 26)), {1: CELL_BEFORE, 2: CELL_BEFORE}
    nothing = {1: Propagated(NOTHING, 0.0), 2: Propagated(NOTHING, 0.0)}
    scope = scope_of(drawn, [[]], DrawnCells(drawn))
    found = clicks_without_seeds(scope, 0, track_ends, regions, nothing, [], RULES)
    assert [click.region for click in found] == [ball_at((10, 30, 24))]


def test_a_cell_is_compared_with_its_own_size() -> None:
    track_ends, large = tip((10, 30, 20), (10, 30, 60)), ball_at((10, 30, 60), 8)
    nothing = {1: Propagated(NOTHING, 0.0), 2: Propagated(NOTHING, 0.0)}
    scope = scope_of([EMPTY], [[]], Balls())
    found = clicks_without_seeds(
        scope, 0, track_ends, {1: CELL_BEFORE, 2: large}, nothing, [], RULES
    )
    assert [click.region for click in found] == [ball_at((10, 30, 20))]
