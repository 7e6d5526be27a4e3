"""Memory attention of SAM 2 (Ravi et al. 2024, section 4) with one memory for each object.

The `sam2` package accepts memories of many frames: it repeats positions for every object, and
copies most tensors before it computes. Here each object has one memory, of one other frame, and
all objects share the positions. The first step, self-attention within a window, does not depend
on the object, so it is computed once for each window. The results equal those of the package for
configurations of SAM 2.1 (object pointers are split into tokens and have a projected temporal
position). Dropout is left out: of all networks, only the compact one is trained through this
code, and it has no dropout.
"""

from __future__ import annotations

from typing import Any

import torch
from sam2.modeling.sam2_utils import get_1d_sine_pe
from torch import Tensor

LAST = -1
"""Index of the temporal position for a memory that was made from a prompt."""


def self_attended(network: Any, top: Tensor, position: Tensor) -> Tensor:
    """Apply the first self-attention to windows; it does not use any memory.

    Args:
        top: Coarsest feature level of the windows, (N, C, H, W).
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


def memory_attended(
    network: Any, windows: Tensor, position: Tensor, memory: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """Apply memory attention: the tokens of each window attend to the memory of one object.

    Args:
        windows: Tokens from `self_attended`, one window per object, (K, HW, C).
        position: Positional encoding of the coarsest feature level, (1, C, H, W).
        memory: Spatial memory (K, M, H, W), its positional encoding (1, M, H, W), and object
            pointers (K, C).

    Returns:
        Coarsest feature level, now with what the memory tells of the object, (K, C, H, W).
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
    """Reshape (N, C, H, W) to (N, HW, C)."""
    return maps.flatten(2).transpose(1, 2)
