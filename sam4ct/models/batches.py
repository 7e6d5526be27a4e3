"""Split work into batches, and into smaller ones if the device runs out of memory.

A batch is a range of indices into the items of the caller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Self, TypeVar

import torch

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Batches:
    """Splits work into batches of one size; the last one may be smaller."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a batch has {size} items: give 1 or more")
        self.size = size
        """Items in a batch. Running out of device memory halves it for all later calls."""
        self.halved = 0
        """How often the size was halved."""

    def run(self, count: int, work: Callable[[range], T]) -> list[T]:
        """Call `work` on every batch of `count` items; return its results in order.

        If the device runs out of memory, all batches are computed again at half the size.

        Raises:
            torch.OutOfMemoryError: A single item does not fit.
        """
        while True:
            try:
                return [
                    work(range(start, min(start + self.size, count)))
                    for start in range(0, count, self.size)
                ]
            except torch.OutOfMemoryError:
                if self.size == 1:
                    raise
            # After the handler: inside it, the error still holds the tensors of the batch.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.size //= 2
            self.halved += 1
            logger.warning("out of device memory: batches halved to %d", self.size)


class Prepared(Generic[T]):
    """Prepares the input of the next batch in another thread while a batch is computed."""

    def __init__(self, make: Callable[[range], T], count: int) -> None:
        """Store how inputs are made; none is made yet.

        Args:
            make: Returns the input of a batch; called in another thread.
            count: Number of all items.
        """
        self._make, self._count = make, count
        self._next: tuple[range, Future[T]] | None = None

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prepared")
        return self

    def __call__(self, part: range) -> T:
        """Return the input of a batch, and start to prepare that of the next one."""
        foreseen, self._next = self._next, None
        made = foreseen[1].result() if foreseen and foreseen[0] == part else self._make(part)
        after = range(part.stop, min(part.stop + len(part), self._count))
        if after:
            self._next = after, self._pool.submit(self._make, after)
        return made

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)
