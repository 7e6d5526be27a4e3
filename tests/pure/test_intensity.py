"""Image preparation: what it may change, and what it must not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from sam4ct.intensity import contrast_nearby, contrasts, prepared, stretched, window_levels

SHAPES = [(40, 50), (4, 40, 50)]


def noise(shape: tuple[int, ...], dtype: str = "uint16") -> NDArray[np.generic]:
    return np.random.default_rng(0).integers(100, 4000, shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_result_is_float32_of_the_same_shape(shape: tuple[int, ...], dtype: str) -> None:
    result = prepared(noise(shape, dtype), median_px=3, gamma=0.5)
    assert (result.dtype, result.shape) == (np.float32, shape)


def test_default_changes_no_value() -> None:
    image = noise((40, 50))
    assert np.array_equal(prepared(image), image)


def test_input_is_left_alone() -> None:
    image = noise((40, 50), "float32")
    before = image.copy()
    prepared(image, median_px=3, gamma=0.5)
    stretched(image)
    assert np.array_equal(image, before)


def test_median_removes_a_hot_pixel() -> None:
    image = np.full((9, 9), 7, np.uint16)
    image[4, 4] = 60000
    assert np.all(prepared(image, median_px=3) == 7)


def test_median_does_not_mix_slices() -> None:
    volume = np.arange(4, dtype=np.uint16)[:, None, None] * np.ones((1, 9, 9), np.uint16)
    assert np.array_equal(prepared(volume, median_px=5), volume)


def test_gamma_below_one_lifts_dim_cells_relative_to_bright_ones() -> None:
    image = np.zeros((100, 100), np.uint16)
    image[10:30, 10:30] = 100
    image[60:90, 60:90] = 1000
    plain, lifted = prepared(image), prepared(image, gamma=0.5)
    assert plain[20, 20] / plain[70, 70] == pytest.approx(0.1)
    assert lifted[20, 20] / lifted[70, 70] == pytest.approx(0.1**0.5, rel=1e-3)


def test_gamma_keeps_the_order_above_the_white_level() -> None:
    image = noise((100, 100))
    image[0, :3] = 10000, 20000, 30000
    result = prepared(image, gamma=0.5)
    assert result[0, 0] < result[0, 1] < result[0, 2]


@pytest.mark.parametrize("gamma", [0.1, 0.5, 2.0])
def test_gamma_does_not_depend_on_the_camera_offset_and_gain(gamma: float) -> None:
    image = noise((60, 60), "float64")
    assert np.allclose(prepared(image, gamma=gamma), prepared(3 * image + 50, gamma=gamma), 1e-3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", [0, 65535])
def test_constant_image_becomes_zero(shape: tuple[int, ...], value: int) -> None:
    image = np.full(shape, value, np.uint16)
    assert not prepared(image, median_px=3, gamma=0.5).any()
    assert not stretched(image).any()


def test_stretched_window_runs_from_zero_at_black_to_one_at_white() -> None:
    window = np.arange(10000, dtype=np.uint16).reshape(100, 100)
    dark, bright = window_levels(window)
    result = stretched(window)
    assert (dark, bright) == (pytest.approx(49.995), pytest.approx(9979.002))
    assert (result.min(), result.max()) == (0.0, pytest.approx(1.0))
    assert result[50, 0] == pytest.approx((5000 - dark) / (bright - dark))
    assert np.all(result[0, :49] == 0)
    assert np.all(result[99, 80:] > 0.99999)


def test_contrast_counts_in_spreads_of_the_background() -> None:
    image = np.tile(np.arange(100.0), (100, 1))  # background: median 49.5, 95th percentile 94.05
    labels = np.zeros((200, 100), np.int32)
    labels[100:150], labels[150:] = 7, 9
    frame = np.vstack([image, np.full((50, 100), 94.05), np.full((50, 100), 4.95)])
    assert contrasts(frame, labels) == pytest.approx([1.0, -1.0])


def test_contrast_does_not_depend_on_exposure() -> None:
    image, labels = noise((60, 60), "float64"), np.zeros((60, 60), np.int32)
    labels[:9, :9], labels[20:40, 20:40] = 1, 2
    assert contrasts(3 * image + 50, labels) == pytest.approx(contrasts(image, labels))


@pytest.mark.parametrize("label", [0, 1])
def test_frame_without_regions_or_without_background_has_no_contrasts(label: int) -> None:
    assert not len(contrasts(noise((9, 9)), np.full((9, 9), label)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize(("bright", "contrast"), [(300, 200.0), (40, -60.0), (100, 0.0)])
def test_contrast_nearby_is_in_grey_values_and_has_a_sign(
    shape: tuple[int, ...], dtype: str, bright: int, contrast: float
) -> None:
    image, mask = np.full(shape, 100, dtype), np.zeros(shape, bool)
    mask[..., 10:20, 10:20] = True
    image[mask] = bright
    assert contrast_nearby(image, mask) == pytest.approx(contrast)


def test_contrast_nearby_bears_other_cells_around_and_counts_all_of_the_cell() -> None:
    image, mask = np.full((40, 50), 100), np.zeros((40, 50), bool)
    mask[10:20, 10:20] = True
    image[10:20, 10:13], image[30:, :] = 300, 5000
    assert contrast_nearby(image, mask) == pytest.approx(60.0)


def test_a_region_that_fills_all_that_is_seen_has_no_contrast_nearby() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(contrast_nearby(noise((9, 9)), np.ones((9, 9), bool)))
