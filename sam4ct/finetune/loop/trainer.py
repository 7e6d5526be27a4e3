"""A network that learns: optimiser, running mean of the weights, curve, checkpoint.

Every training is a `Trainer` and something that calls it: so many steps, then a row of the
curve. A killed training continues from the checkpoint, with the same result.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from sam4ct.finetune.loop.checkpoints import CHECKPOINT, read_checkpoint, write_checkpoint
from sam4ct.finetune.loop.curve import Row, write_table
from sam4ct.finetune.loop.processes import Processes
from sam4ct.io.files import replacing

logger = logging.getLogger(__name__)

LARGEST_GRADIENT = 1.0
"""Norm to which the gradient of a step is clipped."""


class Trainer:
    """Trains one network with AdamW (Loshchilov and Hutter, 2019)."""

    def __init__(
        self,
        network: Any,
        origin: Mapping[str, Any],
        weights: Path,
        processes: Processes,
        *,
        weight_decay: float,
        ema: float = 0.0,
    ) -> None:
        """Take a network; nothing is written yet.

        Args:
            network: With its first weights, on the device of this process.
            origin: What the training begins with; a checkpoint of another one is refused.
            weights: File of the final weights; curve.csv and checkpoint.pt are in its folder.
            processes: This process and its peers; the first one writes the files.
            weight_decay: Weight decay of the optimiser.
            ema: Decay of the running mean of the weights, which is what is kept; 0: no mean.
        """
        self.network = network.requires_grad_(True)
        self.mean = copy.deepcopy(network).requires_grad_(False) if ema else network
        """The weights that are kept and validated."""
        self.processes = processes
        self.steps = 0
        """Steps done."""
        self.curve: list[Row] = []
        self._origin, self._weights, self._ema = dict(origin), weights, ema
        self._optimiser = torch.optim.AdamW(network.parameters(), weight_decay=weight_decay)
        self._began = time.monotonic()

    @property
    def checkpoint(self) -> Path:
        return self._weights.with_name(CHECKPOINT)

    @property
    def seconds(self) -> float:
        """Time that the training took so far, over all its runs."""
        return time.monotonic() - self._began

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one.

        Raises:
            WorkError: It is damaged, or of another training.
        """
        if not self.checkpoint.exists():
            return
        state = read_checkpoint(self.checkpoint, self._origin, self.processes.device)
        self.network.load_state_dict(state["network"])
        if self._ema:
            self.mean.load_state_dict(state["mean"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.steps, self.curve = state["steps"], state["curve"]
        self._began = time.monotonic() - state["seconds"]

    def step(self, losses: Iterable[Tensor], rate: float) -> None:
        """Do one step.

        Args:
            losses: The loss in parts, each computed when it is asked for; gradients add up over
                the parts and the processes.
            rate: Learning rate.
        """
        self._optimiser.zero_grad()
        for loss in losses:
            torch.autograd.backward(loss)
        gradients = (p.grad for p in self.network.parameters() if p.grad is not None)
        self.processes.add_up(gradients)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        if self._ema:
            # Small at first, or the mean remembers the random weights for a thousand steps.
            decay = min(self._ema, (self.steps + 1) / (self.steps + 20))
            pairs = zip(self.mean.parameters(), self.network.parameters(), strict=True)
            with torch.no_grad():
                for mean, now in pairs:
                    mean.lerp_(now, 1 - decay)
        self.steps += 1

    def keep(self, row: Row, *, weights: bool = True) -> None:
        """Add a row to the curve and write the files.

        The checkpoint comes last: if the process is killed before, the steps of the row are done
        again, with the same result.

        Args:
            row: Figures by name.
            weights: Whether the weights replace those kept before.

        Raises:
            WorkError: The disk refuses.
        """
        self.curve.append(row)
        if not self.processes.is_first:
            return
        if weights:
            with replacing(self._weights) as file:
                file.write(half_precision(self.mean))
        write_table(self._weights.with_name("curve.csv"), self.curve)
        state = {
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict() if self._ema else None,
            "optimiser": self._optimiser.state_dict(),
            "steps": self.steps,
            "seconds": self.seconds,
            "curve": [dict(row) for row in self.curve],
        }
        write_checkpoint(self.checkpoint, state, self._origin)


def half_precision(network: Any) -> bytes:
    """Return the weights of a network as safetensors, 16-bit floats."""
    state = network.state_dict()
    return save({name: value.half().cpu().contiguous() for name, value in state.items()})
