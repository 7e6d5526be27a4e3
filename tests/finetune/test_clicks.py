"""Clicks: the first inside the object, each further one where the mask is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sam4ct.finetune import clicks
from sam4ct.finetune.clicks import click_rounds, dice, validation_dice
from sam4ct.models.sam_med3d.network import build_sam_med3d

SIZE = 32
SIZES = {
    "encoder_embed_dim": 24,
    "encoder_depth": 1,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0],
    "prompt_embed_dim": 48,
    "image_size": SIZE,
    "vit_patch_size": 8,
}


@pytest.fixture
def network() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_sam_med3d(SIZES)


def box(*slices: slice) -> Tensor:
    mask = torch.zeros((1, 1, SIZE, SIZE, SIZE), dtype=torch.bool)
    mask[0, 0][slices] = True
    return mask


BOXES = torch.cat(
    [
        box(slice(10, 21), slice(4, 15), slice(20, 31)),
        box(slice(0, 3), slice(20, 32), slice(5, 9)),
        box(slice(0, 0)),
    ]
)
IMAGES = torch.where(BOXES, 2.0, -0.5)


class Recorder:
    """Stands in for the network's answers: gives the masks it was told, and keeps the prompts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Tensor) -> None:
        self.answers, self.calls = list(answers), list[tuple[Tensor, Tensor, Tensor]]()
        monkeypatch.setattr(clicks, "click_masks", self.answer)

    def answer(
        self, network: Any, embeddings: Tensor, points: Tensor, labels: Tensor, low: Tensor
    ) -> Tensor:
        self.calls.append((points, labels, low))
        full = self.answers[len(self.calls) - 1].float() * 20 - 10
        return torch.nn.functional.avg_pool3d(full, 2)


def rounds(network: Any, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    return click_rounds(network, IMAGES, BOXES, np.random.default_rng(seed), count)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_click_is_inside_or_near_the_centre_if_nothing_is_there(
    network: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    seen = Recorder(monkeypatch, BOXES)
    rounds(network, 1, seed)
    points, labels, low = seen.calls[0]
    assert labels.tolist() == [[1], [1], [1]]
    assert not low.any()
    for point, mask in zip(points[:2, 0].long(), BOXES[:2, 0], strict=True):
        assert mask[tuple(point)]
    assert (points[2, 0] - SIZE // 2).abs().max() <= SIZE // clicks.STRAY


def test_first_clicks_differ_and_are_rather_in_the_middle() -> None:
    mask = BOXES[0, 0].numpy()
    rng = np.random.default_rng(0)
    drawn = np.array([clicks._drawn_inside(rng, mask) for _ in range(300)])
    assert len(np.unique(drawn, axis=0)) > 100
    uniform = np.abs(np.argwhere(mask) - (15, 9, 25)).max(1).mean()
    assert np.abs(drawn - (15, 9, 25)).max(1).mean() < 0.9 * uniform


def test_what_is_missed_is_clicked_on_and_what_is_too_much_is_clicked_off(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = box(slice(10, 20), slice(4, 14), slice(20, 26))
    large = box(slice(0, 4), slice(20, 32), slice(4, 10))
    ghost = box(slice(10, 14), slice(10, 14), slice(10, 14))
    seen = Recorder(monkeypatch, torch.cat([small, large, ghost]), BOXES)
    rounds(network, 2)
    points, labels, low = seen.calls[1]
    assert labels.tolist() == [[1, 1], [1, 0], [1, 0]]
    missed, extra, wrong = points[:, 1].long()
    assert BOXES[0, 0][tuple(missed)]
    assert not small[0, 0][tuple(missed)]
    assert not BOXES[1, 0][tuple(extra)]
    assert large[0, 0][tuple(extra)]
    assert ghost[0, 0][tuple(wrong)]
    assert torch.equal(points[:, :1], seen.calls[0][0])
    assert (low[0] > 0).any()


def test_the_dice_is_that_of_the_first_click_and_the_loss_that_of_all(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even boxes, so that low-resolution masks are exact."""
    Recorder(monkeypatch, BOXES & False, BOXES)
    loss, first = rounds(network, 2)
    assert first.tolist() == [0, 0, 1]
    Recorder(monkeypatch, BOXES, BOXES)
    better, first = rounds(network, 2)
    assert first.min() > 0.8
    assert better < 0.7 * loss


def test_one_seed_gives_the_same_clicks(network: Any) -> None:
    first, same, other = (rounds(network, 3, seed) for seed in (1, 1, 2))
    assert torch.equal(first[0], same[0])
    assert not torch.equal(first[0], other[0])


def test_objects_of_one_crop_count_as_if_each_had_its_own(network: Any) -> None:
    together = click_rounds(network, IMAGES[:1], BOXES[None, :, 0], np.random.default_rng(0), 1)
    alone = click_rounds(
        network, IMAGES[:1].expand(3, -1, -1, -1, -1), BOXES, np.random.default_rng(0), 1
    )
    assert torch.allclose(together[0], alone[0], rtol=1e-3)
    assert torch.equal(together[1], alone[1])


def test_a_few_steps_on_one_crop_learn_it(network: Any) -> None:
    network.requires_grad_(True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for step in range(30):
        loss, _ = rounds(network, 1, step)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < 0.7 * losses[0]


def test_validation_clicks_on_the_innermost_voxel(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Recorder(monkeypatch, BOXES)
    found = validation_dice(network, IMAGES, BOXES)
    points = seen.calls[0][0][:, 0].tolist()
    assert points == [[15, 9, 25], [1, 21, 6], [16, 16, 16]]
    assert found.shape == (3,)
    assert not found.requires_grad


def test_dice_is_twice_the_common_part_over_both() -> None:
    a = box(slice(0, 4), slice(0, 4), slice(0, 4))
    b = box(slice(0, 4), slice(0, 4), slice(2, 8))
    none = box(slice(0, 0))
    assert dice(a, b).item() == pytest.approx(2 * 32 / (64 + 96))
    assert dice(none, none).item() == 1
    assert dice(a, none).item() == 0
