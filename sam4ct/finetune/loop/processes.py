"""Several processes train one network: `torchrun` starts them, this joins them.

Examples are shared among the processes, and gradients are added up, so that a step is the same
for any number of processes, except for rounding. Every process holds the whole network. A single
process is the same without peers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from sam4ct.models.device import choose_device

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process among its peers."""

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files and messages."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process' share of the items."""
        return items[self.rank :: self.count]

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors, of equal shapes in all processes, by their sums over the processes."""
        if self.count == 1:
            return
        tensors = list(tensors)
        together = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(together)
        sums = torch.split(together, [tensor.numel() for tensor in tensors])
        for tensor, total in zip(tensors, sums, strict=True):
            tensor.copy_(total.view_as(tensor))


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the processes that `torchrun` started; without it there is only this one.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N"; each of several processes takes the GPU of its
            own number on its machine.

    Raises:
        WeightsError: A CUDA device was asked for and is not there.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(0, 1, torch.device(choose_device(device)))
        return
    if device != "cpu" and (device != "auto" or torch.cuda.is_available()):
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    mine = torch.device(choose_device(device))
    if mine.type == "cuda":
        torch.cuda.set_device(mine)
    dist.init_process_group("nccl" if mine.type == "cuda" else "gloo")
    here = Processes(dist.get_rank(), dist.get_world_size(), mine)
    speaker = logging.getLogger("sam4ct")
    level = speaker.level
    if not here.is_first:
        speaker.setLevel(logging.ERROR)  # the first process says it for all
    try:
        yield here
    finally:
        speaker.setLevel(level)
        dist.destroy_process_group()
