"""SAM-Med3D as encode and click: shapes, prompts, and nothing but sizes overridden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sam4ct.models.sam_med3d.network import (
    build_sam_med3d,
    click_masks,
    encode,
    full_size,
    image_size,
    low_size,
    no_mask,
)

SIZES = {
    "encoder_embed_dim": 24,
    "encoder_depth": 1,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0],
    "prompt_embed_dim": 48,
}


@pytest.fixture(scope="module", params=[(32, 8), (48, 16)])
def network(request: pytest.FixtureRequest) -> Any:
    size, patch = request.param
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = build_sam_med3d({**SIZES, "image_size": size, "vit_patch_size": patch})
    return built.requires_grad_(False)


def images(network: Any, count: int) -> torch.Tensor:
    shape = (count, 1, *[image_size(network)] * 3)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def clicks(network: Any, count: int, *points: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(points, dtype=torch.float32)[None].expand(count, -1, -1)


def test_masks_have_the_size_of_the_mask_prompt_whatever_the_network(network: Any) -> None:
    embeddings = encode(network, images(network, 2))
    low = no_mask(network, 2)
    found = click_masks(network, embeddings, clicks(network, 2, (9, 9, 9)), torch.ones(2, 1), low)
    assert found.shape == low.shape == (2, 1, *[low_size(network)] * 3)
    assert full_size(found, image_size(network)).shape == images(network, 2).shape


def test_place_and_kind_of_a_click_and_the_mask_so_far_matter(network: Any) -> None:
    embeddings = encode(network, images(network, 1))
    low, inside = no_mask(network, 1), torch.ones(1, 1)

    def masks(point: tuple[float, ...], kind: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        return click_masks(network, embeddings, clicks(network, 1, point), kind, before)

    first = masks((9, 9, 9), inside, low)
    assert torch.equal(first, masks((9, 9, 9), inside, low))
    assert not torch.allclose(first, masks((9, 9, 20), inside, low))
    assert not torch.allclose(first, masks((9, 9, 9), 1 - inside, low))
    assert not torch.allclose(first, masks((9, 9, 9), inside, low + 5))


def test_crops_of_a_batch_do_not_see_each_other(network: Any) -> None:
    seen, points = images(network, 3), clicks(network, 3, (9, 9, 9), (4, 20, 5))
    labels, low = torch.tensor([[1, 0]] * 3), no_mask(network, 3)
    together = click_masks(network, encode(network, seen), points, labels, low)
    for i in range(3):
        one = slice(i, i + 1)
        alone = click_masks(network, encode(network, seen[one]), points[one], labels[one], low[one])
        assert torch.allclose(together[one], alone, atol=1e-4)


def test_building_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    build_sam_med3d({**SIZES, "image_size": 32, "vit_patch_size": 8})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("key", ["checkpoint_path", "pretrained", "encoder_embed_dims"])
def test_only_sizes_can_be_overridden(key: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"unknown sizes {key}"):
        build_sam_med3d({key: str(tmp_path)})
