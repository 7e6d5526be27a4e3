"""The report of a result folder on disk, of sam4ct or of any other tool.

`run.json` and `links.parquet`, which a run of sam4ct leaves beside its result, add facts and
links if they are there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import ResultError, SequenceError, WorkError
from sam4ct.io.ctc import (
    MASK,
    MASKS,
    RESULT,
    TRACKS,
    CtcReader,
    CtcSequence,
    images_of_result,
    read_tracks,
    text_of_name,
    validate_result,
)
from sam4ct.io.files import frame_files, in_one_message, list_folder, pairing_problems, work_errors
from sam4ct.io.tiff import read_frame, spacing_of
from sam4ct.io.work import WorkDir, read_table
from sam4ct.report.page import write_report
from sam4ct.report.words import facts_of_run
from sam4ct.tables import Links


@dataclass(frozen=True)
class ResultFolder:
    """The masks of a valid result folder; `ResultFrames`."""

    masks: Mapping[int, Path]
    """By frame."""

    def labels(self, t: int) -> NDArray[np.uint16]:
        """Return the track labels of a frame, ([z,] y, x).

        Raises:
            SequenceError: The file cannot be read.
        """
        return read_frame(self.masks[t]).astype(np.uint16, copy=False)


def rebuild_report(
    res_dir: Path, images: Path | None = None, scores: Mapping[str, float | None] | None = None
) -> Path:
    """Write the report of a result folder, `SS_RES.sam4ct/report.html` beside it.

    Args:
        res_dir: The result, `SS_RES`.
        images: Its images; None: `SS` beside it.
        scores: As `write_report` takes them.

    Returns:
        The report's file.

    Raises:
        ResultError: The result breaks the rules of the challenge.
        SequenceError: The images are missing, or do not fit the result.
        WorkError: The report cannot be written, or a file of the run is damaged.
    """
    res_dir = Path(os.path.abspath(res_dir))
    images = _images_of(res_dir) if images is None else Path(os.path.abspath(images))
    if problems := validate_result(res_dir, images):
        raise ResultError(
            f"{res_dir}: breaks the rules of the challenge: {in_one_message(problems)}"
            " Correct the result first; `sam4ct validate` lists all problems."
        )
    sequence = _sequence(res_dir, images)
    work = WorkDir(sequence.work_dir)
    has_links = bool(sequence.masks) and work.links.exists()
    write_report(
        work.report,
        CtcReader(sequence),
        ResultFolder(frame_files(res_dir, MASK, beside=(TRACKS,)).files),
        read_tracks(res_dir / TRACKS),
        read_table(work.links, Links) if has_links else Links.empty(),
        {
            "dataset": sequence.dataset,
            "sequence": sequence.name,
            "spacing_um": spacing_of(sequence.images[0]),
        }
        | facts_of_run(_run_record(work.run_json)),
        scores,
    )
    return work.report


def _images_of(res_dir: Path) -> Path:
    list_folder(res_dir)
    if images := images_of_result(res_dir):
        return images
    images = res_dir.with_name(res_dir.name.removesuffix(RESULT))
    if images == res_dir:
        raise SequenceError(
            f"{res_dir}: its name is not SS{RESULT}, so its images are not known. Name their folder"
            " with --images."
        )
    raise SequenceError(
        f"{images}: the images of {res_dir.name} are missing. Name their folder with --images."
    )


def _sequence(res_dir: Path, images: Path) -> CtcSequence:
    """Return the sequence of a result; without masks if there is no folder of them."""
    pictures = frame_files(images, "t")
    masks: tuple[Path, ...] = ()
    folder = images.with_name(f"{images.name}{MASKS}")
    if folder.is_dir():
        given = frame_files(folder, MASK)
        if problems := [*given.problems, *pairing_problems(pictures, given)]:
            raise SequenceError(in_one_message(problems))
        masks = tuple(given.files.values())
    return CtcSequence(
        dataset=text_of_name(images.parent),
        name=text_of_name(images),
        images=tuple(pictures.files.values()),
        masks=masks,
        digits=pictures.width,
        result_dir=res_dir,
    )


def _run_record(path: Path) -> dict[str, Any]:
    """Return what a run wrote about itself; {} if there is nothing."""
    if not path.exists():
        return {}
    with work_errors(path):
        text = path.read_bytes()
    try:
        record = json.loads(text)
    except ValueError as error:
        raise WorkError(
            f"{path}: is damaged ({error}). Delete it, or run the same command again."
        ) from error
    return record if isinstance(record, dict) else {}
