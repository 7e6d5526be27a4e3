"""SAM 2's image encoder from images to feature levels, without what nobody reads.

The package's neck also makes a positional encoding of every level and image, of which one
is read. It takes the finer levels through two linear maps, one after the other and with
many channels in between: together they are one map to the few channels that the decoder
wants. The result is what the package gives with a configuration of SAM 2.1: four levels, of
which only the third takes in the one below it, and the last is dropped then.
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
    # The package counts its maps from the coarsest level.
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
    """Take maps (N, C, H, W) through two convolutions of single pixels, as one."""
    weight = second.weight.flatten(1) @ first.weight.flatten(1)
    bias = second.weight.flatten(1) @ first.bias + second.bias
    return pointwise(maps, weight, bias)
