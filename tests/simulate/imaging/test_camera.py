"""What is done to a simulated frame before it is stored, and what else is in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sam4ct.simulate.imaging.camera import Camera, CameraLaw, compressed

both_dimensions = pytest.mark.parametrize("shape", [(48, 60), (3, 48, 60)])
NOTHING = CameraLaw(pedestal=0.0)


def camera(law: CameraLaw, shape: tuple[int, ...]) -> Camera:
    return Camera(np.random.default_rng(0), law, shape, np.ones(len(shape)))


def waves(shape: tuple[int, ...]) -> np.ndarray:
    """A picture with coarse and fine structure."""
    y, x = np.ogrid[: shape[-2], : shape[-1]]
    plane = np.sin(y / 7.0) + np.cos(x / 5.0) + 0.1 * (-1.0) ** (x + y)
    return np.broadcast_to(plane, shape).astype(np.float32)


@both_dimensions
def test_a_camera_without_faults_shows_what_is_there(shape: tuple[int, ...]) -> None:
    taken = camera(NOTHING, shape).taken(waves(shape))
    assert taken.dtype == np.float32
    assert np.array_equal(taken, waves(shape))


@both_dimensions
def test_dirt_stays_and_specks_and_clutter_go_with_the_stage(shape: tuple[int, ...]) -> None:
    law = replace(NOTHING, dirt=5, clutter=0.2, specks=4)
    taker, empty = camera(law, shape), np.zeros(shape, np.float32)
    taker._restless[:] = False
    shift = np.array([0.0] * (len(shape) - 2) + [4.0, 7.0])
    still, moved = taker.backdrop(0.0 * shift), taker.backdrop(shift)
    assert np.allclose(np.roll(still, (4, 7), (-2, -1)), moved, atol=1e-5)
    assert still.std() > 0.1
    dirt = taker.taken(empty)
    assert np.array_equal(dirt, taker.taken(empty))
    assert dirt.std() > 0.01


@both_dimensions
def test_uneven_light_takes_as_much_as_asked_for_at_the_darkest_place(
    shape: tuple[int, ...],
) -> None:
    law = CameraLaw(shade=0.6, pedestal=1.0)
    taken = camera(law, shape).taken(np.zeros(shape, np.float32))
    assert taken.min() == pytest.approx(0.4, abs=0.01)
    assert taken.max() > 0.9


@both_dimensions
def test_a_picture_has_no_more_grey_levels_than_asked_for(shape: tuple[int, ...]) -> None:
    taken = camera(replace(NOTHING, levels=12), shape).taken(waves(shape))
    assert 8 <= len(np.unique(taken.round(4))) <= 13
    assert np.abs(taken - waves(shape)).max() < 0.6 * np.ptp(waves(shape)) / 12


@both_dimensions
def test_compression_loses_what_is_fine_before_what_is_slow(shape: tuple[int, ...]) -> None:
    picture = waves(shape)
    assert np.abs(compressed(picture, 1e-5) - picture).max() < 1e-3
    lossy = compressed(picture, 0.5)
    assert lossy.shape == picture.shape
    fine = np.abs(np.diff(np.diff(lossy, axis=-1), axis=-1)).mean()
    assert fine < 0.5 * np.abs(np.diff(np.diff(picture, axis=-1), axis=-1)).mean()
    assert np.corrcoef(lossy.ravel(), picture.ravel())[0, 1] > 0.9


def test_the_focus_changes_from_frame_to_frame_about_the_usual() -> None:
    taker = camera(replace(NOTHING, refocus=0.3), (8, 8))
    blurs = [taker.blur(2.0) for _ in range(200)]
    assert np.median(blurs) == pytest.approx(2.0, rel=0.15)
    assert np.std(np.log(blurs)) == pytest.approx(0.3, rel=0.3)
    assert camera(NOTHING, (8, 8)).blur(2.0) == 2.0
