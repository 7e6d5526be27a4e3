"""Training of the compact SAM 2 on simulated cells alone.

One step: a few simulated frame pairs are encoded; objects given by their masks in one frame are
remembered and recalled in the other, in both directions of time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from sam4ct.finetune.compact.examples import Examples
from sam4ct.finetune.compact.sam2_batches import Batch, collate, simulated_pairs
from sam4ct.finetune.compact.sam2_examples import Pair
from sam4ct.finetune.compact.sam2_loss import loss, predict, present_ious, validate
from sam4ct.finetune.loop.training import VALIDATION_SEED, Schedule, device_of
from sam4ct.models.sam2.network import build_network


@dataclass(frozen=True, kw_only=True)
class Training(Schedule):
    """Settings of one training."""

    steps: int = 14000
    decay: int = 4000
    pairs: int = 4
    """Frame pairs per step."""
    objects: int = 4
    """Prompts per pair and direction."""
    validation: int = 64
    """Simulated pairs in the fixed validation set."""
    examples: str = "mixed"
    """What is trained on, one of `laws.EXAMPLES`."""


class PairTask:
    """Implements `training.Task`: find the mask in the other frame, or say that there is none."""

    role = "sam2"

    def __init__(self, config: str, overrides: Mapping[str, Any], settings: Training) -> None:
        """Take the settings; nothing is simulated yet.

        Args:
            config: Configuration of the `sam2` package.
            overrides: What makes it compact, with `image_size`.
            settings: Steps, batch, seed.
        """
        self._config, self._overrides, self._settings = config, overrides, settings

    @property
    def architecture(self) -> Mapping[str, Any]:
        return {"config": self._config, "overrides": dict(self._overrides)}

    def build(self) -> Any:
        return build_network(self._config, self._overrides)

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        s = self._settings
        data = self._simulated(s.seed, first * s.pairs, (last - first) * s.pairs, s.examples)
        return data.batches(s.pairs, s.workers, collate)

    def loss(self, network: Any, batch: Batch, step: int) -> tuple[Tensor, dict[str, float]]:
        logits, score = predict(network, batch)
        iou = float(present_ious(logits.detach(), batch.goals).mean())
        return loss(logits, score, batch.goals), {"iou": iou}

    def validate(self, network: Any) -> dict[str, float]:
        """Return the figures of `sam2_loss.validate` on the first laws and on the wider ones."""
        device = device_of(network)
        first = validate(network, (batch.to(device) for batch in self._fixed["first"]))
        wider = validate(network, (batch.to(device) for batch in self._fixed["wider"]))
        return {**first, **{f"wider_{name}": figure for name, figure in wider.items()}}

    @cached_property
    def _fixed(self) -> dict[str, list[Batch]]:
        count = self._settings.validation
        kinds = {
            kind: self._simulated(VALIDATION_SEED, 0, count, kind) for kind in ("first", "wider")
        }
        return {kind: [collate([data[i]]) for i in range(count)] for kind, data in kinds.items()}

    def _simulated(
        self, seed: int, first: int, count: int, kind: str
    ) -> Examples[tuple[Pair, Pair]]:
        size = int(self._overrides["image_size"])
        return simulated_pairs(seed, first, count, size, self._settings.objects, kind)
