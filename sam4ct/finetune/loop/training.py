"""Train a compact network on examples that are drawn as they are needed.

What the network is shown, and what for, is a `Task`; nothing here knows SAM 2 or SAM-Med3D.
The learning rate rises, stays constant, and falls to zero over the last steps, so that a
training can be stopped, examined and prolonged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sam4ct.errors import WeightsError
from sam4ct.finetune.loop.checkpoints import CHECKPOINT
from sam4ct.finetune.loop.processes import Processes
from sam4ct.finetune.loop.trainer import Trainer
from sam4ct.models.weights.load import read_state

logger = logging.getLogger(__name__)

VALIDATION_SEED = 2**31
"""Seed of the validation examples; those of trainings are smaller."""


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
    """Seed of the first weights and of the examples."""
    every: int = 250
    """Steps from one row of the curve, and one checkpoint, to the next."""
    workers: int = 1
    """Processes that simulate examples; 0: this one simulates them."""

    def course(self) -> dict[str, Any]:
        """Return the settings that must stay the same when a training is prolonged."""
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
    """Role of its weights in the manifest."""

    @property
    def architecture(self) -> Mapping[str, Any]:
        """What defines the network and what it sees: plain values."""
        ...

    def build(self) -> Any:
        """Return the network with random weights, drawn from torch's generator."""
        ...

    def batches(self, first: int, last: int) -> Iterator[Any]:
        """Yield the batches of steps `first` to `last` - 1; equal calls give equal batches."""
        ...

    def loss(self, network: Any, batch: Any, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of a step, and figures for the curve (nan where there is none)."""
        ...

    def validate(self, network: Any) -> dict[str, float]:
        """Return figures of a network on examples that no training sees."""
        ...


def train_compact(
    task: Task, schedule: Schedule, folder: Path, device: str, start_from: Path | None = None
) -> None:
    """Train a compact network, or continue the training in the folder.

    Args:
        task: What it is trained for.
        schedule: Steps and rates.
        folder: Gets weights.safetensors, curve.csv and checkpoint.pt; made if missing.
        device: "cpu" or "cuda:N".
        start_from: First weights, if there is no checkpoint yet; random ones if None.

    Raises:
        WeightsError: The first weights cannot be used.
        WorkError: The folder cannot be written, or holds another training.
    """
    trainer = begun(task, schedule, folder, device, start_from)
    trainer.resume()
    for row in _rows(task, schedule, trainer):
        logger.info(" ".join(f"{key} {value:.4g}" for key, value in row.items()))
        trainer.keep(row)


def begun(
    task: Task, schedule: Schedule, folder: Path, device: str, start_from: Path | None = None
) -> Trainer:
    """Return the trainer of a new training; arguments and errors as in `train_compact`."""
    processes = Processes(0, 1, torch.device(device))
    with torch.random.fork_rng():
        torch.manual_seed(schedule.seed)
        network = task.build().to(processes.device)
    origin = {"role": task.role, **task.architecture, **schedule.course()}
    weights = folder / "weights.safetensors"
    if start_from is not None and not weights.with_name(CHECKPOINT).exists():
        _start_from(network, start_from, task.role)
    return Trainer(
        network, origin, weights, processes, weight_decay=schedule.weight_decay, ema=schedule.ema
    )


def _start_from(network: Any, weights: Path, role: str) -> None:
    """Load the weights of an earlier training; WeightsError if they do not fit."""
    try:
        network.load_state_dict(read_state(weights, role))
    except RuntimeError as fault:
        raise WeightsError(
            f"{weights}: of another architecture than the compact network: {fault}."
            " Give the weights.safetensors of an earlier training of it."
        ) from fault


def _rows(task: Task, schedule: Schedule, trainer: Trainer) -> Iterator[dict[str, float]]:
    """Do the steps that are left; yield a row of the curve after every `schedule.every`."""
    losses: list[float] = []
    figures: list[dict[str, float]] = []
    for batch in task.batches(trainer.steps, schedule.steps):
        on_device = batch.to(trainer.processes.device)
        loss, seen = task.loss(trainer.network, on_device, trainer.steps)
        trainer.step([loss], schedule.rate(trainer.steps))
        losses.append(float(loss.detach()))
        figures.append(seen)
        if trainer.steps % schedule.every and trainer.steps != schedule.steps:
            continue
        yield {
            "step": trainer.steps,
            "seconds": round(trainer.seconds, 1),
            "loss": float(np.mean(losses)),
            **{f"train_{k}": float(np.nanmean([f[k] for f in figures])) for k in figures[0]},
            **task.validate(trainer.mean),
        }
        losses, figures = [], []


def device_of(network: Any) -> torch.device:
    """Return the device that a network's weights are on."""
    device: torch.device = next(network.parameters()).device
    return device
