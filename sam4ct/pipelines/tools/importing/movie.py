"""Import: a movie and its masks in any format become a sequence of a CTC dataset."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import MASK, MASKS, InstanceCheck, refuse_input_as_result
from sam4ct.io.ctc.new_sequence import IMAGE, facts_file, new_sequence, recover, refuse_sequence
from sam4ct.io.files import (
    frame_name,
    labels_in,
    refuse_non_labels,
    refuse_not_finite,
    write_json,
)
from sam4ct.io.formats import (
    Folder,
    Frames,
    Movie,
    linked,
    write_image,
    write_labels,
)
from sam4ct.io.tiff import read_info, read_label_info, whole_numbers
from sam4ct.pipelines.tools.importing.look import Look, Wishes, look_at
from sam4ct.runtime import Progress


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
                try:
                    cells = _import_masks(look, folder / targets[1].name, digits, progress.step)
                except SequenceError as error:
                    raise SequenceError(f"{error}{_swap_in_words(look)}") from error
                is_linked = _import_images(
                    look, folder / sequence, digits, progress.step, wishes or Wishes()
                )
            write_json(facts_file(folder, sequence), look.facts())
        return Imported(look.in_words(), cells, is_linked)


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


def _swap_in_words(look: Look) -> str:
    """Return a sentence that asks for the other order if the first frames look like it, else ""."""
    frames = look.images, look.masks
    try:
        image, mask = (np.unique(frame.read(look.chosen[0])) for frame in frames)
    except SequenceError:  # The first error says what is wrong.
        return ""
    whole = image.dtype.kind in "ui" or not (image % 1).any()
    if not (whole and image[0] == 0 and 1 < len(image) < len(mask)):
        return ""
    images, masks = (frame.movie.path for frame in frames)
    return f" {images} looks like masks: if {masks} are the images, give them first."


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
