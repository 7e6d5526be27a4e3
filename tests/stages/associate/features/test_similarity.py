"""Likeness: what a figure says of two regions is measured on the sequence itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sam4ct.stages.associate.features.similarity import MIN_PAIRS, MISTAKEN, likeness, size_noise


def changes(narrow: float, wide: float, pairs: int = 400) -> tuple[NDArray[np.float64], ...]:
    """Changes of one cell first, of neighbours after them, measured exactly but for a
    thousandth; all a frame apart; which are which."""
    rng = np.random.default_rng(3)
    change = np.concatenate([rng.normal(0.0, narrow, pairs), rng.normal(0.0, wide, pairs)])
    nearest = np.arange(2 * pairs) < pairs
    noise = np.full(2 * pairs, 0.001)
    return change, noise, np.ones(2 * pairs, np.int64), nearest


def test_a_figure_that_is_stable_in_a_cell_tells_it_from_its_neighbours() -> None:
    change, noise, dt, nearest = changes(0.02, 0.4)
    odds = likeness(change, noise, dt, nearest)
    assert np.median(odds[nearest]) > 2.0
    assert np.median(odds[~nearest]) == pytest.approx(np.log(MISTAKEN), abs=0.01)


@pytest.mark.parametrize("narrow", [0.4, 0.8])
def test_a_figure_that_changes_as_much_in_a_cell_says_nothing(narrow: float) -> None:
    odds = likeness(*changes(narrow, 0.4))
    assert np.abs(odds).max() < 0.2


def test_a_common_change_of_all_cells_does_not_count() -> None:
    change, noise, dt, nearest = changes(0.02, 0.4)
    assert likeness(change + 5.0, noise, dt, nearest) == pytest.approx(
        likeness(change, noise, dt, nearest)
    )


def test_wrong_pairs_among_the_nearest_do_not_spoil_the_measure() -> None:
    change, noise, dt, nearest = changes(0.02, 0.4)
    wrong = nearest & (np.arange(len(nearest)) % 5 == 0)
    change[wrong] = 3.0
    odds = likeness(change, noise, dt, nearest)
    assert np.median(odds[nearest & ~wrong]) > 2.0
    assert odds[wrong] == pytest.approx(np.log(MISTAKEN))


def test_what_was_not_measured_says_nothing() -> None:
    change, noise, dt, nearest = changes(0.02, 0.4)
    change[::2] = np.nan
    odds = likeness(change, noise, dt, nearest)
    assert not odds[::2].any()
    assert odds[1::2].any()


def test_too_few_pairs_say_nothing() -> None:
    assert not likeness(*changes(0.02, 0.4, pairs=MIN_PAIRS - 1)).any()
    assert likeness(*changes(0.02, 0.4, pairs=MIN_PAIRS)).any()


def test_steps_of_different_lengths_are_measured_apart() -> None:
    change, noise, dt, nearest = changes(0.02, 0.4)
    far = likeness(
        np.concatenate([change, 10.0 * change]),
        np.concatenate([noise, noise]),
        np.concatenate([dt, 2 * dt]),
        np.concatenate([nearest, nearest]),
    )
    near = likeness(change, noise, dt, nearest)
    assert far[: len(near)] == pytest.approx(near)
    assert far[len(near) :] == pytest.approx(near)


def test_a_figure_that_never_changes_says_no_more_than_measuring_it_allows() -> None:
    change, noise, dt, nearest = changes(0.0, 0.4)
    odds = likeness(change, 20.0 * noise, dt, nearest)
    assert odds.max() == pytest.approx(np.log(0.9 * 20.0 + 0.1), abs=0.2)


@pytest.mark.parametrize("ndim", [2, 3])
def test_size_noise_is_that_of_balls_drawn_anywhere_on_the_grid(ndim: int) -> None:
    rng = np.random.default_rng(0)
    grid = np.moveaxis(np.indices((17,) * ndim), 0, -1)
    places = rng.uniform(7.5, 8.5, (200, ndim))
    sizes = np.array([(((grid - p) ** 2).sum(axis=-1) <= 36).sum() for p in places])
    said = size_noise(sizes, np.full(len(sizes), ndim == 2))
    assert np.median(said) == pytest.approx(np.std(np.log(sizes)), rel=0.5)
