"""Crops: exactly the voxels asked for, and masks back where they belong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from sam4ct.models.sam_med3d.crops import Crop, CropLaw, cut, cut_mask, located, normalised
from sam4ct.regions import Region

SHAPE = (20, 40, 36)
SPACINGS = [(1.0, 1.0, 1.0), (2.5, 0.5, 0.5), (6.0, 1.0, 1.0), (0.5, 1.0, 1.0)]


@pytest.fixture(scope="module")
def volume() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(1, 9, SHAPE).astype(np.float32)


def ball(
    shape: tuple[int, ...], centre: Sequence[float], radius: float, spacing: Sequence[float]
) -> NDArray[np.bool_]:
    """A ball of a radius in micrometres, centre in voxels."""
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    parts = zip(axes, centre, spacing, strict=True)
    return np.asarray(sum(((a - c) * s) ** 2 for a, c, s in parts) <= radius**2)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def painted(region: Region, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    frame = np.zeros(shape, bool)
    frame[region.box] = region.mask
    return frame


# Native crops


def test_a_native_crop_is_the_voxels_around_the_click(volume: NDArray[np.float32]) -> None:
    crop = CropLaw(size=8, spacing_um=(5.0, 1.0, 1.0)).around((10.3, 20.0, 17.6))
    inside = volume[6:14, 16:24, 14:22]
    assert crop.within((10.3, 20.0, 17.6)) == pytest.approx((4.3, 4.0, 3.6))
    assert np.array_equal(cut(volume, crop).numpy(), inside - inside.min())


@pytest.mark.parametrize("corner", [(0, 0, 0), (19, 39, 35), (0, 39, 17)])
def test_outside_of_the_volume_is_as_dark_as_the_darkest_voxel(
    volume: NDArray[np.float32], corner: tuple[int, ...]
) -> None:
    crop = cut(volume, CropLaw(size=8, spacing_um=(1.0,) * 3).around(corner)).numpy()
    padded = np.pad(volume, 4, constant_values=np.nan)
    z, y, x = corner
    expected = padded[z : z + 8, y : y + 8, x : x + 8]
    assert np.isnan(expected).any()
    assert np.array_equal(crop, np.nan_to_num(expected - np.nanmin(expected)))


def test_a_native_mask_comes_back_exactly(volume: NDArray[np.float32]) -> None:
    mask = volume > 5
    crop = CropLaw(size=8, spacing_um=(5.0, 1.0, 1.0)).around((3, 38, 17))
    logits = cut_mask(mask, crop).float() * 2 - 1
    kept = np.zeros(SHAPE, bool)
    kept[:7, 34:40, 13:21] = mask[:7, 34:40, 13:21]
    assert np.array_equal(painted(located(logits, crop, SHAPE), SHAPE), kept)


def test_coarse_logits_are_interpolated_as_the_network_was_trained() -> None:
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 4, 4)))
    crop = CropLaw(size=8, spacing_um=(1.0,) * 3).around((10, 20, 17))
    fine = F.interpolate(logits[None, None], (8, 8, 8), mode="trilinear", align_corners=False)
    expected = np.zeros(SHAPE, bool)
    expected[6:14, 16:24, 13:21] = (fine[0, 0] > 0).numpy()
    assert np.array_equal(painted(located(logits, crop, SHAPE), SHAPE), expected)


# Crops in micrometres


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_window_is_a_cube_in_micrometres_around_the_click(spacing: tuple[float, ...]) -> None:
    law = CropLaw.of(48, spacing, cell_diameter_px=10, window_diameters=2.4)
    crop = law.around((3.2, 20.7, 17.0))
    assert crop.within((3.2, 20.7, 17.0)) == pytest.approx((24, 24, 24))
    lengths = [48 * step * s for step, s in zip(crop.step, spacing, strict=True)]
    assert lengths == pytest.approx([24 * spacing[-1]] * 3)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("side_um", [12.0, 60.0])
def test_a_linear_volume_is_cut_without_error(spacing: tuple[float, ...], side_um: float) -> None:
    """Finer or coarser than the volume: away from its faces, a ramp stays that ramp."""
    z, y, x = np.meshgrid(*[np.arange(140)] * 3, indexing="ij")
    ramp = (3.0 * z + 2.0 * y + x).astype(np.float32)
    centre = (70.3, 69.5, 71.1)
    crop = CropLaw(size=12, spacing_um=spacing, side_um=side_um).around(centre)
    values = cut(ramp, crop).numpy()
    low = [np.ceil(o - max(1.0, s)) for o, s in zip(crop.origin, crop.step, strict=True)]
    darkest = float(np.dot([3.0, 2.0, 1.0], low))
    # A triangle that is not as wide as a whole number of voxels ripples a little.
    allowed = 1e-2 if max(crop.step) <= 1 else 0.1 * max(crop.step)
    for at in ((0, 0, 0), (6, 6, 6), (11, 5, 2)):
        place = np.array(crop.origin) + np.array(at) * crop.step
        assert values[at] == pytest.approx(place @ [3.0, 2.0, 1.0] - darkest, abs=allowed)


def test_fine_pixels_are_averaged_not_skipped() -> None:
    noise = np.random.default_rng(2).normal(size=(64, 64, 64)).astype(np.float32)
    law = CropLaw(size=8, spacing_um=(1.0,) * 3, side_um=40.0)
    assert cut(noise, law.around((32, 32, 32))).numpy().std() < 0.15


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("centre", [(9.5, 20.2, 17.7), (0, 0, 0), (19, 39, 35), (0, 20, 35)])
def test_a_ball_goes_into_a_crop_and_back(
    spacing: tuple[float, ...], centre: tuple[float, ...]
) -> None:
    radius = 8.0 * spacing[-1]
    drawn = ball(SHAPE, centre, radius, spacing)
    crop = CropLaw.of(48, spacing, 16.0, window_diameters=2.0).around(centre)
    back = located(cut_mask(drawn, crop).float() - 0.5, crop, SHAPE)
    assert iou(painted(back, SHAPE), drawn) > 0.95


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_ball_of_the_crop_is_one_of_the_same_place_and_size_in_the_frame(
    spacing: tuple[float, ...],
) -> None:
    """No shift by half a voxel, whatever the resolution of the logits."""
    centre = (9.4, 20.2, 17.7)
    crop = CropLaw.of(48, spacing, 16.0, window_diameters=2.0).around(centre)
    um = 2.0 * 16.0 * spacing[-1] / 48
    axis = np.arange(24)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    distance = np.linalg.norm(((grid + 0.5) * 2 - 0.5 - 24) * um, axis=-1)
    logits = torch.from_numpy(8.0 * spacing[-1] - distance)
    drawn = ball(SHAPE, centre, 8.0 * spacing[-1], spacing)
    assert iou(painted(located(logits, crop, SHAPE), SHAPE), drawn) > 0.95


def test_a_crop_that_misses_the_frame_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="outside"):
        cut(np.ones(SHAPE), Crop((100.0, 0.0, 0.0), (1.0,) * 3, 8))


def test_only_what_a_crop_needs_is_read(volume: NDArray[np.float32]) -> None:
    class OnDisk:
        shape = SHAPE
        read: tuple[slice, ...] = ()

        def __getitem__(self, box: tuple[slice, ...]) -> NDArray[np.float32]:
            self.read = box
            return volume[box]

    disk = OnDisk()
    crop = CropLaw(size=8, spacing_um=(1.0,) * 3).around((10, 2, 17))
    assert torch.equal(cut(disk, crop), cut(volume, crop))
    assert np.ones(SHAPE, bool)[disk.read].size <= 10 * 8 * 10


# Intensities


def test_positive_voxels_get_zero_mean_and_unit_deviation() -> None:
    crops = torch.rand((2, 6, 6, 6), generator=torch.Generator().manual_seed(0)) * 50 + 7
    crops[:, :3] = 0
    images = normalised(crops)
    assert images.shape == (2, 1, 6, 6, 6)
    lit = images[:, 0, 3:].flatten(1)
    assert lit.mean(1).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert lit.std(1).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert (images[:, 0, :3] < -1).all()


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 100.0), (250.0, 0.0)])
def test_gain_and_offset_of_a_camera_do_not_matter(
    volume: NDArray[np.float32], gain: float, offset: float
) -> None:
    crop = CropLaw(size=16, spacing_um=(1.0,) * 3, side_um=20.0).around((2, 20, 17))
    plain = normalised(cut(volume, crop)[None])
    changed = normalised(cut(volume * gain + offset, crop)[None])
    assert torch.allclose(plain, changed, atol=1e-3)


def test_a_crop_without_contrast_is_zero() -> None:
    crop = CropLaw(size=8, spacing_um=(1.0,) * 3).around((10, 20, 17))
    assert not normalised(cut(np.full(SHAPE, 7, np.uint16), crop)[None]).any()
