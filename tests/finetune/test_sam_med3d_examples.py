"""Simulated crops: cells as generation will click on them, and places without a cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam4ct.finetune.compact.sam_med3d_examples import (
    MIN_VOXELS,
    Crops,
    Drawing,
    draw_crops,
    draw_volume,
    simulated_crops,
)

SIZE = 24
DRAWING = Drawing(size=SIZE, window_diameters=2.5, crops=4, objects=3)
VOLUMES = 12


@pytest.fixture(scope="module")
def drawn() -> Crops:
    data = simulated_crops(5, 0, VOLUMES, DRAWING)
    return Crops.joined([data[i] for i in range(VOLUMES)])


def test_crops_are_normalised_cubes_with_a_mask_for_each_object(drawn: Crops) -> None:
    count = VOLUMES * DRAWING.crops
    assert drawn.images.shape == (count, 1, SIZE, SIZE, SIZE)
    assert drawn.masks.shape == (count, DRAWING.objects, SIZE, SIZE, SIZE)
    assert drawn.images.dtype == torch.float32
    assert drawn.masks.dtype == torch.bool
    assert drawn.images.isfinite().all()
    assert drawn.images.abs().max() < 60


def test_a_cell_in_the_centre_is_under_the_click(drawn: Crops) -> None:
    there = drawn.masks[:, 0].flatten(1).any(1)
    h = SIZE // 2
    near = drawn.masks[:, 0, h - 1 : h + 2, h - 1 : h + 2, h - 1 : h + 2].flatten(1).any(1)
    assert torch.equal(near, there)


def test_a_few_clicks_are_on_nothing(drawn: Crops) -> None:
    nothing = ~drawn.masks[:, 0].flatten(1).any(1)
    assert 0 < nothing.float().mean() < 0.3


def test_neighbours_are_other_objects(drawn: Crops) -> None:
    middle, second = drawn.masks[:, 0].flatten(1), drawn.masks[:, 1].flatten(1)
    common = (middle & second).sum(1)
    same = (middle == second).all(1)
    assert (common[~same] <= 0.1 * middle.sum(1)[~same]).all()
    assert (~same).float().mean() > 0.2
    assert (second.sum(1)[~same] >= MIN_VOXELS).all()


def test_cells_of_all_sizes_and_places_are_asked_for(drawn: Crops) -> None:
    there = drawn.masks[:, 0].flatten(1).any(1)
    sizes = drawn.masks[there, 0].flatten(1).sum(1).float()
    assert sizes.max() > 5 * sizes.min()
    middles = [np.argwhere(m.numpy()).mean(0) - SIZE // 2 for m in drawn.masks[there, 0]]
    assert np.abs(middles).max() > 2


def test_volumes_differ_in_slice_distance_and_crowding() -> None:
    laws = [draw_volume(np.random.default_rng(seed)) for seed in range(60)]
    ratios = [law.scale()[0] / law.scale()[-1] for law in laws]
    assert min(ratios) < 1.5
    assert max(ratios) > 6
    assert len({law.optics.look for law in laws}) > 1
    volume = [np.prod(np.multiply(law.shape, law.scale())) / law.law.radius**3 for law in laws]
    crowding = [law.cells / v for law, v in zip(laws, volume, strict=True)]
    assert max(crowding) > 5 * min(crowding)


def test_a_volume_without_cells_is_drawn_again() -> None:
    law = replace(draw_volume(np.random.default_rng(0)), cells=1)
    crops = draw_crops(np.random.default_rng(1), law, DRAWING)
    assert len(crops.images) == DRAWING.crops
