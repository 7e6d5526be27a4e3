"""Pixels of all or one of the frames of a part, changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from fuzz_faults.cases import Case, Frames
from fuzz_faults.registry import (
    Blame,
)

Change = Callable[[NDArray[Any]], NDArray[Any]]
LABELLED = ("masks", "labels")


def change_all(part: Frames, change: Change) -> Blame:
    """Change every frame; return what may be named."""
    part.change(change)
    return [*part.names, part.folder]


def change_one(case: Case, part: Frames, change: Change) -> Blame:
    """Change one frame, and name it."""
    t = int(case.rng.integers(len(part.arrays)))
    part.arrays[t] = change(part.arrays[t])
    return [part.names[t]]
