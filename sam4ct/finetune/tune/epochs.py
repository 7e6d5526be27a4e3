"""Fine-tuning of a SAM-Med3D network on patches, epoch by epoch.

An epoch shows every training patch once, and then validates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sam4ct.errors import WorkError
from sam4ct.finetune.clicks import click_rounds, validation_dice
from sam4ct.finetune.loop.curve import Row
from sam4ct.finetune.loop.trainer import Trainer
from sam4ct.finetune.patches.files import Index
from sam4ct.finetune.tune.data import Batch, Patches, Stream, generator
from sam4ct.models.device import precision
from sam4ct.models.sam_med3d.network import image_size


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Settings of a fine-tuning."""

    epochs: int = 20
    batch: int = 4
    """Largest number of patches that a device holds at once."""
    accumulate: int = 1
    """A step learns from this many times `batch` patches, all processes together."""
    learning_rate: float = 2e-4
    """The highest, after the warm-up."""
    weight_decay: float = 0.01
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises; then it falls as a cosine
    (Loshchilov and Hutter 2017)."""
    rounds: int = 3
    """Clicks on each patch: the first on the object, the others where the mask is wrong."""
    seed: int = 1
    workers: int = 0
    """Processes that read patches, for each process that learns; 0: it reads them itself."""

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, counted from 0, of `steps`."""
        rising = max(1, round(self.warmup * steps))
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        gone = (step - rising) / max(1, steps - rising)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * gone))


class Epochs:
    """The epochs of a fine-tuning, in one of its processes."""

    def __init__(self, trainer: Trainer, folder: Path, index: Index, settings: Tuning) -> None:
        """Take a trainer of a SAM-Med3D network.

        Args:
            trainer: Its processes share the work.
            folder: The patch folder.
            index: What the folder holds.
            settings: The same in all processes.

        Raises:
            WorkError: A step has fewer patches than there are processes.
        """
        self._trainer, self._processes = trainer, trainer.processes
        self._folder, self._size = folder, image_size(trainer.network)
        self._training, self._validation = index.of("training"), index.of("validation")
        self._settings = settings
        step = min(settings.batch * settings.accumulate, len(self._training))
        if step < self._processes.count:
            raise WorkError(
                f"{folder}: {self._processes.count} processes cannot share a step of {step}"
                " patches. Use fewer processes, a larger --batch or --accumulate, or more patches."
            )
        self._steps = len(self._training) // step

    def row(self) -> Row:
        """Do the next epoch; return its row of the curve. Epoch 0 only validates."""
        number = len(self._trainer.curve)
        learned: Row = {"loss": None, "train_dice": None, "learning_rate": None}
        if number:
            learned = self._learn(number)
        return {"epoch": number, **learned, "validation_dice": round(self.validate(), 6)}

    def _learn(self, epoch: int) -> Row:
        """Show every training patch once; return means of loss and first clicks' Dice."""
        order = generator(self._settings.seed, Stream.ORDER, epoch)
        shuffled = order.permutation(len(self._training))
        # No patch is left over: some steps have a few more than others.
        shown = [part.tolist() for part in np.array_split(shuffled, self._steps)]
        mine = [self._parts(self._processes.share(items)) for items in shown]
        data = Patches(self._folder, self._training, self._size, (self._settings.seed, epoch))
        batches = data.batches([part for parts in mine for part in parts], self._settings.workers)
        self._totals = torch.zeros(2, device=self._processes.device)
        for items, parts in zip(shown, mine, strict=True):
            steps = self._settings.epochs * self._steps
            rate = self._settings.rate(self._trainer.steps, steps)
            losses = self._losses(islice(batches, len(parts)), len(items), epoch)
            self._trainer.step(losses, rate)
        self._processes.add_up([self._totals])
        loss, dice = (self._totals / len(self._training)).tolist()
        return {"loss": round(loss, 6), "train_dice": round(dice, 6), "learning_rate": rate}

    def _losses(self, batches: Iterator[Batch], patches: int, epoch: int) -> Iterator[Tensor]:
        """Yield the losses of this process' batches of a step; add loss and Dice to the totals."""
        device = self._processes.device
        for batch in batches:
            rng = generator(self._settings.seed, Stream.CLICK, epoch, *batch.items)
            batch = batch.to(device)
            with precision(device, bf16=True):
                loss, dice = click_rounds(
                    self._trainer.network, batch.images, batch.masks, rng, self._settings.rounds
                )
            self._totals += torch.stack([loss.detach() * len(batch.items), dice.sum()])
            # Each patch weighs the same, whichever process and part of the step it is in.
            yield loss * (len(batch.items) / patches)

    def validate(self) -> float:
        """Return the mean Dice of one click on every validation patch."""
        items = self._processes.share(range(len(self._validation)))
        data = Patches(self._folder, self._validation, self._size)
        total = torch.zeros(1, device=self._processes.device)
        for batch in data.batches(self._parts(items), self._settings.workers):
            batch = batch.to(self._processes.device)
            with precision(self._processes.device, bf16=True):
                total += validation_dice(self._trainer.network, batch.images, batch.masks).sum()
        self._processes.add_up([total])
        return float(total) / len(self._validation)

    def _parts(self, items: Sequence[int]) -> list[list[int]]:
        """Split items into parts that fit on a device."""
        n = self._settings.batch
        return [list(items[i : i + n]) for i in range(0, len(items), n)]
