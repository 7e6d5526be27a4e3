"""The same work on many pieces, several of them at a time, in threads.

Threads suffice, because numpy and HiGHS release Python's lock while they work. The result does
not depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Piece = TypeVar("Piece")
Result = TypeVar("Result")

MOST = 4
"""Pieces at a time; each needs its own memory."""
STRETCH = 2**15
"""Rows that are processed at a time: columns of this length stay in a processor's cache."""


def processors() -> int:
    """Return how many processors the system lets this process use.

    CPU quotas of containers and `OMP_NUM_THREADS` do not count.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """Return the results of the work on each piece, in the order of the pieces.

    Raises:
        Exception: Whatever the work raises; pieces that have not begun are not done.
    """
    pieces = list(pieces)
    threads = min(MOST, processors(), len(pieces))
    if threads < 2:
        return [work(piece) for piece in pieces]
    with ThreadPoolExecutor(threads, thread_name_prefix="piece") as pool:
        return list(pool.map(work, pieces))


def stretches(count: int) -> list[slice]:
    """Return slices of STRETCH rows that cover `count` rows; one empty slice for no rows."""
    return [slice(first, min(count, first + STRETCH)) for first in range(0, max(1, count), STRETCH)]


def in_stretches(work: Callable[[slice], NDArray[Any]], count: int) -> NDArray[Any]:
    """Return the results of the work on `count` rows, stretch by stretch, joined in their order."""
    return np.concatenate(each(work, stretches(count)))
