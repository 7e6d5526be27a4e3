"""Compute 1 x 1 convolutions with the same result for any number of threads.

For small batches of them, PyTorch uses one library with one thread and another library with
several threads (`use_mkldnn` in ATen's Convolution.cpp), and the last bits differ. Here they are
computed as linear maps of the channels, which gives the same bits for any number of threads.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn


def pointwise(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a 1 x 1 convolution to maps (N, C, [D,] H, W).

    Args:
        weight: (D, C), or the weight of a convolution, (D, C, 1, 1[, 1]).
        bias: (D,), or None.

    Returns:
        Maps (N, D, [D,] H, W).
    """
    if maps.device.type != "cpu":
        weight = weight.reshape(*weight.shape[:2], *[1] * (maps.dim() - 2))
        return (F.conv2d if maps.dim() == 4 else F.conv3d)(maps, weight, bias)
    return F.linear(maps.movedim(1, -1), weight.flatten(1), bias).movedim(-1, 1)


def same_for_any_threads(network: Any) -> None:
    """Let a network compute all its 1 x 1 convolutions by `pointwise`."""
    for module in network.modules():
        if _is_pointwise(module):
            module.forward = partial(_forward, module)


def _is_pointwise(module: Any) -> bool:
    return (
        isinstance(module, nn.Conv2d | nn.Conv3d)
        and set(module.kernel_size) == {1}
        and set(module.stride) == {1}
        and module.padding in ((0, 0), (0, 0, 0))
        and module.groups == 1
    )


def _forward(module: Any, maps: Tensor) -> Tensor:
    return pointwise(maps, module.weight, module.bias)
