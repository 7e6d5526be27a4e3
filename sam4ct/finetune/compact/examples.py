"""Examples by number: number i of a seed is the same, whichever process draws it and when.

So a training that was killed goes on with the examples that it would have had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from torch.utils.data import DataLoader, Dataset

Example = TypeVar("Example", covariant=True)
Batch = TypeVar("Batch")


class Examples(Dataset[Example], Generic[Example]):
    """Examples `first` to `first + count` - 1 of a seed."""

    def __init__(
        self, seed: int, first: int, count: int, draw: Callable[[np.random.Generator], Example]
    ) -> None:
        """Take how an example is drawn; none is drawn yet."""
        self._seed, self._first, self._count, self._draw = seed, first, count, draw

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Example:
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._draw(np.random.default_rng([self._seed, self._first + index]))

    def batches(
        self, size: int, workers: int, join: Callable[[list[Example]], Batch]
    ) -> Iterator[Batch]:
        """Yield the examples in order, `size` joined to a batch; a smaller rest is dropped.

        Args:
            size: Examples per batch.
            workers: Processes that draw them; 0: this one does.
            join: Makes a batch of examples.
        """
        yield from DataLoader(
            self, batch_size=size, collate_fn=join, num_workers=workers, drop_last=True
        )
