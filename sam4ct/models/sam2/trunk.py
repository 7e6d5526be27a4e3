"""SAM 2's image encoder without the padding of its attention windows.

Hiera attends within windows of 7 or 14 tokens, and pads the map of tokens with zeros up to
whole windows. The map of a small network fits into one of them, and most of what is computed
there is padding. But all padding is alike: to the tokens that are looked for it is one more,
which counts as often as there are padded ones. That gives the same result for a fraction of
the work. Blocks whose windows are smaller than the map stay as the package has them.

Tokens come out of the first convolution channel by channel, but all that follows reads them
one by one, and would put them in order block after block.
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
    """Let a SAM 2 network's encoder do without padding, with tokens in order, from now on."""
    network.image_encoder.trunk.patch_embed.proj.to(memory_format=torch.channels_last)
    for block in network.image_encoder.trunk.blocks:
        if block.window_size:
            block.forward = partial(_forward, block)


def _forward(block: Any, x: Tensor) -> Tensor:
    """What `MultiScaleBlock.forward` gives for a square map of tokens, (B, H, W, C)."""
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
    """Attention of a map of tokens to itself and to so many tokens of zeros."""
    count, height, width, _ = x.shape
    heads = attention.num_heads
    q, k, v = attention.qkv(x).reshape(count, height * width, 3, heads, -1).unbind(2)
    # Of a token of zeros the linear map leaves the bias.
    _, zero_k, zero_v = attention.qkv.bias.to(q.dtype).reshape(3, heads, -1)
    if attention.q_pool:
        q = do_pool(q.reshape(count, height, width, -1), attention.q_pool)
        height, width = q.shape[1:3]
        q = q.reshape(count, height * width, heads, -1)
    k, v = (
        torch.cat([part, zero.expand(count, 1, -1, -1)], dim=1)
        for part, zero in ((k, zero_k), (v, zero_v))
    )
    # Seen so many times: its weight before the softmax is as many times larger.
    bias = q.new_zeros(k.shape[1])
    bias[-1] = math.log(padding)
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    found = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(q.shape[2], -1))
    projected: Tensor = attention.proj(found.transpose(1, 2).reshape(count, height, width, -1))
    return projected
