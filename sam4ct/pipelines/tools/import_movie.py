"""Import: a movie and its masks in any format become a sequence of a CTC dataset."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import isfinite, isnan
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import MASK, MASKS, InstanceCheck, refuse_input_as_result
from sam4ct.io.ctc.new_sequence import IMAGE, facts_file, new_sequence, recover, refuse_sequence
from sam4ct.io.files import (
    frame_name,
    labels_in,
    refuse_label_type,
    refuse_non_labels,
    refuse_not_finite,
    write_json,
)
from sam4ct.io.formats import (
    DROPPED,
    Folder,
    Frames,
    Movie,
    channel_name,
    channel_of,
    linked,
    open_movie,
    refuse_unpaired,
    settle,
    write_image,
    write_labels,
)
from sam4ct.io.tiff import SPACING_UNKNOWN, read_info, read_label_info, whole_numbers
from sam4ct.profile import Spacing
from sam4ct.runtime import Progress

logger = logging.getLogger(__name__)

AXIS_NAMES = {"T": "time", "C": "channels", "Z": "slices", "Y": "rows", "X": "columns"}


@dataclass(frozen=True)
class Wishes:
    """What a user says of a movie; what is left out is taken from its header."""

    axes: str | None = None
    """Of the images, a letter of TCZYX for each."""
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


@dataclass(frozen=True)
class Imported:
    """An imported sequence."""

    words: str
    """What was recognised, some lines."""
    cells: int
    """In the first frame."""
    linked: bool
    """Whether the images are links to the user's files."""


def import_movie(
    images: Path,
    masks: Path,
    dataset: Path,
    wishes: Wishes | None = None,
    *,
    sequence: str = "01",
    overwrite: bool = False,
    command: str | None = None,
) -> Imported:
    """Write a movie and its masks as `DATASET/01` and `01_ERR_SEG`, one frame in memory.

    Files that are frames as they stand are linked. What is known of the movie is written to
    `DATASET/01.json`, and the size of voxels and the interval into the written frames.

    Args:
        images: A file or folder in any format that `io.formats` reads.
        masks: The same, of labels.
        dataset: The folder of the dataset; made if need be.
        wishes: What the user says of the movie.
        sequence: Digits.
        overwrite: Replace an older sequence.
        command: What messages tell the user to type, with `--axes` added; None: `sam4ct import`.

    Raises:
        SequenceError: One of them cannot be read or used, or they do not fit each other.
        ResultError: The sequence is there already.
        WorkError: The disk refuses.
    """
    dataset = Path(os.path.abspath(dataset))
    if not (sequence.isascii() and sequence.isdigit()):
        raise SequenceError(f"--sequence {sequence}: is no number. Give digits, e.g. 01.")
    targets = [dataset / sequence, dataset / f"{sequence}{MASKS}"]
    for target in targets:
        refuse_input_as_result(target, [Path(os.path.abspath(p)) for p in (images, masks)])
    recover(dataset, sequence)
    refuse_sequence(dataset, sequence, overwrite=overwrite)
    command = command or shlex.join(["sam4ct", "import", str(images), str(masks), str(dataset)])
    with ExitStack() as opened:
        look = look_at(images, masks, wishes or Wishes(), command, opened)
        with new_sequence(dataset, sequence, overwrite=overwrite) as folder:
            digits = 3 if len(look.chosen) <= 1000 else 4
            with Progress(2 * len(look.chosen), "import", "frames") as progress:
                cells = _import_masks(look, folder / targets[1].name, digits, progress.step)
                is_linked = _import_images(
                    look, folder / sequence, digits, progress.step, wishes or Wishes()
                )
            write_json(facts_file(folder, sequence), look.facts())
        return Imported(look.in_words(), cells, is_linked)


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


def _import_masks(look: Look, folder: Path, digits: int, done: Callable[[], None]) -> int:
    """Write or link all masks, and check them; the cells in the first one are returned."""
    frames = look.masks
    files = _linkable(frames, look.chosen, read_label_info)
    dtype = frames.movie.facts.dtype
    small = dtype.kind in "ui" and dtype.itemsize <= 2
    folder.mkdir()
    check, counts = InstanceCheck(), []
    for number, t in enumerate(look.chosen):
        where = _where(frames, t)
        labels = whole_numbers(where, frames.read(t))
        refuse_non_labels(where, labels)
        labels = labels.astype(np.uint16 if small else np.uint32, copy=False)
        check.add(where, labels)
        counts.append(len(labels_in([labels])))
        target = folder / frame_name(MASK, number, digits)
        if not (files and linked(files[number], target)):
            write_labels(target, labels)
        done()
    if not any(counts):
        raise SequenceError(
            f"{frames.movie.path}: all masks are empty, there is nothing to link. Segment the"
            " cells first."
        )
    check.finish()
    return counts[0]


def _import_images(
    look: Look, folder: Path, digits: int, done: Callable[[], None], wishes: Wishes
) -> bool:
    """Write all images, or link them where nothing is to be said in their headers."""
    frames = look.images
    said = wishes.spacing_um is not None or wishes.interval_s is not None
    files = [] if said else _linkable(frames, look.chosen, read_info)
    folder.mkdir()
    all_linked = bool(files)
    for number, t in enumerate(look.chosen):
        target = folder / frame_name(IMAGE, number, digits)
        if not (files and linked(files[number], target)):
            all_linked = False
            image, where = frames.read(t), f"{_where(frames, t)}: the image"
            refuse_not_finite(where, image)
            write_image(target, image, where, look.spacing_um, look.interval_s)
        done()
    return all_linked


def _linkable(frames: Frames, chosen: range, info_of: Callable[[Path], Any]) -> list[Path]:
    """The files that are frames as they stand, if all are; else none."""
    files = []
    for t in chosen:
        file = frames.tiff_of(t)
        try:
            if file is None or info_of(file).shape != frames.shape:
                return []
        except SequenceError:  # Its header names other axes than the user does.
            return []
        files.append(file)
    return files


def _where(frames: Frames, t: int) -> Path:
    """The file of a frame, or the movie and the number of the frame, to be named in messages."""
    movie: Movie = frames.movie
    if isinstance(movie, Folder):
        return movie.files[t]
    return movie.path.with_name(f"{movie.path.name} (frame {t})")


def _axes_in_words(movie: Movie, axes: str) -> str:
    lengths = zip(axes, movie.facts.shape, strict=True)
    named = ", ".join(f"{AXIS_NAMES[axis]} {n}" for axis, n in lengths if axis != DROPPED)
    kind = f"{len(movie.files)} files" if isinstance(movie, Folder) else "one file"
    return f"{movie.path}: {kind}, {named} ({movie.facts.dtype})"


def _or_unknown(values: tuple[float, ...], option: str) -> str:
    if not all(map(isfinite, values)):
        return f"unknown ({option} says it)"
    return " x ".join(f"{value:g}" for value in values)
