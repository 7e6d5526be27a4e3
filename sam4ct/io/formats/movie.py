"""What a movie in any format tells of itself, and how its pixels are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import nan
from pathlib import Path
from typing import Protocol

import numpy as np

from sam4ct.io.tiff import Frame
from sam4ct.profile import Spacing

UNNAMED = "?"
"""Stands for an axis of which the file does not say what it is."""
NO_SPACING: Spacing = (nan, nan, nan)


@dataclass(frozen=True)
class Facts:
    """What the header of a movie says."""

    axes: str
    """A letter an axis, in the order of the file: T, C, Z, Y, X, `UNNAMED`, or others."""
    shape: tuple[int, ...]
    """Length of each axis."""
    dtype: np.dtype[np.generic]
    """In the byte order of this machine."""
    channels: tuple[str, ...] = ()
    """Their names; () if the file does not say them."""
    spacing_um: Spacing = NO_SPACING
    """Size of a voxel (z, y, x) in micrometres; nan where the file does not say it."""
    interval_s: float = nan
    """Seconds from one time point to the next; nan where the file does not say it."""


class Movie(Protocol):
    """A movie that is open for reading. No more than what is asked for is in memory."""

    @property
    def path(self) -> Path:
        """The file or folder; named in messages."""
        ...

    @property
    def facts(self) -> Facts: ...

    def read(self, at: Mapping[int, int]) -> Frame:
        """Return the pixels at one place along some axes; the other axes keep their order.

        Args:
            at: Number of the axis → place along it.

        Raises:
            SequenceError: The pixels are missing or damaged.
        """
        ...

    def tiff_of(self, t: int) -> Path | None:
        """Return the TIFF file that holds time point t and nothing else; None without one."""
        ...

    def refuse_lossy(self) -> None:
        """Refuse the movie as masks if its compression has changed the labels.

        Raises:
            SequenceError: It has.
        """
        ...


def without(at: Mapping[int, int], axes: int) -> tuple[int | slice, ...]:
    """Return the index of an array with so many axes that gives what `Movie.read` returns."""
    return tuple(at.get(axis, slice(None)) for axis in range(axes))


def read_pages(
    facts: Facts,
    page: Sequence[int],
    decoded: Callable[[Sequence[int]], Frame],
    at: Mapping[int, int],
) -> Frame:
    """Read a part of a movie from pages, as `Movie.read` does, one page in memory.

    Args:
        facts: Of the movie.
        page: Shape of a page: the last axes of the movie.
        decoded: Gives the page at a place along the axes before those.
        at: As for `Movie.read`. A page that holds more is cut after it is decoded.
    """
    shape, first = facts.shape, len(facts.shape) - len(page)
    lead = [[at[axis]] if axis in at else range(shape[axis]) for axis in range(first)]
    inside = without({axis - first: place for axis, place in at.items()}, len(page))
    kept = [axis for axis in range(first) if axis not in at]
    out = np.empty([n for axis, n in enumerate(shape) if axis not in at], facts.dtype)
    for places in product(*lead):
        out[tuple(places[axis] for axis in kept)] = decoded(places)[inside]
    return out
