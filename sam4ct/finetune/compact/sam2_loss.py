"""Loss and scores of the compact SAM 2: the mask in the other frame, and whether there is one.

Predictions are made by the functions that the engine calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sam4ct.finetune.compact.sam2_batches import Batch
from sam4ct.models.sam2.network import encode, recall, remember

LEAST_PIXELS = 10
"""An object with at most this many pixels in the target window counts as gone."""
ENTROPY_WEIGHT = 5.0
"""Weight of the mask's cross-entropy, relative to its Dice loss."""
SCORE_WEIGHT = 0.2
"""Weight of the object score's loss, relative to that of the masks."""


def predict(network: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return mask logits (K, S, S) and object scores (K,) of every object of a batch."""
    features = encode(network, batch.windows)
    memory = remember(network, features.take(batch.source), batch.prompts)
    low, score = recall(network, memory, features.take(batch.target), gated=False)
    size = batch.prompts.shape[-2:]
    high = F.interpolate(low[:, None], size=size, mode="bilinear", align_corners=False)
    return high[:, 0], score


def is_present(goals: Tensor) -> Tensor:
    """Return which objects are in the target window, (K,) bool, given goals (K, S, S)."""
    return goals.flatten(1).sum(1) > LEAST_PIXELS


def loss(logits: Tensor, score: Tensor, goals: Tensor) -> Tensor:
    """Return the mask loss of present objects plus the loss of the object scores.

    Masks: cross-entropy and Dice loss (Milletari et al. 2016); scores: cross-entropy.
    """
    present = is_present(goals).float()
    entropy = F.binary_cross_entropy_with_logits(logits, goals, reduction="none").mean((1, 2))
    chance = logits.sigmoid()
    common = (chance * goals).sum((1, 2))
    dice = 1 - (2 * common + 1) / (chance.sum((1, 2)) + goals.sum((1, 2)) + 1)
    masks = ((ENTROPY_WEIGHT * entropy + dice) * present).sum() / present.sum().clamp(min=1)
    return masks + SCORE_WEIGHT * F.binary_cross_entropy_with_logits(score, present)


def present_ious(masks: Tensor, goals: Tensor) -> Tensor:
    """Return the intersection over union of present objects, given masks and goals (K, S, S)."""
    there = is_present(goals)
    found, wanted = masks[there] > 0, goals[there] > 0
    return (found & wanted).sum((1, 2)) / (found | wanted).sum((1, 2)).clamp(min=1)


@torch.no_grad()
def validate(network: Any, batches: Iterable[Batch]) -> dict[str, float]:
    """Return the mean IoU of present objects, that of not moving, and the score's accuracy.

    The accuracy is balanced between present and absent objects. A figure is nan if no object of
    the batches allows to measure it.
    """
    found, stayed, kept, lost = [], [], [], []
    for batch in batches:
        logits, score = predict(network, batch)
        there = is_present(batch.goals)
        found.append(present_ious(logits, batch.goals))
        stayed.append(present_ious(batch.prompts, batch.goals))
        kept.append(score[there] > 0)
        lost.append(score[~there] <= 0)
    return {
        "iou": _mean(found),
        "stay_iou": _mean(stayed),
        "score_accuracy": (_mean(kept) + _mean(lost)) / 2,
    }


def _mean(parts: list[Tensor]) -> float:
    return float(torch.cat(parts).float().mean())
