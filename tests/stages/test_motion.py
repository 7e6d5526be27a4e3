"""Motion: neighbours tell how a region moves, whatever a few of them do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sam4ct.stages.motion import MIN_STEPS, NEIGHBOURS, paired_motion

RNG = np.random.default_rng(0)


def rows(count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return RNG.uniform(0.0, 50.0, (count, 3)), np.arange(count)


def moved(step: NDArray[np.float64], count: int = 40) -> NDArray[np.float64]:
    here, source = rows(count)
    frames, nearest = np.zeros(count, np.int64), np.ones(count, bool)
    return paired_motion(here, here + step, source, frames, nearest)


def test_what_all_cells_do_is_found() -> None:
    assert moved(np.array([1.0, -2.0, 3.0])) == pytest.approx(np.tile([1.0, -2.0, 3.0], (40, 1)))


def test_a_cell_that_moves_otherwise_sees_its_neighbours_move() -> None:
    step = np.tile([1.0, 0.0, 0.0], (40, 1))
    step[7] = [0.0, 30.0, 0.0]
    assert moved(step) == pytest.approx(np.tile([1.0, 0.0, 0.0], (40, 1)))


def test_only_pairs_of_nearest_regions_are_asked() -> None:
    here, source = rows(40)
    step = np.zeros((40, 3))
    step[::2] = [0.0, 0.0, 9.0]
    nearest = np.arange(40) % 2 == 1
    found = paired_motion(here, here + step, source, np.zeros(40, np.int64), nearest)
    assert not found.any()


def test_pairs_of_frames_move_each_by_itself() -> None:
    here, source = rows(40)
    frames = np.arange(40) % 2
    step = np.where(frames[:, None] == 1, [0.0, 0.0, 4.0], [0.0, 0.0, -1.0])
    found = paired_motion(here, here + step, source, frames, np.ones(40, bool))
    assert found == pytest.approx(step)


def test_too_few_pairs_are_taken_to_stand_still() -> None:
    assert not moved(np.array([1.0, 1.0, 1.0]), MIN_STEPS - 1).any()
    assert moved(np.array([1.0, 1.0, 1.0]), MIN_STEPS).any()


def test_no_rows_have_no_motion() -> None:
    nothing = np.zeros((0, 3))
    none = np.zeros(0, np.int64)
    assert paired_motion(nothing, nothing, none, none, np.zeros(0, bool)).shape == (0, 3)


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_median_of_the_nearest_pairs_that_are_not_ones_own(seed: int) -> None:
    """Two pairs of frames of a few regions each, which have up to three rows in any order."""
    rng = np.random.default_rng(seed)
    region = rng.integers(0, 12, 50)
    frames = rng.integers(0, 2, 50)
    here = rng.uniform(0.0, 50.0, (2, 12, 3))[frames, region]
    there, nearest = here + rng.normal(0.0, 3.0, (50, 3)), rng.random(50) < 0.7
    source = 12 * frames + region
    found = paired_motion(here, there, source, frames, nearest)
    for row in range(50):
        pairs = np.flatnonzero(nearest & (frames == frames[row]))
        far = np.linalg.norm(here[pairs] - here[row], axis=1)
        asked = pairs[np.argsort(far, kind="stable")][: NEIGHBOURS + 1]
        # Rows of one region are equally far; which of them are asked may differ at the end.
        if np.diff(np.sort(far))[NEIGHBOURS : NEIGHBOURS + 1].min(initial=1.0) < 1e-9:
            continue
        others = asked[source[asked] != source[row]]
        expected = np.median((there - here)[others], axis=0)
        assert found[row] == pytest.approx(expected), row
