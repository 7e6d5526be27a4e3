"""Split work into batches, and into smaller ones if the device runs out of memory.

A batch is a range of item numbers; the caller knows what they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

import torch

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Batches:
    """Splits work into batches of one size; the last one may be smaller."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a batch of {size} items")
        self.size = size
        """Items in a batch; halved for good when the device runs out of memory."""
        self.halved = 0
        """How often it was halved."""

    def run(self, count: int, work: Callable[[range], T]) -> list[T]:
        """Call `work` on every batch of `count` items; return its results in order.

        If the device runs out of memory, all batches are done again at half the size.

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
            # Not in the handler: there, the error still keeps the failed batch's tensors in memory.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.size //= 2
            self.halved += 1
            logger.warning("out of device memory: batches halved to %d", self.size)


class Prepared(Generic[T]):
    """Inputs of batches: each is prepared in another thread while the batch before is computed."""

    def __init__(self, make: Callable[[range], T], count: int) -> None:
        """Args:
        make: Returns the input of a batch; called in another thread.
        count: Items in all.
        """
        self._make, self._count = make, count
        self._next: tuple[range, Future[T]] | None = None

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prepared")
        return self

    def __call__(self, part: range) -> T:
        """Return the input of a batch, and start to prepare the next batch of that size."""
        foreseen, self._next = self._next, None
        made = foreseen[1].result() if foreseen and foreseen[0] == part else self._make(part)
        after = range(part.stop, min(part.stop + len(part), self._count))
        if after:
            self._next = after, self._pool.submit(self._make, after)
        return made

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
