"""Compute linear maps and 1 x 1 convolutions with the same result for any number of threads.

For small batches of 1 x 1 convolutions, PyTorch uses one library with one thread and another one
with several threads (`use_mkldnn` in ATen's Convolution.cpp), and the last bits differ. So they are
computed as linear maps of the channels.

MKL multiplies the matrices of linear maps. It promises the same result for any number of threads
(`MKL_CBWR`) on Intel's processors only. On AMD's Zen 5, results differ for matrices of few rows:
for 212 of 4,473 pairs of sizes at 48 rows, 20 at 128, and none of 5,382 from 192 rows on. So
smaller matrices are filled up with rows of zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

LEAST_ROWS = 256
"""A matrix that is multiplied on the CPU gets at least this many rows."""


def linear(vectors: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a linear map to vectors (..., C).

    Args:
        weight: (D, C).
        bias: (D,), or None.

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
        bias: (D,), or None.

    Returns:
        Maps (N, D, [D,] H, W).
    """
    if maps.device.type != "cpu":
        weight = weight.reshape(*weight.shape[:2], *[1] * (maps.dim() - 2))
        return (F.conv2d if maps.dim() == 4 else F.conv3d)(maps, weight, bias)
    return linear(maps.movedim(1, -1), weight.flatten(1), bias).movedim(-1, 1)


def same_for_any_threads(network: Any) -> None:
    """Let a network compute all its linear maps and 1 x 1 convolutions by the functions above."""
    for module in network.modules():
        if _is_pointwise(module):
            module.forward = partial(_forward, pointwise, module)
        elif _is_linear(module):
            module.forward = partial(_forward, linear, module)


def _is_linear(module: Any) -> bool:
    return isinstance(module, nn.Linear)


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
