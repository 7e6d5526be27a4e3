"""A movie as frames, (y, x) or (z, y, x), once its axes and its channel are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.formats.movie import Movie
from sam4ct.io.formats.settle import DROPPED
from sam4ct.io.tiff import Frame


class Frames:
    """The time points of a movie by number, one in memory."""

    def __init__(self, movie: Movie, axes: str, channel: int | None = None) -> None:
        """Take a movie of which `settle` has named the axes.

        Args:
            movie: Open for reading.
            axes: A letter or `DROPPED` an axis.
            channel: Number of the one to take; None without channels.
        """
        self.movie, self._axes, self._channel = movie, axes, channel
        self._lengths = dict(zip(axes, movie.facts.shape, strict=True))
        self._space = [a for a in "ZYX" if a in axes and (a != "Z" or self._lengths["Z"] > 1)]

    def __len__(self) -> int:
        return self._lengths.get("T", 1)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of every frame, ([z,] y, x)."""
        return tuple(self._lengths[axis] for axis in self._space)

    def read(self, t: int) -> Frame:
        """Return a frame, ([z,] y, x), in the type of the movie.

        Raises:
            SequenceError: It is missing or damaged.
        """
        where = {"T": t, "C": self._channel or 0}
        fixed = {i: where.get(a, 0) for i, a in enumerate(self._axes) if a not in self._space}
        part = self.movie.read(fixed)
        order = [axis for axis in self._axes if axis in self._space]
        return np.ascontiguousarray(part.transpose([order.index(axis) for axis in self._space]))

    def tiff_of(self, t: int) -> Path | None:
        """Return the TIFF file that is this frame as it stands; None without one."""
        kept = "".join(axis for axis in self._axes if axis not in ("T", DROPPED))
        return self.movie.tiff_of(t) if kept == "".join(self._space) else None


def channel_of(movie: Movie, axes: str, asked: str | None) -> int | None:
    """Return the number of a channel, from 0 on, which may be given by its name.

    Returns:
        None where the movie has one channel only.

    Raises:
        SequenceError: There are several and none is asked for, or not that one.
    """
    count = dict(zip(axes, movie.facts.shape, strict=True)).get("C", 1)
    names = movie.facts.channels if len(movie.facts.channels) == count else ()
    if asked is None and count == 1:
        return None
    if asked is not None:
        found = [i for i, name in enumerate(names) if name.casefold() == asked.casefold()]
        number = found[0] if found else int(asked) if asked.isdecimal() else count
        if number < count:
            return number if "C" in axes else None
    told = _listed(names, count)
    wanted = "" if asked is None else f", and none is {asked}"
    raise SequenceError(
        f"{movie.path}: has {count} channel{'s' * (count > 1)} ({told}){wanted}. Add --channel"
        f" with a number or name of them, e.g. --channel {count - 1}."
    )


def channel_name(movie: Movie, channel: int) -> str:
    """Return a channel in words: its number, and its name if the file says it."""
    names = movie.facts.channels
    return f"{channel} ({names[channel]})" if channel < len(names) else f"{channel}"


def _listed(names: Sequence[str], count: int) -> str:
    if names:
        return ", ".join(f"{number}: {name}" for number, name in enumerate(names))
    return f"0 to {count - 1}, without names" if count > 1 else "0"
