"""Training of the compact SAM 2 on simulated cells alone.

One step: a few simulated frame pairs are encoded, objects given by their masks
in one frame are remembered and recalled in the other, in both directions of
time. The learning rate is constant after a warm-up and falls to zero over the
last steps, so that a training can be stopped, looked at and prolonged.

Examples are batches.py and pairs.py, what is learned is objective.py.
"""

from __future__ import annotations

import csv
import io
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from sam4ct.errors import WeightsError
from sam4ct.finetune.batches import Batch, SimulatedPairs, collate
from sam4ct.finetune.objective import loss, predict, present_ious, validate
from sam4ct.io.atomic import replacing
from sam4ct.models.sam2_network import build_network
from sam4ct.models.weights import read_state

logger = logging.getLogger(__name__)

VALIDATION_SEED = 2**31
"""Validation examples are drawn with this seed; those of trainings are smaller."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """Settings of one training."""

    steps: int = 14000
    warmup: int = 150
    """First steps, over which the learning rate rises linearly."""
    decay: int = 4000
    """Last steps, over which the learning rate falls linearly to zero."""
    learning_rate: float = 4e-4
    weight_decay: float = 0.05
    pairs: int = 4
    """Frame pairs per step."""
    objects: int = 4
    """Prompts per pair and direction."""
    ema: float = 0.999
    """Decay of the running mean of the weights, which is what is kept."""
    seed: int = 1
    every: int = 250
    """Steps between two lines of the curve, and two checkpoints."""
    validation: int = 64
    """Simulated pairs in the fixed validation set."""
    workers: int = 1
    """Processes that simulate."""

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rise = (step + 1) / max(1, self.warmup)
        fall = (self.steps - step) / max(1, self.decay)
        return self.learning_rate * min(1.0, rise, max(0.0, fall))


class Run:
    """A training that can be killed at any time and goes on from its last checkpoint."""

    def __init__(
        self,
        config: str,
        overrides: Mapping[str, Any],
        settings: Training,
        folder: Path,
        device: str,
    ) -> None:
        self._settings, self._folder = settings, folder
        self._device = torch.device(device)
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            self._network, self._mean = (build_network(config, overrides) for _ in range(2))
        self._network.to(self._device).requires_grad_(True)
        self._mean.to(self._device).requires_grad_(False)
        self._mean.load_state_dict(self._network.state_dict())
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self._step = 0
        self._seconds = 0.0
        self._curve: list[dict[str, float]] = []

    @property
    def checkpoint(self) -> Path:
        return self._folder / "checkpoint.pt"

    def start_from(self, weights: Path) -> None:
        """Begin with the weights of an earlier training instead of random ones.

        Raises:
            WeightsError: The file is damaged or of another architecture.
        """
        state = read_state(weights, "sam2")
        for network in (self._network, self._mean):
            try:
                network.load_state_dict(state)
            except RuntimeError as fault:
                raise WeightsError(
                    f"{weights}: of another architecture than the compact network: {fault}."
                    " Give the weights.safetensors of an earlier training of it."
                ) from fault

    def resume(self) -> None:
        """Go on from the checkpoint if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self._device, weights_only=True)
        self._network.load_state_dict(state["network"])
        self._mean.load_state_dict(state["mean"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._step, self._seconds = state["step"], state["seconds"]
        self._curve = state["curve"]

    def train(self) -> None:
        """Train to the last step; write curve.csv, checkpoint.pt and weights.safetensors."""
        settings, window = self._settings, int(self._network.image_size)
        fixed = SimulatedPairs(VALIDATION_SEED, 0, settings.validation, window, settings.objects)
        check = [collate([fixed[i]]).to(self._device) for i in range(len(fixed))]
        first, last = self._step * settings.pairs, settings.steps * settings.pairs
        data = SimulatedPairs(settings.seed, first, last - first, window, settings.objects)
        began, recent = time.monotonic() - self._seconds, []
        for batch in data.batches(settings.pairs, settings.workers):
            recent.append(self._learn(batch.to(self._device)))
            self._step += 1
            if self._step % settings.every and self._step != settings.steps:
                continue
            self._seconds = time.monotonic() - began
            losses, ious = np.transpose(recent)
            self._keep(
                {
                    "step": self._step,
                    "seconds": round(self._seconds, 1),
                    "loss": float(losses.mean()),
                    "train_iou": float(np.nanmean(ious)),
                    **validate(self._mean, check),
                }
            )
            recent = []

    def _learn(self, batch: Batch) -> tuple[float, float]:
        """Do one step; return the loss and the mean IoU (nan if no object is present)."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._settings.rate(self._step)
        logits, score = predict(self._network, batch)
        value = loss(logits, score, batch.goals)
        self._optimiser.zero_grad()
        torch.autograd.backward(value)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        # Short at first: the mean shall not remember the random weights for a thousand steps.
        decay = min(self._settings.ema, (self._step + 1) / (self._step + 20))
        with torch.no_grad():
            for mean, now in zip(self._mean.parameters(), self._network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
            iou = present_ious(logits, batch.goals).mean()
        return float(value.detach()), float(iou)

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
        with replacing(self.checkpoint) as file:
            torch.save(content, file)
        half = {k: v.half().cpu().contiguous() for k, v in self._mean.state_dict().items()}
        with replacing(self._folder / "weights.safetensors") as file:
            file.write(save(half))
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, list(row))
        writer.writeheader()
        writer.writerows(self._curve)
        with replacing(self._folder / "curve.csv") as file:
            file.write(table.getvalue().encode())


def train_compact_sam2(
    config: str,
    overrides: Mapping[str, Any],
    settings: Training,
    folder: Path,
    device: str,
    start_from: Path | None = None,
) -> None:
    """Train a compact SAM 2, or continue the training that lies in the folder.

    Args:
        config: Configuration of the `sam2` package.
        overrides: What makes it compact.
        settings: Steps, batch, seed.
        folder: Gets weights.safetensors, curve.csv and checkpoint.pt; made if missing.
        device: "cpu" or "cuda:N".
        start_from: Weights to begin with, if there is no checkpoint yet.

    Raises:
        WeightsError: The weights to begin with cannot be used.
        WorkError: The folder cannot be written.
    """
    run = Run(config, overrides, settings, folder, device)
    if start_from is not None and not run.checkpoint.exists():
        run.start_from(start_from)
    run.resume()
    run.train()
