"""Mask decoder of SAM 2 (Ravi et al. 2024); only the outputs that are used are computed.

For every object, the package computes masks at two resolutions, an object pointer and the scores
of all tokens. Here `pointers` computes only the pointer of an object whose mask is given, and
`found_masks` computes only the mask of a remembered object, at the resolution of the decoder, and
its object score. The results equal those of the package for configurations of SAM 2.1 (object
scores, a fixed pointer for absent objects, high-resolution feature levels).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

OBJECT, MASK = 0, 2
"""Indices of two tokens of the decoder: that of the object score, and that of the single mask."""


def pointers(network: Any, top: Tensor, masks: Tensor) -> Tensor:
    """Return the object pointers (K, D) of objects given by their masks.

    Args:
        top: Coarsest feature level of their windows, (K, C, H, W).
        masks: (K, 1, S, S) float, 1 inside the object, at the network's image size.
    """
    shape = network.sam_prompt_encoder.mask_downscaling(network.mask_downsample(masks))
    tokens, _ = network.sam_mask_decoder.transformer(
        top + shape, *_decoder_inputs(network, len(top))
    )
    seen = network.sam_mask_decoder.pred_obj_score_head(tokens[:, OBJECT]) > 0
    given = (masks > 0).flatten(1).any(dim=1, keepdim=True)
    found: Tensor = network.obj_ptr_proj(tokens[:, MASK])
    return torch.where(seen & given, found, network.no_obj_ptr)


def found_masks(network: Any, at: Tensor, fine: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return mask logits (K, S/4, S/4) and object score logits (K,) of remembered objects.

    Args:
        at: Coarsest feature level of the windows to search, after `attention.memory_attended`,
            (K, C, H, W).
        fine: The finer levels, from fine to coarse.
    """
    decoder = network.sam_mask_decoder
    several = network._use_multimask(False, None)
    if several or decoder.dynamic_multimask_via_stability:
        return _best_of_several(network, at, fine, several)
    nothing = network.sam_prompt_encoder.no_mask_embed.weight[:, :, None, None]
    tokens, coarse = decoder.transformer(at + nothing, *_decoder_inputs(network, len(at)))
    first, norm, bent, second, bent_again = decoder.output_upscaling
    middle = first(coarse.transpose(1, 2).unflatten(2, at.shape[-2:])) + fine[1]
    maps = bent_again(second(bent(norm(middle))) + fine[0])
    weights = decoder.output_hypernetworks_mlps[0](tokens[:, MASK])
    logits = (weights[:, None] @ maps.flatten(2)).unflatten(2, maps.shape[-2:])
    return logits[:, 0], decoder.pred_obj_score_head(tokens[:, OBJECT])[:, 0]


def _best_of_several(
    network: Any, at: Tensor, fine: Sequence[Tensor], several: bool
) -> tuple[Tensor, Tensor]:
    """Return the same for a decoder that predicts several masks: the mask of best quality."""
    count = len(at)
    masks, quality, _, scores = network.sam_mask_decoder(
        image_embeddings=at,
        image_pe=network.sam_prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=_no_point(network).expand(count, -1, -1),
        dense_prompt_embeddings=network.sam_prompt_encoder.no_mask_embed.weight[:, :, None, None],
        multimask_output=several,
        repeat_image=False,
        high_res_features=list(fine),
    )
    rows = torch.arange(count, device=at.device)
    return masks[rows, quality.argmax(dim=1)], scores[:, 0]


def _decoder_inputs(network: Any, count: int) -> tuple[Tensor, Tensor]:
    """Return positional encodings (1, C, H, W), and tokens (count, tokens, C) without a prompt."""
    decoder = network.sam_mask_decoder
    own = torch.cat([decoder.obj_score_token.weight, decoder.iou_token.weight])
    tokens = torch.cat([own, decoder.mask_tokens.weight, _no_point(network)])
    return network.sam_prompt_encoder.get_dense_pe(), tokens.expand(count, -1, -1)


def _no_point(network: Any) -> Tensor:
    """Return the embedding of a missing point, twice, (2, C), as the package pads prompts."""
    embedding: Tensor = network.sam_prompt_encoder.not_a_point_embed.weight
    return embedding.expand(2, -1)
