"""SAM 2's memory attention for one memory of each object, that of the frame before.

The package gathers memories of many frames, with their positions for every object, and lays
them out so that most of what follows is copied first. Here there is one, positions are the
same for all objects, and tokens lie one after another. The first thing that the package does
with an object, to let its window attend to itself, has nothing to do with the object: here it
is done once a window. The result is what the package gives with a configuration of SAM 2.1:
pointers split into tokens, with a projected place in time. There is no dropout: published
networks are only asked, and the compact one has none.
"""

from __future__ import annotations

from typing import Any

import torch
from sam2.modeling.sam2_utils import get_1d_sine_pe
from torch import Tensor

LAST = -1
"""Row of the network's places in time that a memory shown by a person has."""


def settled(network: Any, top: Tensor, position: Tensor) -> Tensor:
    """Let windows attend to themselves, which comes before all memories.

    Args:
        top: Coarsest level of the windows' encodings, (N, C, H, W).
        position: Positional encoding of that level, (1, C, H, W).

    Returns:
        Tokens of the windows, (N, HW, C).
    """
    attention, place = network.memory_attention, _tokens(position)
    tokens = _tokens(top).contiguous()
    if attention.pos_enc_at_input:
        tokens = tokens + 0.1 * place
    attended: Tensor = attention.layers[0]._forward_sa(tokens, place)
    return attended


def fused(
    network: Any, windows: Tensor, position: Tensor, memory: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """Fuse what is remembered of K objects into the windows where they are looked for.

    Args:
        windows: Tokens of the windows as `settled` gives them, (K, HW, C).
        position: Positional encoding of the windows' coarsest level, (1, C, H, W).
        memory: Spatial memory (K, M, H, W), its positional encoding (1, M, H, W), and object
            pointers (K, C).

    Returns:
        (K, C, H, W).
    """
    features, place, pointers = memory
    split = pointers.reshape(len(pointers), -1, features.shape[1])
    known = torch.cat([_tokens(features), split], dim=1)
    before = get_1d_sine_pe(pointers.new_ones(1), dim=pointers.shape[1])
    then = network.obj_ptr_tpos_proj(before).expand(1, split.shape[1], -1)
    where = torch.cat([_tokens(place) + network.maskmem_tpos_enc[LAST], then], dim=1)
    here, tokens = _tokens(position), windows
    for i, layer in enumerate(network.memory_attention.layers):
        if i > 0:
            tokens = layer._forward_sa(tokens, here)
        tokens = layer._forward_ca(tokens, known, here, where, split.shape[1])
        inner = layer.activation(layer.linear1(layer.norm3(tokens)))
        tokens = tokens + layer.linear2(inner)
    tokens = network.memory_attention.norm(tokens)
    whole: Tensor = tokens.transpose(1, 2).unflatten(2, position.shape[-2:])
    return whole


def _tokens(maps: Tensor) -> Tensor:
    """(N, C, H, W) to (N, HW, C)."""
    return maps.flatten(2).transpose(1, 2)
