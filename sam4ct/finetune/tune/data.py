"""Patches as fine-tuning shows them: shifted, flipped, normalised, in batches.

An epoch and its order depend only on seed, epoch and patch: not on the number of processes, nor
on what was shown before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sam4ct.finetune.patches.files import FOLDER, Patch, margin_of, read_patch
from sam4ct.models.sam_med3d.crops import normalised


class Stream(IntEnum):
    """Purposes of random numbers, so that none are used twice."""

    ORDER = 0
    MOVE = 1
    CLICK = 2


def generator(seed: int, stream: Stream, *place: int) -> np.random.Generator:
    """Return the generator of one purpose and place, e.g. an epoch and a patch."""
    return np.random.default_rng([seed, stream, *place])


@dataclass(frozen=True)
class Batch:
    """Patches as a network sees them."""

    items: tuple[int, ...]
    """Their numbers in the list of patches."""
    images: Tensor
    """(B, 1, S, S, S) float32, normalised."""
    masks: Tensor
    """(B, 1, S, S, S) bool."""

    def to(self, device: torch.device) -> Batch:
        return Batch(self.items, self.images.to(device), self.masks.to(device))


@dataclass(frozen=True)
class Patches(Dataset[tuple[int, Tensor, Tensor]]):
    """Patches of a folder, cropped to the network's size."""

    folder: Path
    patches: Sequence[Patch]
    size: int
    """Side of the cube that the network sees, voxels."""
    moved_by: tuple[int, int] | None = None
    """Seed and epoch of random shifts and flips; None: as in a run."""

    def __len__(self) -> int:
        return len(self.patches)

    def __getitem__(self, item: int) -> tuple[int, Tensor, Tensor]:
        image, mask = read_patch(self.folder / FOLDER / self.patches[item].file)
        if self.moved_by is None:
            at = [margin_of(self.size)] * 3
            return item, _part(image, at, self.size), _part(mask, at, self.size)
        seed, epoch = self.moved_by
        rng = generator(seed, Stream.MOVE, epoch, item)
        at = rng.integers(0, 2 * margin_of(self.size), 3, endpoint=True).tolist()
        flips = [axis for axis in range(3) if rng.random() < 0.5]
        # z is never exchanged with y or x: slices are coarser, or blurred by resampling.
        axes = (0, 2, 1) if rng.random() < 0.5 else (0, 1, 2)
        image, mask = (
            _part(voxels, at, self.size).flip(flips).permute(axes) for voxels in (image, mask)
        )
        return item, image, mask

    def batches(self, parts: Sequence[list[int]], workers: int) -> Iterator[Batch]:
        """Yield batches of patches.

        Args:
            parts: Patch numbers of each batch.
            workers: Processes that read; 0 reads here.
        """
        yield from DataLoader(self, batch_sampler=parts, collate_fn=_together, num_workers=workers)


def _part(voxels: Tensor, at: Sequence[int], size: int) -> Tensor:
    z, y, x = at
    return voxels[z : z + size, y : y + size, x : x + size]


def _together(examples: list[tuple[int, Tensor, Tensor]]) -> Batch:
    items, images, masks = zip(*examples, strict=True)
    return Batch(tuple(items), normalised(torch.stack(images)), torch.stack(masks)[:, None])
