"""Simulated clicks, as in Segment Anything (Kirillov et al. 2023): on the object, then on errors.

Owns how clicks are drawn, and the loss of a network on them. Points are crop voxels (z, y, x).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from sam4ct.models.sam_med3d.network import click_masks, encode, full_size, no_mask

Mask = NDArray[np.bool_]
Voxel = NDArray[np.int64]

STRAY = 12
"""A click on background is off the crop's centre by at most its side over this."""


def click_rounds(
    network: Any, images: Tensor, masks: Tensor, rng: np.random.Generator, rounds: int
) -> tuple[Tensor, Tensor]:
    """Click on objects, correct the masks by further clicks, and return the loss.

    The first click is drawn inside the mask, deep voxels more often. Each further click is drawn
    from the voxels where the mask before is wrong (missing: a click inside; too much: outside),
    and that mask is given with it. A crop with an empty mask is clicked on near its centre, and
    nothing should be found.

    Args:
        network: A SAM-Med3D network.
        images: (B, 1, S, S, S) float32, normalised.
        masks: (B, K, S, S, S) bool, on the same device: K objects of each crop, clicked on one
            by one; each crop is encoded once.
        rng: Draws the clicks.
        rounds: Number of clicks on each object, 1 or more.

    Returns:
        The loss (Dice loss, Milletari et al. 2016, plus cross-entropy), averaged over rounds; and
        the Dice coefficients (B * K,) of the masks of the first click, detached.
    """
    measure = DiceCELoss(sigmoid=True)
    embeddings = encode(network, images).repeat_interleave(masks.shape[1], dim=0)
    masks = masks.flatten(0, 1)[:, None]
    goals = masks[:, 0].cpu().numpy()
    points = _stacked([[_drawn_inside(rng, goal)] for goal in goals], images)
    labels = torch.ones(points.shape[:2], dtype=torch.long, device=images.device)
    low, losses, first = no_mask(network, len(masks)), [], torch.empty(0)
    for number in range(rounds):
        low = click_masks(network, embeddings, points, labels, low)
        logits = full_size(low, images.shape[-1])
        losses.append(measure(logits, masks.float()))
        found = logits.detach() > 0
        if number == 0:
            first = dice(found, masks)
        if number + 1 < rounds:
            pairs = zip(found[:, 0].cpu().numpy(), goals, strict=True)
            drawn = [_correction(rng, mask, goal) for mask, goal in pairs]
            points = torch.cat([points, _stacked([[at] for at, _ in drawn], images)], 1)
            kinds = torch.tensor([[int(inside)] for _, inside in drawn], device=images.device)
            labels = torch.cat([labels, kinds], 1)
    return torch.stack(losses).mean(), first


@torch.no_grad()
def validation_dice(network: Any, images: Tensor, masks: Tensor) -> Tensor:
    """Return the Dice coefficients (B,) of one click on the innermost voxel of each object.

    Args:
        network: A SAM-Med3D network.
        images: (B, 1, S, S, S) float32, normalised.
        masks: (B, 1, S, S, S) bool; for an empty one the click is in the crop's centre.
    """
    points = _stacked([[_innermost(goal)] for goal in masks[:, 0].cpu().numpy()], images)
    return dice(first_masks(network, images, points), masks)


@torch.no_grad()
def first_masks(network: Any, images: Tensor, points: Tensor) -> Tensor:
    """Return the masks (B, 1, S, S, S) of one click each, points (B, 1, 3)."""
    labels = torch.ones(points.shape[:2], dtype=torch.long, device=images.device)
    low = click_masks(
        network, encode(network, images), points, labels, no_mask(network, len(images))
    )
    return full_size(low, images.shape[-1]) > 0


def dice(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the Dice coefficients (B,) of masks (B, ...) with others; 1 where both are empty."""
    a, b = found.flatten(1), wanted.flatten(1)
    total = a.sum(1) + b.sum(1)
    return torch.where(total > 0, 2 * (a & b).sum(1) / total.clamp(min=1), 1.0)


def _depth(mask: Mask) -> tuple[Voxel, NDArray[np.float64]]:
    """Return the voxels (n, 3) of a mask, in array order, and their distances to its outline."""
    box = ndimage.find_objects(mask.astype(np.uint8), max_label=1)[0]
    inside = np.pad(mask[box], 1)
    at = np.argwhere(inside)
    depth = ndimage.distance_transform_edt(inside)[tuple(at.T)]
    return at - 1 + [s.start for s in box], depth


def _drawn_inside(rng: np.random.Generator, mask: Mask) -> Voxel:
    """Draw a voxel of the mask, with its depth as weight; near the centre if it is empty."""
    if not mask.any():
        centre = np.array(mask.shape) // 2
        return centre + rng.integers(-(len(mask) // STRAY), len(mask) // STRAY + 1, mask.ndim)
    at, depth = _depth(mask)
    return np.asarray(at[rng.choice(len(at), p=depth / depth.sum())])


def _innermost(mask: Mask) -> Voxel:
    """Return the deepest voxel of a mask, the first of equals; the centre if it is empty."""
    if not mask.any():
        return np.array(mask.shape) // 2
    at, depth = _depth(mask)
    return np.asarray(at[depth.argmax()])


def _correction(rng: np.random.Generator, found: Mask, goal: Mask) -> tuple[Voxel, bool]:
    """Draw a voxel where a mask is wrong; return it, and whether it belongs to the goal."""
    wrong = np.flatnonzero(found ^ goal)
    if not len(wrong):
        return _drawn_inside(rng, goal), bool(goal.any())
    at = np.array(np.unravel_index(rng.choice(wrong), goal.shape))
    return at, bool(goal[tuple(at)])


def _stacked(points: list[list[Voxel]], like: Tensor) -> Tensor:
    return torch.from_numpy(np.array(points, dtype=np.float32)).to(like.device)
