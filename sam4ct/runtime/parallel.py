"""Threads: the same work on many pieces of one problem, several of them at a time.

numpy and HiGHS let go of Python's lock while they work, so that threads suffice. What comes
out does not depend on how many there are.
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
"""Pieces at a time: each takes memory of its own."""
STRETCH = 2**15
"""Numbers in a row that are worked on at once: columns of so many stay in a processor's cache."""


def processors() -> int:
    """Return how many processors this process may use, as the system tells.

    Quotas of containers and settings for other libraries (`OMP_NUM_THREADS`) do not count.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """Return what the work makes of each piece, in their order.

    Raises:
        Exception: What the work raises; pieces that have not begun are left.
    """
    pieces = list(pieces)
    threads = min(MOST, processors(), len(pieces))
    if threads < 2:
        return [work(piece) for piece in pieces]
    with ThreadPoolExecutor(threads, thread_name_prefix="piece") as pool:
        return list(pool.map(work, pieces))


def stretches(count: int) -> list[slice]:
    """Return the numbers below a count, STRETCH at a time; without any, one stretch of none."""
    return [slice(first, min(count, first + STRETCH)) for first in range(0, max(1, count), STRETCH)]


def in_stretches(work: Callable[[slice], NDArray[Any]], count: int) -> NDArray[Any]:
    """Return what the work makes of numbers below a count, row by row, in their order."""
    return np.concatenate(each(work, stretches(count)))
