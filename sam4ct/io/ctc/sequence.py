"""Find the images and masks of a Cell Tracking Challenge sequence, and read its frames.

Images in `DATASET/SS` and masks in `DATASET/SS_ERR_SEG` are paired by frame number. Frames are
numbered from 0; arrays are (y, x) or (z, y, x).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.ctc.sequence_names import MASKS, choose_sequences, sequence_name
from sam4ct.io.files import (
    frame_files,
    in_one_message,
    pairing_problems,
    refuse_non_labels,
    refuse_not_finite,
)
from sam4ct.io.tiff import Frame, read_frame, read_info, read_label_frame, remedy_for_shape

RESULT = "_RES"


@dataclass(frozen=True)
class CtcSequence:
    """The files of one sequence, complete and paired."""

    dataset: str
    """Name of the dataset's folder, see `text_of_name`."""
    name: str
    """Digits, e.g. `01`."""
    images: tuple[Path, ...]
    """One file a frame, by frame number."""
    masks: tuple[Path, ...]
    """The masks to link, one file a frame, by frame number."""
    digits: int
    """Width of the frame numbers in file names, 3 or 4."""
    result_dir: Path

    @property
    def work_dir(self) -> Path:
        """Folder of all files except the result."""
        return work_dir_of(self.result_dir)


def work_dir_of(result_dir: Path) -> Path:
    """Return the work folder of a result: `SS_RES.sam4ct` beside it."""
    return result_dir.with_name(f"{result_dir.name}.sam4ct")


def find_sequences(
    dataset_dir: Path, names: Sequence[str] = (), out: Path | None = None
) -> list[CtcSequence]:
    """Return the sequences of a dataset, with their frames found and paired.

    Args:
        dataset_dir: Holds `SS` and `SS_ERR_SEG`; SS are digits.
        names: Sequences, as `01`, `01/` or `DATASET/01`; () for all with masks.
        out: The result folder of one sequence; of several, the folder in which
            `DATASET/SS_RES` are made; None: beside the input.

    Raises:
        SequenceError: A sequence is missing or its frames are not complete and paired.
    """
    dataset_dir = Path(os.path.abspath(dataset_dir))
    chosen = choose_sequences(dataset_dir, [sequence_name(dataset_dir, name) for name in names])
    sequences = []
    for name in chosen:
        if out is None:
            result_dir = dataset_dir / f"{name}{RESULT}"
        elif len(chosen) == 1:
            result_dir = Path(os.path.abspath(out))
        else:
            result_dir = Path(os.path.abspath(out)) / dataset_dir.name / f"{name}{RESULT}"
        inputs = [dataset_dir / name, dataset_dir / f"{name}{MASKS}"]
        refuse_input_as_result(result_dir, inputs)
        sequences.append(_paired(dataset_dir, name, result_dir))
    return sequences


def refuse_other_type(
    path: Path, dtype: np.dtype[Any], first: Path, first_dtype: np.dtype[Any]
) -> None:
    """Raise SequenceError if a frame has another type than the first one of its folder."""
    if dtype != first_dtype:
        raise SequenceError(
            f"{path}: has the type {dtype}, but {first.name} has {first_dtype}. Save all of them"
            " with one type."
        )


class CtcReader:
    """Reads the frames of a sequence; a `FrameReader`.

    Every frame is checked when it is read, so files that change after `preflight` are noticed.
    Nothing is kept between calls.
    """

    def __init__(self, sequence: CtcSequence) -> None:
        self._sequence = sequence

    @property
    def frames(self) -> int:
        return len(self._sequence.images)

    @functools.cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x), from the header of the first image."""
        return read_info(self._sequence.images[0]).shape

    @functools.cached_property
    def _image_type(self) -> np.dtype[Any]:
        return read_info(self._sequence.images[0]).dtype

    def image(self, t: int) -> Frame:
        """Return the image of a frame, ([z,] y, x), in the file's own dtype.

        Raises:
            SequenceError: The file is unreadable, of another shape or type than the first one,
                or not real numbers.
        """
        path = self._sequence.images[t]
        image = read_frame(path)
        self._refuse_other_shape(path, image)
        if image.dtype.kind not in "uif":
            raise SequenceError(
                f"{path}: the image has the type {image.dtype}. Save it as integers or floats."
            )
        refuse_other_type(path, image.dtype, self._sequence.images[0], self._image_type)
        refuse_not_finite(f"{path}: the image", image)
        return image

    def labels(self, t: int) -> NDArray[np.int32]:
        """Return the labels of a frame, ([z,] y, x), as int32.

        Raises:
            SequenceError: The file is unreadable, of another shape, or not labels.
        """
        path = self._sequence.masks[t]
        labels = read_label_frame(path)
        self._refuse_other_shape(path, labels)
        refuse_non_labels(path, labels)
        return labels.astype(np.int32, copy=False)

    def _refuse_other_shape(self, path: Path, frame: Frame) -> None:
        if frame.shape != self.shape:
            raise SequenceError(
                f"{path}: has the shape {frame.shape}, but {self._sequence.images[0]} has"
                f" {self.shape}. {remedy_for_shape(frame.shape, self.shape)}"
            )


def refuse_input_as_result(result_dir: Path, inputs: Iterable[Path]) -> None:
    """Refuse a result folder that is, contains or is inside an input folder; paths are absolute.

    Raises:
        SequenceError: It is, contains or is inside one.
    """
    if any(result_dir.is_relative_to(p) or p.is_relative_to(result_dir) for p in inputs):
        raise SequenceError(
            f"{result_dir}: the result may not be written into or over the input."
            " Choose another output folder."
        )


def text_of_name(path: Path) -> str:
    """Return the name of a file or folder as text that can be printed and written as UTF-8.

    Bytes that are not UTF-8 (a folder from another system) and invisible characters become
    escapes, `caf\\xe9`. This holds in the locale "C", too, in which Python expects ASCII names.
    """
    text = os.fsencode(path.name).decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _paired(dataset_dir: Path, name: str, result_dir: Path) -> CtcSequence:
    """Return a sequence whose images and masks match frame by frame."""
    images = frame_files(dataset_dir / name, "t")
    masks = frame_files(dataset_dir / f"{name}{MASKS}", "mask")
    problems = [*images.problems, *masks.problems, *pairing_problems(images, masks)]
    if problems:
        raise SequenceError(in_one_message(problems))
    return CtcSequence(
        dataset=text_of_name(dataset_dir),
        name=name,
        images=tuple(images.files.values()),
        masks=tuple(masks.files.values()),
        digits=images.width,
        result_dir=result_dir,
    )
