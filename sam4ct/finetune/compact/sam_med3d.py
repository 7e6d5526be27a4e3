"""Training of the compact SAM-Med3D on simulated cells alone.

One step: crops of a few simulated volumes are encoded, clicked on, and in every fourth step
clicked on again where the mask is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sam4ct.finetune.clicks import click_rounds, dice, first_masks
from sam4ct.finetune.compact.examples import Examples
from sam4ct.finetune.compact.sam_med3d_examples import Crops, Drawing, simulated_crops
from sam4ct.finetune.loop.training import VALIDATION_SEED, Schedule, device_of
from sam4ct.models.sam_med3d.network import build_sam_med3d

CORRECTED_EVERY = 4
"""One step in this many has several clicks per object; the others have one, as generation."""


@dataclass(frozen=True, kw_only=True)
class Training(Schedule):
    """Settings of one training."""

    steps: int = 20000
    decay: int = 5000
    learning_rate: float = 6e-4
    volumes: int = 2
    """Simulated volumes per step."""
    crops: int = 4
    """Crops per volume."""
    objects: int = 3
    """Objects that are clicked on in each crop."""
    rounds: int = 2
    """Clicks per object in the steps with several."""
    validation: int = 24
    """Simulated volumes in the fixed validation set."""


class ClickTask:
    """Implements `training.Task`: segment what is clicked on, or nothing."""

    role = "sam_med3d"

    def __init__(
        self, overrides: Mapping[str, Any], window_diameters: float | None, settings: Training
    ) -> None:
        """Take the settings; nothing is simulated yet.

        Args:
            overrides: What makes the network compact, with `image_size`.
            window_diameters: Side of a crop in cell diameters; None: native voxels.
            settings: Steps, batch, seed.
        """
        self._overrides, self._settings = overrides, settings
        self._diameters = window_diameters

    @property
    def architecture(self) -> Mapping[str, Any]:
        return {"overrides": dict(self._overrides), "window_diameters": self._diameters}

    def build(self) -> Any:
        return build_sam_med3d(self._overrides)

    def batches(self, first: int, last: int) -> Iterator[Crops]:
        s = self._settings
        data = self._simulated(s.seed, first * s.volumes, (last - first) * s.volumes)
        return data.batches(s.volumes, s.workers, Crops.joined)

    def loss(self, network: Any, batch: Crops, step: int) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([self._settings.seed, step, self._settings.rounds])
        rounds = 1 if (step + 1) % CORRECTED_EVERY else self._settings.rounds
        value, found = click_rounds(network, batch.images, batch.masks, rng, rounds)
        present = batch.masks.flatten(2).any(2).flatten()
        return value, {"dice": float(found[present].mean())}

    def validate(self, network: Any) -> dict[str, float]:
        """Return the Dice of cells, and the share of clicks on background that find nothing.

        Clicks are in the crop's centre, as in generation.
        """
        device = device_of(network)
        scores, present = [], []
        for crops in (part.to(device) for part in self._fixed):
            centre = torch.full((len(crops.images), 1, 3), crops.images.shape[-1] // 2)
            found = first_masks(network, crops.images, centre.to(device))
            scores.append(dice(found, crops.masks[:, :1]))
            present.append(crops.masks[:, 0].flatten(1).any(1))
        score, there = torch.cat(scores), torch.cat(present)
        return {"dice": float(score[there].mean()), "refused": float(score[~there].mean())}

    @cached_property
    def _fixed(self) -> list[Crops]:
        data = self._simulated(VALIDATION_SEED, 0, self._settings.validation)
        return [data[i] for i in range(len(data))]

    def _simulated(self, seed: int, first: int, count: int) -> Examples[Crops]:
        drawing = Drawing(
            size=int(self._overrides["image_size"]),
            window_diameters=self._diameters,
            crops=self._settings.crops,
            objects=self._settings.objects,
        )
        return simulated_crops(seed, first, count, drawing)
