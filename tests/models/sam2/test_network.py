"""SAM 2's steps: each does for many objects what it does for one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from sam2.utils.misc import load_video_frames
from torch import Tensor

from sam4ct.models.sam2.network import (
    Features,
    Memory,
    build_network,
    encode,
    normalised,
    recall,
    remember,
    remember_points,
)
from sam4ct.models.weights.load import load_sam2
from sam4ct.models.weights.manifest import load_manifest

COMPACT = load_manifest().get("compact-sam2")
SIZE = COMPACT.image_size


@pytest.fixture(scope="module")
def network() -> Any:
    return load_sam2(COMPACT, "cpu")


@pytest.fixture(scope="module")
def windows() -> Tensor:
    """Three windows with a bright square each."""
    images = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 0.2
    for i in range(3):
        images[i, 20 + 20 * i : 50 + 20 * i, 40:70] += 0.7
    return images


@pytest.fixture(scope="module")
def features(network: Any, windows: Tensor) -> Features:
    with torch.inference_mode():
        return encode(network, windows)


@pytest.fixture(scope="module")
def masks(windows: Tensor) -> Tensor:
    return (windows > 0.5).float()


def by_points(network: Any, source: Features, masks: Tensor) -> Memory:
    """Remember the same objects by a point in the middle of each."""
    middle = [m.nonzero().float().mean(0).flip(0) for m in masks]
    kinds = torch.ones(len(masks), 1, dtype=torch.int32)
    return remember_points(network, source, torch.stack(middle)[:, None], kinds)


def test_grey_values_are_scaled_as_the_package_scales_frames() -> None:
    defaults = inspect.signature(load_video_frames).parameters
    scaled = normalised(torch.tensor([[[0.0, 1.0]]]))
    for channel, (mean, std) in enumerate(
        zip(defaults["img_mean"].default, defaults["img_std"].default, strict=True)
    ):
        assert scaled[0, channel, 0].tolist() == pytest.approx([-mean / std, (1 - mean) / std])


def test_encodings_run_from_fine_to_coarse(features: Features) -> None:
    assert [tuple(level.shape[-2:]) for level in features.levels] == [(32, 32), (16, 16), (8, 8)]
    assert {len(level) for level in features.levels} == {3}
    assert features.position.shape == features.levels[-1][:1].shape


def test_a_position_is_kept_once_for_all_windows(features: Features) -> None:
    kept = features.position.untyped_storage().nbytes()
    assert kept == features.levels[-1][0].numel() * 4


@torch.inference_mode()
def test_windows_encoded_together_are_as_if_encoded_alone(
    network: Any, windows: Tensor, features: Features
) -> None:
    alone = Features.joined([encode(network, windows[i : i + 1]) for i in range(3)])
    for one, many in zip(alone.levels, features.levels, strict=True):
        torch.testing.assert_close(one, many, atol=1e-4, rtol=1e-4)
    assert torch.equal(alone.position, features.position)


@pytest.mark.parametrize("step", [remember, by_points])
@torch.inference_mode()
def test_objects_remembered_together_are_as_if_remembered_alone(
    network: Any,
    features: Features,
    masks: Tensor,
    step: Callable[[Any, Features, Tensor], Memory],
) -> None:
    together = step(network, features, masks)
    one = torch.tensor([1])
    alone = step(network, features.take(one), masks[1:2])
    # The memory is rounded to bfloat16, which may tip over.
    torch.testing.assert_close(alone.features, together.take(one).features, atol=0.02, rtol=0.02)
    torch.testing.assert_close(alone.pointers, together.take(one).pointers, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_objects_recalled_together_are_as_if_recalled_alone(
    network: Any, features: Features, masks: Tensor
) -> None:
    memory = remember(network, features, masks)
    logits, scores = recall(network, memory, features, gated=False)
    for i in range(3):
        row = torch.tensor([i])
        alone = recall(network, memory.take(row), features.take(row), gated=False)
        torch.testing.assert_close(alone[0], logits[i : i + 1], atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(alone[1], scores[i : i + 1], atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def test_an_object_is_recalled_where_it_was_if_nothing_moves(
    network: Any, features: Features, masks: Tensor
) -> None:
    logits, scores = recall(network, remember(network, features, masks), features, gated=False)
    assert logits.shape == (3, SIZE // 4, SIZE // 4)
    assert (scores > 0).all()
    found, given = logits > 0, masks[:, 2::4, 2::4] > 0
    assert ((found & given).sum((1, 2)) / (found | given).sum((1, 2)) > 0.6).all()


@torch.inference_mode()
def test_memories_have_the_precision_in_which_the_package_stores_them(
    network: Any, features: Features, masks: Tensor
) -> None:
    memory = remember(network, features, masks)
    assert memory.features.dtype == torch.float32
    assert torch.equal(memory.features, memory.features.bfloat16().float())


@torch.inference_mode()
def test_joined_batches_are_the_whole(network: Any, features: Features, masks: Tensor) -> None:
    memory = remember(network, features, masks)
    parts = [torch.tensor([0, 1]), torch.tensor([2])]
    again = Memory.joined([memory.take(part) for part in parts])
    assert torch.equal(again.features, memory.features)
    assert torch.equal(again.pointers, memory.pointers)
    whole = Features.joined([features.take(part) for part in parts])
    assert all(map(torch.equal, whole.levels, features.levels))
    assert (again.nbytes, whole.nbytes) == (memory.nbytes, features.nbytes)


def test_bytes_are_those_of_all_tensors() -> None:
    memory = Memory(torch.zeros(3, 2, 4, 4), torch.zeros(1, 2, 4, 4), torch.zeros(3, 5))
    assert memory.nbytes == 4 * (96 + 32 + 15)
    features = Features((torch.zeros(2, 3, 8, 8),), torch.zeros(2, 64, 3), torch.zeros(1, 3, 8, 8))
    assert features.nbytes == 4 * (384 + 384 + 192)


def test_a_network_is_built_ready_for_use_and_as_the_overrides_say() -> None:
    network = build_network(COMPACT.config, {**COMPACT.overrides, "image_size": 64})
    assert network.image_size == 64
    assert not network.training


def test_an_unknown_configuration_is_not_found() -> None:
    with pytest.raises(FileNotFoundError, match="hiera_xxl"):
        build_network("sam2.1_hiera_xxl", {})
