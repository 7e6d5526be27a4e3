"""Time steps: how far seeds move, measured in distances of neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from sam4ct.stages.follow.time_steps import COARSE, step_by_spacing

GRID = 10.0 * np.stack(np.meshgrid(*(np.arange(4.0),) * 3), axis=-1).reshape(-1, 3)


@pytest.mark.parametrize(("step", "coarse"), [(1.0, False), (2.5, False), (3.5, True)])
def test_a_step_is_measured_by_the_distance_of_neighbours(step: float, coarse: bool) -> None:
    frames = [GRID + np.array([0.0, 0.0, step * t]) for t in range(3)]
    assert step_by_spacing(frames) == pytest.approx(step / 10.0)
    assert (step_by_spacing(frames) > COARSE) == coarse


def test_micrometres_or_any_other_unit_give_the_same() -> None:
    frames = [GRID, GRID + 2.0]
    assert step_by_spacing([7.0 * places for places in frames]) == pytest.approx(
        step_by_spacing(frames)
    )


def test_frames_that_have_nothing_to_do_with_each_other_are_a_whole_distance_apart() -> None:
    rng = np.random.default_rng(0)
    frames = [rng.uniform(0.0, 100.0, (2000, 3)) for _ in range(3)]
    assert step_by_spacing(frames) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("frames", [[], [GRID], [GRID[:1], GRID], [GRID, GRID[:0]]])
def test_frames_that_tell_nothing_are_no_number(frames: list[np.ndarray]) -> None:
    assert np.isnan(step_by_spacing(frames))
