"""Steady: a jump of the picture is told from all that cells do by themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.stages.repair.stage_shift import (
    FEWEST,
    FURTHEST,
    MIN_STEPS,
    SHORTEST,
    find_jumps,
    jump,
)
from sam4ct.tables import Detections

Places = NDArray[np.float64]
NOTHING = np.zeros((0, 3))


@dataclass(frozen=True)
class Dish:
    """Cells on a dish or in a gel, larger than the frame that shows it; voxels."""

    size: tuple[float, float, float] = (1.0, 700.0, 900.0)
    """Of the frame."""
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    diameter: float = 20.0
    """Of a cell, micrometres."""

    @property
    def goes(self) -> NDArray[np.bool_]:
        """The axes along which anything can move, (3,)."""
        return np.array(self.size) > 1

    def cells(self, rng: np.random.Generator, apart: float = 3.0) -> Places:
        """Random places, on average so many diameters apart, in the frame and far around it."""
        beyond = 12 * self.diameter / np.array(self.spacing) * self.goes
        extent = (self.size + 2 * beyond) * self.spacing / (apart * self.diameter)
        count = round(float(np.prod(extent[self.goes])))
        return np.asarray(rng.uniform(-beyond, self.size + beyond, (count, 3)) * self.goes)

    def moved(self, rng: np.random.Generator, cells: Places, far: float) -> Places:
        """The cells, each gone its own way, some diameters in every direction."""
        step = rng.normal(0.0, far * self.diameter, cells.shape) / self.spacing
        return np.asarray(cells + step * self.goes)

    def seen(
        self,
        rng: np.random.Generator,
        cells: Places,
        shift: ArrayLike = (0, 0, 0),
        *,
        missed: float = 0.0,
        spurious: float = 0.0,
    ) -> Places:
        """What the frame shows after a jump, in a random order, and as badly segmented."""
        there = cells + np.asarray(shift)
        here = there[((there >= 0) & (there < self.size)).all(axis=1)]
        kept = here[rng.random(len(here)) >= missed]
        more = rng.uniform(0, self.size, (round(spurious * len(here)), 3)) * self.goes
        return np.asarray(rng.permutation(np.concatenate([kept, more])))


FLAT = Dish()
DEEP = Dish((40.0, 300.0, 340.0), (2.0, 0.5, 0.5), 10.0)
DISHES = [FLAT, DEEP]


def table(frames: list[Places]) -> Detections:
    """Detections of which nothing but the places matters."""
    places = np.concatenate([*frames, NOTHING])
    count = len(places)
    columns = {name: np.zeros(count, kind) for name, kind in Detections.schema().items()}
    columns["t"] = np.repeat(np.arange(len(frames)), [len(f) for f in frames])
    columns["label"] = np.arange(1, count + 1)
    columns |= dict(zip(("z", "y", "x"), places.T, strict=True))
    return Detections(**columns)


def found(frames: list[Places], dish: Dish = FLAT) -> Jumps:
    return find_jumps(table(frames), dish.spacing, dish.diameter)


# Jumps that are found


@pytest.mark.parametrize(
    ("dish", "shift"),
    [
        (FLAT, (0, 90, -60)),
        (FLAT, (0, -35, 0)),
        (FLAT, (0, 20, 140)),
        (DEEP, (0, 40, -50)),
        (DEEP, (12, 0, 0)),
        (DEEP, (-8, 31, 47)),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_jump_is_found_among_cells_that_go_their_own_ways_and_are_badly_segmented(
    dish: Dish, shift: tuple[int, int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    cells = dish.cells(rng)
    frames = []
    for t in range(4):
        by = shift if t >= 2 else (0, 0, 0)
        frames.append(dish.seen(rng, cells, by, missed=0.1, spurious=0.1))
        cells = dish.moved(rng, cells, 0.1)
    steps = found(frames, dish).by_frame
    assert list(steps) == [2]
    off = np.subtract(steps[2], shift) * dish.spacing
    assert np.abs(off).max() < 0.2 * dish.diameter
    if dish is FLAT:
        assert steps[2][0] == 0


@pytest.mark.parametrize("seed", range(8))
def test_a_jump_is_found_though_it_takes_many_cells_out_of_a_small_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dish = Dish(size=(1.0, 240.0, 260.0))
    cells = dish.cells(rng, apart=1.7)
    gone = dish.moved(rng, cells, 0.08)
    before, after = dish.seen(rng, cells), dish.seen(rng, gone, (0, -80, 90))
    steps = found([before, after]).by_frame
    assert np.abs(np.subtract(steps[1], (0, -80, 90))).max() <= 3


@given(
    st.integers(0, 10_000),
    st.sampled_from(DISHES),
    st.floats(1.0, 6.0),
    st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda way: np.hypot(*way[1:]) > 0.2),
)
def test_the_jump_that_is_put_in_comes_out(
    seed: int, dish: Dish, far: float, way: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(seed)
    direction = np.multiply(way, [0.25, 1.0, 1.0]) * dish.goes
    step = direction / np.linalg.norm(direction) * far * dish.diameter
    shift = np.rint(step / dish.spacing).astype(int)
    cells = dish.cells(rng)
    frames = [dish.seen(rng, cells), dish.seen(rng, dish.moved(rng, cells, 0.02), shift)]
    steps = found(frames, dish).by_frame
    assert list(steps) == [1]
    off = np.subtract(steps[1], shift) * dish.spacing
    # A step as short as a cell is wide may be off by more than longer ones: neighbours are near.
    assert np.abs(off).max() < (0.5 if far < 1.5 else 0.2) * dish.diameter


def test_several_jumps_are_found_each_in_its_frame() -> None:
    rng = np.random.default_rng(0)
    cells = FLAT.cells(rng)
    places = [(0, 0), (0, 0), (50, 0), (50, 0), (50, -80), (0, 0)]
    frames = [FLAT.seen(rng, cells, (0, *place)) for place in places]
    assert found(frames) == Jumps({2: (0, 50, 0), 4: (0, 0, -80), 5: (0, -50, 80)})


def test_a_jump_is_the_same_however_regions_are_ordered_and_asked_for_again() -> None:
    rng = np.random.default_rng(0)
    cells = FLAT.cells(rng)
    frames = [FLAT.seen(rng, cells), FLAT.seen(rng, FLAT.moved(rng, cells, 0.05), (0, 61, 33))]
    first = found(frames)
    assert list(first.by_frame) == [1]
    assert found(frames) == first
    assert found([frame[::-1] for frame in frames]) == first


def test_so_many_regions_that_not_all_are_asked_show_the_jump_too() -> None:
    rng = np.random.default_rng(0)
    large = Dish((1.0, 2500.0, 2500.0))
    cells = large.cells(rng)
    frames = [large.seen(rng, cells), large.seen(rng, cells, (0, 70, 20))]
    assert len(frames[0]) > 1000
    assert found(frames, large) == Jumps({1: (0, 70, 20)})


def test_a_jump_is_in_micrometres_what_it_is_in_voxels_times_their_size() -> None:
    rng = np.random.default_rng(0)
    cells = DEEP.cells(rng)
    frames = [DEEP.seen(rng, cells), DEEP.seen(rng, cells, (5, 30, 0))]
    assert found(frames, DEEP) == Jumps({1: (5, 30, 0)})


def few(seed: int, number: int, ndim: int) -> Places:
    """A few cells at random that do not touch, (number, 3), diameters."""
    rng, axes = np.random.default_rng(seed), np.array([ndim == 3, True, True])
    places: list[Places] = []
    while len(places) < number:
        place = rng.uniform(0.0, 8.0, 3) * axes
        if all(np.linalg.norm(place - other) > 1.2 for other in places):
            places.append(place)
    return np.array(places)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("number", range(FEWEST, 9))
def test_a_jump_of_a_few_cells_is_found_if_all_of_them_make_it(number: int, ndim: int) -> None:
    step = np.array([0.0, 0.6, 2.5])
    for seed in range(10):
        before = few(seed, number, ndim)
        rng = np.random.default_rng(seed)
        off = rng.uniform(-0.05, 0.05, before.shape) * (before.max(axis=0) > 0)
        after = rng.permutation(before + step + off)
        assert jump(before, after) == pytest.approx(step, abs=0.1), seed


# What is no jump


@pytest.mark.parametrize("number", range(1, MIN_STEPS))
def test_a_jump_that_one_of_a_few_cells_does_not_make_is_none(number: int) -> None:
    """Nor is one of so few that chance may lead all of them to others."""
    for seed in range(10):
        before = few(seed, number, 2)
        after = before + np.array([0.0, 0.6, 2.5])
        if number >= FEWEST:
            inner = np.argmin(np.linalg.norm(before - before.mean(axis=0), axis=1))
            after[inner] += np.array([0.0, 0.9, 0.0])
        assert not jump(before, after).any(), seed


def test_a_jump_of_a_few_cells_in_a_row_could_as_well_be_another() -> None:
    row = np.arange(5.0)[:, None] * [0.0, 0.0, 2.0]
    assert not jump(row, row + np.array([0.0, 0.0, 2.0 + 1.0])).any()


def test_two_cells_that_are_led_to_one_tell_of_no_jump() -> None:
    before = few(0, FEWEST, 2)
    near = before + np.array([0.0, 0.1, 0.0])
    step = np.array([0.0, 0.6, 2.5])
    assert jump(before, before + step).any()
    assert not jump(np.concatenate([before, near]), before + step).any()


@pytest.mark.parametrize("dish", DISHES)
@pytest.mark.parametrize(
    ("far", "missed"), [(0.0, 0.0), (0.1, 0.2), (0.3, 0.0), (0.6, 0.1), (1.5, 0.1), (4.0, 0.0)]
)
def test_cells_that_go_their_own_ways_however_fast_are_no_jump(
    dish: Dish, far: float, missed: float
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        cells = dish.cells(rng)
        frames = []
        for _ in range(4):
            frames.append(dish.seen(rng, cells, missed=missed, spurious=missed))
            cells = dish.moved(rng, cells, far)
        assert found(frames, dish) == NO_JUMPS


@pytest.mark.parametrize("dish", DISHES)
def test_frames_that_have_nothing_in_common_are_no_jump(dish: Dish) -> None:
    """By chance some step leads many regions to others, the more so the more crowded they are."""
    for seed in range(25):
        rng = np.random.default_rng(seed)
        apart = float(rng.uniform(1.8, 5.0))
        frames = [dish.seen(rng, dish.cells(rng, apart)) for _ in range(3)]
        assert found(frames, dish) == NO_JUMPS, (seed, apart)


@pytest.mark.parametrize("number", [FEWEST, FEWEST + 1, *range(MIN_STEPS, 25, 3)])
def test_a_few_cells_that_have_nothing_in_common_are_no_jump(number: int) -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        frames = [rng.uniform(0.0, (0, 150, 150), (number, 3)) for _ in range(3)]
        assert found(frames) == NO_JUMPS, seed


@pytest.mark.parametrize("number", range(FEWEST, MIN_STEPS))
def test_crowded_cells_that_have_nothing_in_common_are_no_jump(number: int) -> None:
    """Some step leads all of so few to others, but none of them close to it."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        before, after = (rng.uniform(0.0, (0, 2.5, 2.5), (number, 3)) for _ in range(2))
        assert not jump(before, after).any(), seed


@pytest.mark.parametrize("dish", DISHES)
def test_a_slow_drift_is_left_to_the_motion_of_cells(dish: Dish) -> None:
    """Though by it many more are found again, as many go on a little by themselves, too."""
    rng = np.random.default_rng(0)
    cells, frames = dish.cells(rng), []
    step = (SHORTEST - 0.05) * dish.diameter / dish.spacing[-1]
    for t in range(5):
        frames.append(dish.seen(rng, cells, (0, 0, round(t * step)), missed=0.05))
        cells = dish.moved(rng, cells, 0.1)
    assert found(frames, dish) == NO_JUMPS


def test_a_part_of_the_cells_that_goes_one_way_is_no_jump_of_all() -> None:
    rng = np.random.default_rng(0)
    cells = FLAT.cells(rng)
    flow = np.where(np.arange(len(cells))[:, None] % 5 < 2, (0, 0, 60), (0, 0, 0))
    frames = [FLAT.seen(rng, cells), FLAT.seen(rng, cells + flow)]
    assert found(frames) == NO_JUMPS


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_of_cells_among_others_that_come_and_go_is_no_jump(seed: int) -> None:
    """Two in five go one way, one in ten stays, and all others are new."""
    rng = np.random.default_rng(seed)
    before = rng.uniform(0, 30, (100, 3)) * [0, 1, 1]
    after = rng.permutation(rng.uniform(0, 30, (100, 3)) * [0, 1, 1])
    after[:50] = before[:50]
    after[10:50] += [0, 0, 3]
    assert not jump(before, after).any()


@pytest.mark.parametrize("seed", range(4))
def test_a_jump_that_could_as_well_be_another_is_none(seed: int) -> None:
    """Of cells in rows and columns each has others at many steps."""
    rng = np.random.default_rng(seed)
    rows = np.arange(-12.0, 26.0, 1.9)
    grid = np.stack(np.meshgrid([0.0], rows, rows), axis=-1).reshape(-1, 3)
    cells = grid + rng.normal(0, 0.15, grid.shape) * [0, 1, 1]
    gone = cells + rng.normal(0, 0.05, grid.shape) * [0, 1, 1] + [0, -7, 5.2]
    before, after = (c[((c >= 0) & (c < 14)).all(axis=1)] for c in (cells, gone))
    assert not jump(before, after).any()


@pytest.mark.parametrize("seed", range(4))
def test_a_far_jump_is_found_though_nearer_steps_bring_more_regions_onto_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.uniform(-10, 24, (452, 3)) * [0, 1, 1]
    gone = cells + np.array([0, -5.5, 5.2])
    before, after = (c[((c >= 0) & (c < 14)).all(axis=1)] for c in (cells, gone))
    assert jump(before, after) == pytest.approx([0, -5.5, 5.2], abs=0.1)


def test_a_lattice_that_stays_is_no_jump_though_it_would_fit_again() -> None:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid([0.0], *[np.arange(14) * 50.0] * 2), axis=-1).reshape(-1, 3)
    frames = [FLAT.seen(rng, grid, missed=0.25, spurious=0.05) for _ in range(6)]
    assert found(frames) == NO_JUMPS


def test_too_few_regions_to_jump_to_tell_nothing() -> None:
    """Every region was cut in two before, so that there are enough of those."""
    rng = np.random.default_rng(0)
    cells = rng.uniform(0, (0, 20, 20), (MIN_STEPS, 3))
    before, after = np.repeat(cells, 2, axis=0), cells + np.array([0, 2, 1])
    assert jump(before, after) == pytest.approx([0, 2, 1])
    assert not jump(before[:-2], after[:-1]).any()


def test_where_most_regions_are_where_they_were_nothing_has_jumped() -> None:
    """Whatever else there is to see: here a copy of all, a few diameters away."""
    cells = np.random.default_rng(0).uniform(0, (0, 40, 40), (20, 3))
    copy = cells + np.array([0, 3, 4])
    assert jump(cells, np.concatenate([cells[:15], copy])) == pytest.approx([0, 3, 4])
    assert not jump(cells, np.concatenate([cells[:16], copy])).any()


def test_beyond_a_number_of_diameters_no_jump_is_sought() -> None:
    rng = np.random.default_rng(0)
    cells = rng.uniform(0, (0, 40, 40), (60, 3))
    near, far = (np.array([0, 0, FURTHEST + more]) for more in (-0.5, 0.5))
    assert jump(cells, cells + near) == pytest.approx(near)
    assert not jump(cells, cells + far).any()


@pytest.mark.parametrize("empty", [[0], [1], [2], [1, 2], [0, 1, 2]])
def test_empty_frames_tell_nothing(empty: list[int]) -> None:
    rng = np.random.default_rng(0)
    cells = FLAT.cells(rng)
    frames = [FLAT.seen(rng, cells, (0, 60 * t, 0)) for t in range(3)]
    usual = Jumps({1: (0, 60, 0), 2: (0, 60, 0)})
    assert found(frames) == usual
    for t in empty:
        frames[t] = NOTHING
    left = {t: s for t, s in usual.by_frame.items() if not {t - 1, t} & set(empty)}
    assert found(frames) == Jumps(left)


def test_no_region_at_all_is_no_jump() -> None:
    assert found([]) == NO_JUMPS
