"""Batches of simulated frame pairs for the training of a compact SAM 2.

Example number i of a seed is the same whichever process draws it and whenever,
so that a training goes on after a kill with the examples it would have had.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sam4ct.finetune.compact.laws import EXAMPLES
from sam4ct.finetune.compact.sam2_examples import Pair, draw_pairs


class SimulatedPairs(Dataset[tuple[Pair, Pair]]):
    """Examples `first` to `first + count` of a seed, each a pair of frames both ways."""

    def __init__(
        self, seed: int, first: int, count: int, window: int, objects: int, kind: str = "first"
    ) -> None:
        """Take what examples to draw; nothing is simulated yet.

        Args:
            seed: Of the examples.
            first: Number of the first one.
            count: How many.
            window: Side of the windows, pixels.
            objects: Prompts per direction.
            kind: One of `laws.EXAMPLES`.
        """
        self._seed, self._first, self._count = seed, first, count
        self._window, self._objects, self._kind = window, objects, kind

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Pair, Pair]:
        if not 0 <= index < self._count:
            raise IndexError(index)
        rng = np.random.default_rng([self._seed, self._first + index])
        draw, turn = EXAMPLES[self._kind]
        return draw_pairs(rng, self._window, self._objects, draw, turn=turn)

    def batches(self, pairs: int, workers: int) -> Iterator[Batch]:
        """Yield the examples in order, `pairs` of them at a time; what is left over is dropped.

        Args:
            pairs: Examples per batch.
            workers: Processes that draw them; 0 draws them here.
        """
        yield from DataLoader(
            self, batch_size=pairs, collate_fn=collate, num_workers=workers, drop_last=True
        )


@dataclass(frozen=True)
class Batch:
    """Windows, and objects to be followed from one of them into another."""

    windows: Tensor
    """(2B, S, S), 0 to 1; pair b has the windows 2b and 2b + 1."""
    source: Tensor
    """(K,) window in which each object is given."""
    target: Tensor
    """(K,) window in which it is to be found."""
    prompts: Tensor
    """(K, S, S) its mask in the source, 1 inside."""
    goals: Tensor
    """(K, S, S) its mask in the target; empty if it is gone."""

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


def collate(examples: list[tuple[Pair, Pair]]) -> Batch:
    """Put pairs of frames together, with the objects of both directions of time."""
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
