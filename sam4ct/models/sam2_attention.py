"""SAM 2's memory attention for one memory of each object, that of the frame before.

The package gathers memories of many frames, with their positions for every object, and lays
them out so that most of what follows is copied first. Here there is one, positions are the
same for all objects, and tokens lie one after another. The result is what the package gives
with a configuration of SAM 2.1: pointers split into tokens, with a projected place in time.
"""

from __future__ import annotations

from typing import Any

import torch
from sam2.modeling.sam2_utils import get_1d_sine_pe
from torch import Tensor

LAST = -1
"""Row of the network's places in time that a memory shown by a person has."""


def fused(
    network: Any, top: Tensor, position: Tensor, memory: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """Fuse what is remembered of K objects into the windows where they are looked for.

    Args:
        top: Coarsest level of the windows' encodings, (K, C, H, W).
        position: Positional encoding of that level, (1, C, H, W).
        memory: Spatial memory (K, M, H, W), its positional encoding (1, M, H, W), and object
            pointers (K, C).

    Returns:
        (K, C, H, W).
    """
    features, place, pointers = memory
    split = pointers.reshape(len(pointers), -1, features.shape[1])
    tokens = torch.cat([_tokens(features), split], dim=1)
    here = _tokens(place) + network.maskmem_tpos_enc[LAST]
    before = get_1d_sine_pe(pointers.new_ones(1), dim=pointers.shape[1])
    then = network.obj_ptr_tpos_proj(before).expand(1, split.shape[1], -1)
    attended = network.memory_attention(
        curr=_first(_tokens(top).contiguous()),
        curr_pos=_first(_tokens(position)),
        memory=_first(tokens),
        memory_pos=_first(torch.cat([here, then], dim=1)),
        num_obj_ptr_tokens=split.shape[1],
    )
    whole: Tensor = attended.permute(1, 2, 0).unflatten(2, top.shape[-2:])
    return whole


def _tokens(maps: Tensor) -> Tensor:
    """(N, C, H, W) to (N, HW, C)."""
    return maps.flatten(2).transpose(1, 2)


def _first(tokens: Tensor) -> Tensor:
    """(N, tokens, C) to the package's (tokens, N, C)."""
    return tokens.transpose(0, 1)
