"""The training of a compact network: schedule, running mean, checkpoints, curve.

What is shown to the network and what it is trained for is a `Task`; this module
knows neither SAM 2 nor SAM-Med3D. The learning rate is constant after a warm-up
and falls to zero over the last steps, so that a training can be stopped, looked
at and prolonged.
"""

from __future__ import annotations

import copy
import csv
import io
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from sam4ct.errors import WeightsError
from sam4ct.finetune.loop.checkpoints import CHECKPOINT, read_checkpoint, write_checkpoint
from sam4ct.io.files import replacing
from sam4ct.models.weights.load import read_state

logger = logging.getLogger(__name__)

VALIDATION_SEED = 2**31
"""Validation examples are drawn with this seed; those of trainings are smaller."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long a training lasts and how fast it learns."""

    steps: int
    warmup: int = 150
    """First steps, over which the learning rate rises linearly."""
    decay: int
    """Last steps, over which the learning rate falls linearly to zero."""
    learning_rate: float = 4e-4
    weight_decay: float = 0.05
    ema: float = 0.999
    """Decay of the running mean of the weights, which is what is kept."""
    seed: int = 1
    """Of the first weights and of the examples."""
    every: int = 250
    """Steps between two lines of the curve, and two checkpoints."""

    def course(self) -> dict[str, Any]:
        """The settings that a training must go on with; with the others it is prolonged."""
        others = ("steps", "decay", "every", "workers")
        return {key: value for key, value in asdict(self).items() if key not in others}

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rise = (step + 1) / max(1, self.warmup)
        fall = (self.steps - step) / max(1, self.decay)
        return self.learning_rate * min(1.0, rise, max(0.0, fall))


class Task(Protocol):
    """What a network is trained for."""

    role: str
    """Of its weights in the manifest."""

    @property
    def architecture(self) -> Mapping[str, Any]:
        """What makes the network and its view what they are: plain values."""
        ...

    def build(self) -> Any:
        """Return the network with random weights, drawn from torch's generator."""
        ...

    def batches(self, first: int, last: int) -> Iterator[Any]:
        """Yield what is shown in steps `first` to `last` - 1, the same whenever asked."""
        ...

    def loss(self, network: Any, batch: Any, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of a step, and figures for the curve (nan where there is none)."""
        ...

    def validate(self, network: Any) -> dict[str, float]:
        """Return figures of a network on examples that no training sees."""
        ...


class Run:
    """A training that can be killed at any time and goes on from its last checkpoint."""

    def __init__(self, task: Task, schedule: Schedule, folder: Path, device: str) -> None:
        """Build the network; nothing is written yet.

        Args:
            task: What it is trained for.
            schedule: Steps and rates.
            folder: Gets weights.safetensors, curve.csv and checkpoint.pt; made if missing.
            device: "cpu" or "cuda:N".
        """
        self._task, self._schedule, self._folder = task, schedule, folder
        self._device = torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(schedule.seed)
            self._network = task.build().to(self._device).requires_grad_(True)
        self._mean = copy.deepcopy(self._network).requires_grad_(False)
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(),
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
        )
        self._origin = {"role": task.role, **task.architecture, **schedule.course()}
        self._step = 0
        self._seconds = 0.0
        self._curve: list[dict[str, float]] = []

    @property
    def checkpoint(self) -> Path:
        return self._folder / CHECKPOINT

    def start_from(self, weights: Path) -> None:
        """Begin with the weights of an earlier training instead of random ones.

        Raises:
            WeightsError: The file is damaged or of another architecture.
        """
        state = read_state(weights, self._task.role)
        for network in (self._network, self._mean):
            try:
                network.load_state_dict(state)
            except RuntimeError as fault:
                raise WeightsError(
                    f"{weights}: of another architecture than the compact network: {fault}."
                    " Give the weights.safetensors of an earlier training of it."
                ) from fault

    def resume(self) -> None:
        """Go on from the checkpoint if there is one; WorkError if it is of another training."""
        if not self.checkpoint.exists():
            return
        state = read_checkpoint(self.checkpoint, self._origin, self._device)
        self._network.load_state_dict(state["network"])
        self._mean.load_state_dict(state["mean"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._step, self._seconds, self._curve = state["step"], state["seconds"], state["curve"]

    def train(self) -> None:
        """Train to the last step.

        Raises:
            WorkError: The folder cannot be written.
        """
        schedule = self._schedule
        began, losses, figures = time.monotonic() - self._seconds, [], []
        for batch in self._task.batches(self._step, schedule.steps):
            loss, seen = self._learn(batch)
            losses.append(loss)
            figures.append(seen)
            self._step += 1
            if self._step % schedule.every and self._step != schedule.steps:
                continue
            self._seconds = time.monotonic() - began
            means = {f"train_{k}": float(np.nanmean([f[k] for f in figures])) for k in figures[0]}
            self._keep(
                {
                    "step": self._step,
                    "seconds": round(self._seconds, 1),
                    "loss": float(np.mean(losses)),
                    **means,
                    **self._task.validate(self._mean),
                }
            )
            losses, figures = [], []

    def _learn(self, batch: Any) -> tuple[float, dict[str, float]]:
        """Do one step; return its loss and figures."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._schedule.rate(self._step)
        value, figures = self._task.loss(self._network, batch.to(self._device), self._step)
        self._optimiser.zero_grad()
        torch.autograd.backward(value)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        # Short at first: the mean shall not remember the random weights for a thousand steps.
        decay = min(self._schedule.ema, (self._step + 1) / (self._step + 20))
        with torch.no_grad():
            for mean, now in zip(self._mean.parameters(), self._network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
        return float(value.detach()), figures

    def _keep(self, row: dict[str, float]) -> None:
        """Add a line to the curve and write everything, the checkpoint first: it has it all."""
        logger.info(" ".join(f"{k} {v:.4g}" for k, v in row.items()))
        self._curve.append(row)
        content = {
            "network": self._network.state_dict(),
            "mean": self._mean.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "step": self._step,
            "seconds": self._seconds,
            "curve": self._curve,
        }
        write_checkpoint(self.checkpoint, content, self._origin)
        half = {k: v.half().cpu().contiguous() for k, v in self._mean.state_dict().items()}
        with replacing(self._folder / "weights.safetensors") as file:
            file.write(save(half))
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, list(row))
        writer.writeheader()
        writer.writerows(self._curve)
        with replacing(self._folder / "curve.csv") as file:
            file.write(table.getvalue().encode())


def device_of(network: Any) -> torch.device:
    """Return the device that a network's weights are on."""
    device: torch.device = next(network.parameters()).device
    return device


def train_compact(
    task: Task, schedule: Schedule, folder: Path, device: str, start_from: Path | None = None
) -> None:
    """Train a compact network, or continue the training that lies in the folder.

    Args:
        task: What it is trained for.
        schedule: Steps and rates.
        folder: Gets weights.safetensors, curve.csv and checkpoint.pt; made if missing.
        device: "cpu" or "cuda:N".
        start_from: Weights to begin with, if there is no checkpoint yet.

    Raises:
        WeightsError: The weights to begin with cannot be used.
        WorkError: The folder cannot be written, or holds another training.
    """
    run = Run(task, schedule, folder, device)
    if start_from is not None and not run.checkpoint.exists():
        run.start_from(start_from)
    run.resume()
    run.train()
