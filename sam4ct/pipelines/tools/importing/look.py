"""What a movie and its masks are taken for, by their headers and by what the user says."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import isfinite, isnan
from pathlib import Path
from typing import Any

from sam4ct.errors import SequenceError
from sam4ct.io.files import refuse_label_type
from sam4ct.io.formats import (
    DROPPED,
    Folder,
    Frames,
    Movie,
    channel_name,
    channel_of,
    open_movie,
    refuse_unpaired,
    settle,
)
from sam4ct.io.tiff import SPACING_UNKNOWN
from sam4ct.profile import Spacing

logger = logging.getLogger(__name__)

AXIS_NAMES = {"T": "time", "C": "channels", "Z": "slices", "Y": "rows", "X": "columns"}


@dataclass(frozen=True)
class Wishes:
    """What a user says of a movie; what is left out is taken from its header."""

    axes: str | None = None
    """Axes of the images, a letter of TCZYX for each."""
    channel: str | None = None
    """Number, from 0 on, or name."""
    spacing_um: Spacing | None = None
    """Size of a voxel (z, y, x)."""
    interval_s: float | None = None
    """Seconds from frame to frame."""
    frames: slice = field(default_factory=lambda: slice(None))
    """Those to take."""


@dataclass(frozen=True)
class Look:
    """What two movies were taken for."""

    images: Frames
    masks: Frames
    axes: tuple[str, str]
    channel: int | None
    chosen: range
    """Numbers of the frames to take."""
    spacing_um: Spacing
    """nan where nothing says it."""
    interval_s: float

    def in_words(self) -> str:
        """Return what was recognised, some lines."""
        movie = self.images.movie
        lines = [
            _axes_in_words(frames.movie, axes)
            for frames, axes in zip((self.images, self.masks), self.axes, strict=True)
        ]
        if self.channel is not None:
            lines.append(f"channel: {channel_name(movie, self.channel)}")
        lines.append(f"frames: {len(self.chosen)} ({self.chosen[0]} to {self.chosen[-1]})")
        space = self.spacing_um[-len(self.images.shape) :]
        lines.append(f"voxel (micrometres): {_or_unknown(space, '--spacing Z Y X')}")
        lines.append(f"interval (seconds): {_or_unknown((self.interval_s,), '--interval')}")
        return "\n".join(lines)

    def facts(self) -> dict[str, Any]:
        """Return what is written into `DATASET/SS.json`."""
        return {
            "images": str(self.images.movie.path),
            "masks": str(self.masks.movie.path),
            "axes": self.axes[0].replace(DROPPED, ""),
            "channel": self.channel,
            "frames": [self.chosen[0], self.chosen[-1] + 1],
            "spacing_um": [None if isnan(size) else size for size in self.spacing_um],
            "interval_s": None if isnan(self.interval_s) else self.interval_s,
        }


def look_at(images: Path, masks: Path, wishes: Wishes, command: str, opened: ExitStack) -> Look:
    """Open a movie and its masks and find out what they are; headers alone are read.

    Args:
        images: The movie.
        masks: Its masks.
        wishes: What the user says of the movie.
        command: What the user may type, to be followed by an option.
        opened: Closes both in the end.

    Raises:
        SequenceError: As `import_movie`.
    """
    if images.is_file() and masks.is_file() and images.samefile(masks):
        raise SequenceError(
            f"{images}: is given for the images and for the masks. Give the images first, then the"
            " masks."
        )
    movie = opened.enter_context(open_movie(images))
    labels = opened.enter_context(open_movie(masks, masks=True))
    if isinstance(movie, Folder) and isinstance(labels, Folder):
        refuse_unpaired(movie, labels)
    if movie.facts.dtype.kind not in "buif":
        raise SequenceError(
            f"{images}: the image has the type {movie.facts.dtype}. Save it as integers or floats."
        )
    refuse_label_type(masks, labels.facts.dtype)
    labels.refuse_lossy()
    axes = settle(movie, labels, wishes.axes, command)
    channel = channel_of(movie, axes[0], wishes.channel)
    frames = Frames(movie, axes[0], channel)
    chosen = range(len(frames))[wishes.frames]
    if not chosen:
        raise SequenceError(
            f"{images}: has the frames 0 to {len(frames) - 1}, none of those of --frames. Choose"
            " some of them."
        )
    spacing = wishes.spacing_um or movie.facts.spacing_um
    if len(frames.shape) == len(spacing) and any(map(isnan, spacing)):
        logger.warning(SPACING_UNKNOWN, images, "Add --spacing Z Y X.")
    interval = wishes.interval_s or movie.facts.interval_s
    return Look(frames, Frames(labels, axes[1]), axes, channel, chosen, spacing, interval)


def _axes_in_words(movie: Movie, axes: str) -> str:
    lengths = zip(axes, movie.facts.shape, strict=True)
    named = ", ".join(f"{AXIS_NAMES[axis]} {n}" for axis, n in lengths if axis != DROPPED)
    kind = f"{len(movie.files)} files" if isinstance(movie, Folder) else "one file"
    return f"{movie.path}: {kind}, {named} ({movie.facts.dtype})"


def _or_unknown(values: tuple[float, ...], option: str) -> str:
    if not all(map(isfinite, values)):
        return f"unknown ({option} says it)"
    return " x ".join(f"{value:g}" for value in values)
