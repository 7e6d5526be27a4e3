"""SAM-Med3D (Wang et al. 2023) in two batched steps: encode crops, segment at clicks.

The architecture is built by the `medim` package, and its parts are called. Crops are cubes of the
network's size, points are voxels of the crop (z, y, x).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CONFIG = "SAM-Med3D"
"""Name of the architecture in `medim`."""
SIZES = frozenset(
    {
        "encoder_embed_dim",
        "encoder_depth",
        "encoder_num_heads",
        "encoder_global_attn_indexes",
        "prompt_embed_dim",
        "image_size",
        "vit_patch_size",
    }
)
"""Settings that may be overridden. `medim` also takes a checkpoint, and unpickles it unchecked."""
FINER = 4
"""Voxels of a low-resolution mask for each patch of the encoder, along an axis."""


def build_sam_med3d(overrides: Mapping[str, Any]) -> Any:
    """Build a SAM-Med3D network with random weights, on the CPU, in evaluation mode.

    Args:
        overrides: Sizes (`SIZES`) that differ from the published 128³ network.

    Raises:
        ValueError: An override is not one of `SIZES`.
    """
    import medim

    unknown = sorted(set(overrides) - SIZES)
    if unknown:
        raise ValueError(f"unknown sizes {', '.join(unknown)}; known: {', '.join(sorted(SIZES))}")
    with contextlib.redirect_stdout(io.StringIO()):  # medim prints a line for every network
        network = medim.create_model(CONFIG, **overrides)
    return network.eval()


def image_size(network: Any) -> int:
    """Return the side of the cube that the network sees, voxels."""
    return int(network.image_encoder.img_size)


def low_size(network: Any) -> int:
    """Return the side of the cube of low-resolution logits."""
    return FINER * int(network.prompt_encoder.image_embedding_size[0])


def no_mask(network: Any, count: int) -> Tensor:
    """Return the mask prompt of a first click: zeros (count, 1, L, L, L) on its device."""
    device = next(network.parameters()).device
    return torch.zeros((count, 1, *[low_size(network)] * 3), device=device)


def encode(network: Any, images: Tensor) -> Tensor:
    """Encode normalised crops (B, 1, S, S, S) into (B, C, P, P, P), P patches a side."""
    embeddings: Tensor = network.image_encoder(images)
    return embeddings


def click_masks(
    network: Any, embeddings: Tensor, points: Tensor, labels: Tensor, low_res: Tensor
) -> Tensor:
    """Segment one object in each crop.

    Args:
        embeddings: Encodings of B crops, see `encode`.
        points: (B, N, 3) clicks, crop voxels (z, y, x).
        labels: (B, N) 1 inside the object, 0 outside.
        low_res: (B, 1, L, L, L) logits of the mask so far; see `no_mask`.

    Returns:
        Low-resolution logits (B, 1, L, L, L) float32, positive inside.
    """
    prompts = network.prompt_encoder
    # Half precision cannot hold the coordinates of single voxels.
    with torch.autocast(points.device.type, enabled=False):
        sparse, dense = prompts(points=(points.float(), labels), boxes=None, masks=low_res.float())
        position = prompts.get_dense_pe()
    logits, _ = network.mask_decoder(
        image_embeddings=embeddings,
        image_pe=position,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=False,
    )
    return torch.as_tensor(logits).float()


def full_size(logits: Tensor, size: int) -> Tensor:
    """Interpolate low-resolution logits (B, 1, L, L, L) to the crop's voxels (B, 1, S, S, S)."""
    return F.interpolate(logits, size=(size,) * 3, mode="trilinear", align_corners=False)
