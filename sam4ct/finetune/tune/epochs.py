"""Fine-tuning of a SAM-Med3D network on patches, epoch by epoch.

An epoch shows every training patch once and then validates. Examples are
tuning_data.py, clicks and loss clicks.py, several processes processes.py; files,
and what a fine-tuning begins and ends with, are tune.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from sam4ct.errors import WorkError
from sam4ct.finetune.clicks import click_rounds, validation_dice
from sam4ct.finetune.loop.curve import Row
from sam4ct.finetune.loop.processes import Processes
from sam4ct.finetune.patches.files import Index
from sam4ct.finetune.tune.data import Batch, Patches, Stream, generator
from sam4ct.models.device import precision
from sam4ct.models.sam_med3d.network import image_size

LARGEST_GRADIENT = 1.0
"""Norm to which the gradient of a step is cut."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Settings of a fine-tuning."""

    epochs: int = 20
    batch: int = 4
    """Patches at once on a device, at most."""
    accumulate: int = 1
    """A step learns from this many times `batch` patches, in all processes together."""
    learning_rate: float = 2e-4
    """The highest, after the warm-up."""
    weight_decay: float = 0.01
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises; then it falls as a cosine."""
    rounds: int = 3
    """Clicks on each patch: one on the object, then on what is wrong."""
    seed: int = 1
    workers: int = 0
    """Processes that read patches for each process that learns; 0: it reads them itself."""

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, counted from 0, of so many."""
        rising = max(1, round(self.warmup * steps))
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        gone = (step - rising) / max(1, steps - rising)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * gone))


class Run:
    """A fine-tuning in one of its processes. Nothing is written here."""

    def __init__(
        self, network: Any, folder: Path, index: Index, settings: Tuning, processes: Processes
    ) -> None:
        """Take a network to train.

        Args:
            network: With the weights to begin with, on the device of this process.
            folder: The patch folder.
            index: What it holds.
            settings: The same in all processes.
            processes: This one and its peers.

        Raises:
            WorkError: There is not a patch for each process in a step.
        """
        self._network = network.requires_grad_(True)
        self._folder, self._size = folder, image_size(network)
        self._training, self._validation = index.of("training"), index.of("validation")
        self._settings, self._processes = settings, processes
        self._optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        step = min(settings.batch * settings.accumulate, len(self._training))
        if step < processes.count:
            raise WorkError(
                f"{folder}: {processes.count} processes cannot share a step of {step} patches."
                " Use fewer processes, a larger --batch or --accumulate, or more patches."
            )
        self._steps = len(self._training) // step
        self.curve: list[Row] = []
        """One row an epoch; epoch 0 is the network as it came."""

    def epoch(self) -> bool:
        """Do the next epoch and add its row to the curve.

        Returns:
            Whether no epoch before was better in validation.
        """
        number = len(self.curve)
        learned: Row = {"loss": None, "train_dice": None, "learning_rate": None}
        if number:
            learned = self._learn(number)
        figure = round(self._validate(), 6)
        before = [row["validation_dice"] or 0.0 for row in self.curve]
        self.curve.append({"epoch": number, **learned, "validation_dice": figure})
        return figure > max(before, default=-1.0)

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "network": self._network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "curve": [dict(row) for row in self.curve],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of `state`."""
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.curve = list(state["curve"])

    def weights(self) -> bytes:
        """The network's weights as safetensors, 16-bit floats."""
        state = self._network.state_dict()
        return save({name: value.half().cpu().contiguous() for name, value in state.items()})

    def _learn(self, epoch: int) -> Row:
        """Show every training patch once; return means of loss and first clicks' Dice."""
        order = generator(self._settings.seed, Stream.ORDER, epoch)
        shuffled = order.permutation(len(self._training))
        # None is left over: some steps learn from a few patches more than others.
        shown = [part.tolist() for part in np.array_split(shuffled, self._steps)]
        mine = [self._parts(self._processes.share(items)) for items in shown]
        data = Patches(self._folder, self._training, self._size, (self._settings.seed, epoch))
        batches = data.batches([part for parts in mine for part in parts], self._settings.workers)
        totals = torch.zeros(2, device=self._processes.device)
        for number, (items, parts) in enumerate(zip(shown, mine, strict=True)):
            step = (epoch - 1) * self._steps + number
            rate = self._settings.rate(step, self._settings.epochs * self._steps)
            totals += self._step(batches, len(parts), len(items), epoch, rate)
        self._processes.add_up([totals])
        loss, dice = (totals / len(self._training)).tolist()
        return {"loss": round(loss, 6), "train_dice": round(dice, 6), "learning_rate": rate}

    def _step(
        self, batches: Iterator[Batch], parts: int, patches: int, epoch: int, rate: float
    ) -> Tensor:
        """Learn from a step's patches; return this process' sums of loss and Dice."""
        self._optimiser.zero_grad()
        totals = torch.zeros(2, device=self._processes.device)
        for batch in islice(batches, parts):
            rng = generator(self._settings.seed, Stream.CLICK, epoch, *batch.items)
            batch = batch.to(self._processes.device)
            with precision(self._processes.device, bf16=True):
                loss, dice = click_rounds(
                    self._network, batch.images, batch.masks, rng, self._settings.rounds
                )
            # Each patch weighs the same, whichever process and part of the step it is in.
            torch.autograd.backward(loss * (len(batch.items) / patches))
            totals += torch.stack([loss.detach() * len(batch.items), dice.sum()])
        gradients = [p.grad for p in self._network.parameters() if p.grad is not None]
        self._processes.add_up(gradients)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), LARGEST_GRADIENT)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        return totals

    def _validate(self) -> float:
        """The mean Dice of one click on every validation patch."""
        items = self._processes.share(range(len(self._validation)))
        data = Patches(self._folder, self._validation, self._size)
        total = torch.zeros(1, device=self._processes.device)
        for batch in data.batches(self._parts(items), self._settings.workers):
            batch = batch.to(self._processes.device)
            with precision(self._processes.device, bf16=True):
                total += validation_dice(self._network, batch.images, batch.masks).sum()
        self._processes.add_up([total])
        return float(total) / len(self._validation)

    def _parts(self, items: Sequence[int]) -> list[list[int]]:
        """Cut items into parts that fit on a device together."""
        n = self._settings.batch
        return [list(items[i : i + n]) for i in range(0, len(items), n)]
