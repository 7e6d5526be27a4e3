"""Image encoder of SAM 2 (Ravi et al. 2024): from images to the feature levels that are used.

The package computes a positional encoding of every level and image. Only that of the coarsest
level is used, so only that is computed here. To each finer level, the package applies two linear
maps in turn, with many channels between them. Their product is one linear map to the few channels
that the decoder needs. Up to rounding, the results equal those of the package for configurations
of SAM 2.1: there are four levels; the fourth is added to the third, and then dropped.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from sam4ct.models.pointwise import pointwise


def levels_of(network: Any, images: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """Encode images (N, 3, S, S) as the package's `forward_image` does.

    Returns:
        Feature levels from fine to coarse, (N, C, H, W) each, and the positional encoding of
        the coarsest, (1, C, H, W).
    """
    neck, decoder = network.image_encoder.neck, network.sam_mask_decoder
    finest, finer, third, fourth = network.image_encoder.trunk(images)
    # The package lists the convolutions from the coarsest level to the finest.
    to_fourth, to_third, to_finer, to_finest = (step.conv for step in neck.convs)
    below = F.interpolate(to_fourth(fourth), scale_factor=2.0, mode=neck.fpn_interp_model)
    top = to_third(third) + below
    levels = (
        _both(finest, to_finest, decoder.conv_s0),
        _both(finer, to_finer, decoder.conv_s1),
        top,
    )
    return levels, neck.position_encoding(top[:1]).to(top.dtype)


def _both(maps: Tensor, first: Any, second: Any) -> Tensor:
    """Apply two 1 x 1 convolutions to maps (N, C, H, W) as one."""
    weight = second.weight.flatten(1) @ first.weight.flatten(1)
    bias = second.weight.flatten(1) @ first.bias + second.bias
    return pointwise(maps, weight, bias)
