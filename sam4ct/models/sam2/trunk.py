"""Image encoder of SAM 2, Hiera (Ryali et al. 2023), without padding its attention windows.

Hiera attends within windows of 7 or 14 tokens and pads the map of tokens with zeros to whole
windows. The map of a small network fits into one window, so most of the work there is padding.
All padding tokens are alike: one token, whose softmax weight is multiplied by their number,
replaces them with the same result. Blocks with windows smaller than the map are not changed.

The first convolution stores tokens channel by channel. All blocks read them token by token, so
each would reorder them. The convolution is set to store them token by token (channels_last).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from sam2.modeling.backbones.hieradet import MultiScaleBlock, do_pool
from torch import Tensor


def without_padding(network: Any) -> None:
    """Let the encoder of a SAM 2 network compute without padding."""
    network.image_encoder.trunk.patch_embed.proj.to(memory_format=torch.channels_last)
    for block in network.image_encoder.trunk.blocks:
        if block.window_size:
            block.forward = partial(_forward, block)


def _forward(block: Any, x: Tensor) -> Tensor:
    """Return what `MultiScaleBlock.forward` does, for a map of tokens (B, H, W, C)."""
    padding = block.window_size**2 - x.shape[1] * x.shape[2]
    if padding <= 0:
        usual: Tensor = MultiScaleBlock.forward(block, x)
        return usual
    shortcut, x = x, block.norm1(x)
    if block.dim != block.dim_out:
        shortcut = do_pool(block.proj(x), block.pool)
    x = shortcut + _attended(block.attn, x, padding)
    grown: Tensor = x + block.mlp(block.norm2(x))
    return grown


def _attended(attention: Any, x: Tensor, padding: int) -> Tensor:
    """Return the attention of a map of tokens to itself and to `padding` tokens of zeros."""
    count, height, width, _ = x.shape
    heads = attention.num_heads
    q, k, v = attention.qkv(x).reshape(count, height * width, 3, heads, -1).unbind(2)
    # A linear map takes zeros to its bias.
    _, zero_k, zero_v = attention.qkv.bias.to(q.dtype).reshape(3, heads, -1)
    if attention.q_pool:
        q = do_pool(q.reshape(count, height, width, -1), attention.q_pool)
        height, width = q.shape[1:3]
        q = q.reshape(count, height * width, heads, -1)
    k, v = (
        torch.cat([part, zero.expand(count, 1, -1, -1)], dim=1)
        for part, zero in ((k, zero_k), (v, zero_v))
    )
    # exp(x + log(n)) = n * exp(x): log(n) added to a logit multiplies its softmax weight by n.
    bias = q.new_zeros(k.shape[1])
    bias[-1] = math.log(padding)
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    found = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(q.shape[2], -1))
    projected: Tensor = attention.proj(found.transpose(1, 2).reshape(count, height, width, -1))
    return projected
