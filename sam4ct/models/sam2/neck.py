"""Image encoder of SAM 2, from images to the feature levels that are read.

The package's neck also computes a positional encoding of every level and image; one of them is
read. It applies two linear maps to each finer level, with many channels between them: multiplied,
they are one map to the few channels that the decoder needs. The result is the package's for a
configuration of SAM 2.1: four levels, of which only the third adds the one below it, and the
fourth is dropped then.
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
    # The package lists its maps from the coarsest level on.
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
