"""Compute linear maps and 1 x 1 convolutions with the same result for any number of threads.

PyTorch computes small batches of 1 x 1 convolutions with one library if it has one thread and
with another if it has several (`use_mkldnn` in ATen's Convolution.cpp); their last bits differ.
As linear maps of the channels, they are always computed in the same way.

MKL, which multiplies the matrices of linear maps, promises the same result for any number of
threads (`MKL_CBWR`) on Intel's processors only. On AMD's Zen 5 it keeps the promise for matrices of
many rows, not of few: of 4,473 pairs of sizes, 212 differed at 48 rows, 20 at 128, none of 5,382
others from 192 rows on. So smaller ones get rows of zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

LEAST_ROWS = 256
"""Of a matrix that is multiplied on the CPU."""


def linear(vectors: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a linear map to vectors (..., C).

    Args:
        weight: (D, C).
        bias: (D,), if any.

    Returns:
        Vectors (..., D).
    """
    lacking = LEAST_ROWS - vectors.shape[:-1].numel()
    if vectors.device.type != "cpu" or lacking <= 0:
        return F.linear(vectors, weight, bias)
    rows = F.pad(vectors.reshape(-1, weight.shape[1]), (0, 0, 0, lacking))
    return F.linear(rows, weight, bias)[:-lacking].reshape(*vectors.shape[:-1], -1)


def pointwise(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a 1 x 1 convolution to maps (N, C, [D,] H, W).

    Args:
        weight: (D, C), or the weight of a convolution, (D, C, 1, 1[, 1]).
        bias: (D,), if any.

    Returns:
        Maps (N, D, [D,] H, W).
    """
    if maps.device.type != "cpu":
        weight = weight.reshape(*weight.shape[:2], *[1] * (maps.dim() - 2))
        return (F.conv2d if maps.dim() == 4 else F.conv3d)(maps, weight, bias)
    return linear(maps.movedim(1, -1), weight.flatten(1), bias).movedim(-1, 1)


def same_for_any_threads(network: Any) -> None:
    """Make a network compute its linear maps and 1 x 1 convolutions as above, from now on."""
    for module in network.modules():
        if _is_pointwise(module):
            module.forward = partial(_forward, pointwise, module)
        elif isinstance(module, nn.Linear):
            module.forward = partial(_forward, linear, module)


def _is_pointwise(module: Any) -> bool:
    return (
        isinstance(module, nn.Conv2d | nn.Conv3d)
        and set(module.kernel_size) == {1}
        and set(module.stride) == {1}
        and module.padding in ((0, 0), (0, 0, 0))
        and module.groups == 1
    )


def _forward(compute: Callable[..., Tensor], module: Any, values: Tensor) -> Tensor:
    return compute(values, module.weight, module.bias)
