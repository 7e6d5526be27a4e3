"""Batches of simulated frame pairs for the training of the compact SAM 2."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sam4ct.finetune.compact.examples import Examples
from sam4ct.finetune.compact.laws import EXAMPLES
from sam4ct.finetune.compact.sam2_examples import Pair, draw_pairs


@dataclass(frozen=True)
class Batch:
    """Windows, and objects to be found again in another window."""

    windows: Tensor
    """(2B, S, S), 0 to 1; pair b has the windows 2b and 2b + 1."""
    source: Tensor
    """(K,) window in which each object is given."""
    target: Tensor
    """(K,) window in which it is searched for."""
    prompts: Tensor
    """(K, S, S) its mask in the source window, 1 inside."""
    goals: Tensor
    """(K, S, S) its mask in the target window; empty if it is gone."""

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


def collate(examples: list[tuple[Pair, Pair]]) -> Batch:
    """Join pairs of frames to a batch, with the objects of both directions of time."""
    windows, source, target, prompts, goals = [], [], [], [], []
    for b, (forward, backward) in enumerate(examples):
        windows.append(forward.windows)
        for pair, at in ((forward, 0), (backward, 1)):
            count = len(pair.source)
            source.append(np.full(count, 2 * b + at))
            target.append(np.full(count, 2 * b + 1 - at))
            prompts.append(pair.source)
            goals.append(pair.target)
    return Batch(
        torch.from_numpy(np.concatenate(windows)),
        torch.from_numpy(np.concatenate(source)),
        torch.from_numpy(np.concatenate(target)),
        torch.from_numpy(np.concatenate(prompts)).float(),
        torch.from_numpy(np.concatenate(goals)).float(),
    )


def simulated_pairs(
    seed: int, first: int, count: int, window: int, objects: int, kind: str = "first"
) -> Examples[tuple[Pair, Pair]]:
    """Return examples of frame pairs, each in both directions of time.

    Args:
        seed: Seed of the examples.
        first: Number of the first one.
        count: How many.
        window: Side of the windows, pixels.
        objects: Prompts per direction.
        kind: One of `laws.EXAMPLES`.
    """
    law, turn = EXAMPLES[kind]
    draw = partial(draw_pairs, window=window, objects=objects, draw=law, turn=turn)
    return Examples(seed, first, count, draw)
