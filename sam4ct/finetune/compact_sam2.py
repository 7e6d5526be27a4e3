"""Training of the compact SAM 2 on simulated cells alone.

One step: a few simulated frame pairs are encoded, objects given by their masks
in one frame are remembered and recalled in the other, in both directions of
time, through the same functions that the engine calls. The learning rate is
constant after a warm-up and falls to zero over the last steps, so that a
training can be stopped, looked at and prolonged.
"""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sam4ct.finetune.pairs import Pair, draw_pairs
from sam4ct.models.sam2_network import build_network, encode, recall, remember

logger = logging.getLogger(__name__)

VALIDATION_SEED = 2**31
"""Validation examples are drawn from here on; training seeds are smaller."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """Settings of one training."""

    steps: int = 14000
    warmup: int = 150
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


class SimulatedPairs(Dataset[tuple[Pair, Pair]]):
    """Example i is drawn from (seed, i) alone, whichever worker draws it."""

    def __init__(self, seed: int, first: int, count: int, window: int, objects: int) -> None:
        self._seed, self._first, self._count = seed, first, count
        self._window, self._objects = window, objects

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Pair, Pair]:
        if not 0 <= index < self._count:
            raise IndexError(index)
        rng = np.random.default_rng([self._seed, self._first + index])
        return draw_pairs(rng, self._window, self._objects)


@dataclass(frozen=True)
class Batch:
    """Windows (2B, S, S); per object its source and target window and masks (K, S, S)."""

    windows: Tensor
    source: Tensor
    target: Tensor
    prompts: Tensor
    goals: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, f).to(device) for f in self.__dataclass_fields__))


def collate(examples: list[tuple[Pair, Pair]]) -> Batch:
    """Put pairs together: pair b has windows 2b and 2b + 1; each direction its own objects."""
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


def predict(network: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return mask logits (K, S, S) and object scores (K,) of every object of a batch."""
    features = encode(network, batch.windows)
    memory = remember(network, features.take(batch.source), batch.prompts)
    low, score = recall(network, memory, features.take(batch.target), gated=False)
    size = batch.prompts.shape[-2:]
    high = F.interpolate(low[:, None], size=size, mode="bilinear", align_corners=False)
    return high[:, 0], score


def loss(logits: Tensor, score: Tensor, goals: Tensor) -> Tensor:
    """Mask loss (cross-entropy and Dice) of present objects, and the score's cross-entropy."""
    present = (goals.flatten(1).sum(1) > 10).float()
    entropy = F.binary_cross_entropy_with_logits(logits, goals, reduction="none").mean((1, 2))
    chance = logits.sigmoid()
    common = (chance * goals).sum((1, 2))
    dice = 1 - (2 * common + 1) / (chance.sum((1, 2)) + goals.sum((1, 2)) + 1)
    masks = ((5 * entropy + dice) * present).sum() / present.sum().clamp(min=1)
    return masks + 0.2 * F.binary_cross_entropy_with_logits(score, present)


def _iou(a: Tensor, b: Tensor) -> Tensor:
    return (a & b).sum((1, 2)) / (a | b).sum((1, 2)).clamp(min=1)


@torch.no_grad()
def validate(network: Any, batches: list[Batch]) -> dict[str, float]:
    """Return mean IoU of present objects, of staying put, and the score's balanced accuracy."""
    found: list[Tensor] = []
    stayed: list[Tensor] = []
    seen: list[Tensor] = []
    gone: list[Tensor] = []
    for batch in batches:
        logits, score = predict(network, batch)
        goals = batch.goals > 0
        present = goals.flatten(1).sum(1) > 10
        found.append(_iou(logits > 0, goals)[present])
        stayed.append(_iou(batch.prompts > 0, goals)[present])
        seen.append((score[present] > 0).float())
        gone.append((score[~present] <= 0).float())
    return {
        "iou": float(torch.cat(found).mean()),
        "stay_iou": float(torch.cat(stayed).mean()),
        "score_accuracy": float((torch.cat(seen).mean() + torch.cat(gone).mean()) / 2),
    }


def _rate(settings: Training, step: int) -> float:
    rise = min(1.0, (step + 1) / settings.warmup)
    fall = min(1.0, (settings.steps - step) / max(1, settings.decay))
    return settings.learning_rate * rise * max(0.0, fall)


def _batches(settings: Training, window: int, start: int) -> Iterator[Batch]:
    first = start * settings.pairs
    data = SimulatedPairs(
        settings.seed, first, settings.steps * settings.pairs - first, window, settings.objects
    )
    yield from DataLoader(
        data,
        batch_size=settings.pairs,
        collate_fn=collate,
        num_workers=settings.workers,
        drop_last=True,
    )


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
        torch.manual_seed(settings.seed)
        self._network = build_network(config, overrides)
        self._network.to(self._device).requires_grad_(True)
        self._mean = build_network(config, overrides)
        self._mean.to(self._device).requires_grad_(False)
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self._step = 0
        self._mean.load_state_dict(self._network.state_dict())

    @property
    def checkpoint(self) -> Path:
        return self._folder / "checkpoint.pt"

    def start_from(self, weights: Path) -> None:
        """Begin with the weights of an earlier training (safetensors) instead of random ones."""
        state = {k: v.float() for k, v in load_file(weights).items()}
        self._network.load_state_dict(state)
        self._mean.load_state_dict(state)

    def resume(self) -> None:
        """Go on from the checkpoint if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self._device, weights_only=True)
        self._network.load_state_dict(state["network"])
        self._mean.load_state_dict(state["mean"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._step = int(state["step"])

    def _save(self) -> None:
        part = self.checkpoint.with_suffix(".part")
        torch.save(
            {
                "network": self._network.state_dict(),
                "mean": self._mean.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "step": self._step,
            },
            part,
        )
        part.replace(self.checkpoint)
        half = {k: v.half().cpu().contiguous() for k, v in self._mean.state_dict().items()}
        kept = self._folder / "weights.safetensors"
        save_file(half, kept.with_suffix(".part"))
        kept.with_suffix(".part").replace(kept)

    def _learn(self, batch: Batch) -> tuple[float, float]:
        for group in self._optimiser.param_groups:
            group["lr"] = _rate(self._settings, self._step)
        logits, score = predict(self._network, batch)
        value = loss(logits, score, batch.goals)
        self._optimiser.zero_grad()
        torch.autograd.backward(value)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        decay = min(self._settings.ema, (self._step + 1) / (self._step + 20))
        with torch.no_grad():
            for mean, now in zip(self._mean.parameters(), self._network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
            goals = batch.goals > 0
            present = goals.flatten(1).sum(1) > 10
            iou = _iou(logits > 0, goals)[present].mean()
        return float(value.detach()), float(iou)

    def train(self) -> None:
        """Train to the last step; write curve.csv, checkpoint.pt and weights.safetensors."""
        self._folder.mkdir(parents=True, exist_ok=True)
        window = int(self._network.image_size)
        examples = SimulatedPairs(
            VALIDATION_SEED, 0, self._settings.validation, window, self._settings.objects
        )
        check = [collate([examples[i]]).to(self._device) for i in range(len(examples))]
        began, recent = time.monotonic(), []
        for batch in _batches(self._settings, window, self._step):
            recent.append(self._learn(batch.to(self._device)))
            self._step += 1
            if self._step % self._settings.every == 0 or self._step == self._settings.steps:
                row = {
                    "step": self._step,
                    "seconds": round(time.monotonic() - began, 1),
                    "loss": float(np.mean([r[0] for r in recent])),
                    "train_iou": float(np.nanmean([r[1] for r in recent])),
                    **validate(self._mean, check),
                }
                self._log(row)
                self._save()
                recent = []

    def _log(self, row: dict[str, float]) -> None:
        logger.info(" ".join(f"{k} {v:.4g}" for k, v in row.items()))
        path = self._folder / "curve.csv"
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)


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
        folder: Gets weights.safetensors, curve.csv and checkpoint.pt.
        device: "cpu" or "cuda:N".
        start_from: Weights to begin with, if there is no checkpoint yet.
    """
    run = Run(config, overrides, settings, folder, device)
    if start_from is not None and not run.checkpoint.exists():
        run.start_from(start_from)
    run.resume()
    run.train()
