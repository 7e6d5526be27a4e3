"""The encoder without padding: what the package's gives, with less to do."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sam4ct.models.sam2.network import build_network, encode
from sam4ct.models.sam2.trunk import without_padding
from sam4ct.models.weights.load import load_sam2
from sam4ct.models.weights.manifest import load_manifest

COMPACT = load_manifest().get("compact-sam2")


def tokens_of(network: Any, size: int) -> int:
    """Tokens that go through attention for one window."""
    seen = 0

    def count(_: Any, inputs: tuple[torch.Tensor]) -> None:
        nonlocal seen
        seen += inputs[0].shape[:-1].numel()

    blocks = network.image_encoder.trunk.blocks
    hooks = [block.attn.qkv.register_forward_pre_hook(count) for block in blocks]
    encode(network, torch.rand(1, size, size))
    for hook in hooks:
        hook.remove()
    return seen


@torch.inference_mode()
def test_the_compact_network_encodes_as_before_with_half_of_the_tokens() -> None:
    windows = torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(0))
    network = load_sam2(COMPACT, "cpu")
    usual, tokens = encode(network, windows), tokens_of(network, 128)
    without_padding(network)
    for one, other in zip(encode(network, windows).levels, usual.levels, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-5)
    maps = (32**2, 32**2, 16**2, 16**2, 8**2, 8**2, 8**2, 8**2, 4**2)
    assert tokens_of(network, 128) == sum(maps) < tokens


@pytest.mark.parametrize("size", [64, 96, 160, 256])
@torch.inference_mode()
def test_networks_of_other_sizes_encode_as_before(size: int) -> None:
    """Windows larger than the map, of its size, and smaller, with and without padding."""
    torch.manual_seed(0)
    network = build_network(COMPACT.config, {**COMPACT.overrides, "image_size": size})
    for block in network.image_encoder.trunk.blocks:
        torch.nn.init.normal_(block.attn.qkv.bias)  # 0 in a new network
    windows = torch.rand(2, size, size)
    usual = encode(network, windows)
    without_padding(network)
    for one, other in zip(encode(network, windows).levels, usual.levels, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-5)
