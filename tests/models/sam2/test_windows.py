"""What SAM 2 is shown of a frame, and where its masks go."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scenes.drawn import ball

from sam4ct.geometry import Window
from sam4ct.intensity import BRIGHT, DARK, EPSILON, stretched
from sam4ct.models.sam2.windows import drawn, enlarged, inside, located, shown
from sam4ct.regions import Region

SIZE = 64


def frame(shape: tuple[int, int] = (64, 64)) -> torch.Tensor:
    noise = np.random.default_rng(0).normal(100.0, 20.0, shape)
    return torch.from_numpy(noise.astype(np.float32))


def cropped(image: torch.Tensor, window: Window, size: int) -> torch.Tensor:
    return shown([inside(image, window)], [window], size)[0]


def test_a_window_of_the_networks_size_is_the_image_with_stretched_contrast() -> None:
    image = frame()
    crop = cropped(image, Window(0, 0, SIZE), SIZE).numpy()
    assert crop == pytest.approx(stretched(image.numpy()), abs=1e-5)


@pytest.mark.parametrize("size", [16, 100, 300])
def test_a_crop_has_the_networks_size_and_values_from_0_to_1(size: int) -> None:
    crop = cropped(frame(), Window(10, 20, 30), size)
    assert crop.shape == (size, size)
    assert (crop.min(), crop.max()) == (0.0, 1.0)


@pytest.mark.parametrize("size", [2, 16, 128, 300])
def test_levels_are_the_quantiles_that_torch_finds_by_sorting(size: int) -> None:
    image = frame((40, 50))
    crops = F.interpolate(
        image[None, None, :32, :32], (size, size), mode="bilinear", antialias=True
    )
    samples = crops[0, 0][:: max(1, size // 128), :: max(1, size // 128)]
    dark, bright = torch.quantile(samples.flatten(), torch.tensor([DARK, BRIGHT]) / 100)
    expected = ((crops[0, 0] - dark) / (bright - dark + EPSILON)).clamp(0, 1)
    assert cropped(image, Window(0, 0, 32), size).numpy() == pytest.approx(
        expected.numpy(), abs=2e-5
    )


def test_windows_of_several_sides_are_shown_as_if_alone() -> None:
    image, windows = frame(), [Window(0, 0, 20), Window(-4, 50, 40), Window(5, 5, 20)]
    together = shown([inside(image, w) for w in windows], windows, SIZE)
    assert all(torch.equal(cropped(image, w, SIZE), together[i]) for i, w in enumerate(windows))


def test_masks_of_several_sides_keep_their_order() -> None:
    logits = torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1).expand(3, 4, 4)
    found = enlarged(logits, [Window(0, 0, 8), Window(0, 0, 16), Window(9, 9, 8)])
    assert [(f.rows, f.masks.shape[1], f.masks.float().mean((1, 2)).tolist()) for f in found] == [
        ([0, 2], 8, [0.0, 1.0]),
        ([1], 16, [1.0]),
    ]


def test_a_constant_window_is_black() -> None:
    assert not cropped(torch.full((64, 64), 7.0), Window(0, 0, 32), SIZE).any()


def test_what_lies_outside_the_frame_has_the_median_of_what_lies_inside() -> None:
    image = frame((32, 64))
    crop = cropped(image, Window(-16, 0, SIZE), SIZE)
    outside = torch.cat([crop[:14], crop[-14:]])
    assert (outside == outside[0, 0]).all()
    assert outside[0, 0] == pytest.approx(float(crop[16:-16].median()), abs=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_region_is_drawn_where_it_lies_in_the_window(scale: int) -> None:
    region = Region(ball((64, 64), (30, 40), 9.0), (100, 200))
    mask = drawn([region], [Window(90, 190, 80)], 80 * scale)[0].numpy()
    inside = mask.reshape(80, scale, 80, scale).mean((1, 3)) > 0.5
    expected = np.zeros((80, 80), bool)
    expected[10:74, 10:74] = region.mask
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert np.count_nonzero(inside != expected) <= (0 if scale == 1 else 12)


def test_pixels_of_a_region_outside_the_window_are_left_out() -> None:
    region = Region(np.ones((10, 10), bool), (5, 5))
    assert drawn([region], [Window(10, -4, 16)], 16).sum() == 5 * 7


@pytest.mark.parametrize("window", [Window(0, 0, 64), Window(-20, 30, 80), Window(40, 40, 40)])
def test_a_drawn_region_is_located_where_it_was(window: Window) -> None:
    region = Region(ball((64, 64), (50, 60), 8.0), (0, 0)).tight()
    logits = drawn([region], [window], window.side)[0] - 0.5
    assert located(logits, window, (64, 64)) == region.clipped((64, 64)).tight()


def test_a_mask_beyond_the_frame_is_cut_off() -> None:
    found = located(torch.ones(16, 16), Window(-10, 30, 64), (40, 50))
    assert found == Region(np.ones((40, 20), bool), (0, 30))


def test_no_positive_logit_gives_an_empty_region() -> None:
    assert located(torch.full((16, 16), -1.0), Window(0, 0, 64), (64, 64)).size == 0
