"""The report of a result folder on disk, of sam4ct or of any other tool.

`run.json` and `links.parquet`, which a run of sam4ct leaves beside its result, add facts and
links if they are there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.corrections import Correction
from sam4ct.errors import ResultError, SequenceError, WorkError
from sam4ct.io.corrections import corrections_file, read_corrections
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
from sam4ct.io.files import (
    frame_files,
    in_one_message,
    list_folder,
    pairing_problems,
    read_json,
    work_errors,
)
from sam4ct.io.tiff import read_frame, spacing_of
from sam4ct.io.work import WorkDir, read_table
from sam4ct.lineage import Track
from sam4ct.questions import Question, question_of
from sam4ct.report.frames.whole import WholeFrames, ends_in
from sam4ct.report.page import page_html, write_report
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


@dataclass(frozen=True)
class StoredResult:
    """What a report shows of a result folder on disk."""

    sequence: CtcSequence
    work: WorkDir
    result: ResultFolder
    tracks: Sequence[Track]
    links: Links
    facts: Mapping[str, Any]

    @property
    def reader(self) -> CtcReader:
        """Images, and given masks if there are any."""
        return CtcReader(self.sequence)

    def asked(self) -> tuple[list[Question], tuple[Correction, ...]]:
        """Return the questions about the result, and the corrections that lie beside it.

        Raises:
            CorrectionsError: The corrections cannot be read.
            WorkError: The file of questions is damaged.
        """
        rows = read_json(self.work.questions, self.work.root, _questions)
        if not rows or not self.sequence.masks:
            return [], ()
        path = corrections_file(self.sequence.result_dir)
        return rows["questions"], read_corrections(path) if path.is_file() else ()

    def page(self, review: Mapping[str, Any]) -> str:
        """Return the page with a review view, see `review.review_data`."""
        movie, ends = WholeFrames(self.reader, self.result), ends_in(self.reader, self.result)
        return page_html(movie, ends, self.tracks, self.links, self.facts, review=review)


def stored_result(res_dir: Path, images: Path | None = None) -> StoredResult:
    """Return a result folder as it is on disk.

    Raises:
        ResultError: The result breaks the rules of the challenge.
        SequenceError: The images are missing, or do not fit the result.
        WorkError: A file of the run is damaged.
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
    names = {"dataset": sequence.dataset, "sequence": sequence.name}
    spacing = {"spacing_um": spacing_of(sequence.images[0])}
    return StoredResult(
        sequence,
        work,
        ResultFolder(frame_files(res_dir, MASK, beside=(TRACKS,)).files),
        read_tracks(res_dir / TRACKS),
        read_table(work.links, Links) if has_links else Links.empty(),
        names | spacing | facts_of_run(_run_record(work.run_json)),
    )


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
    found = stored_result(res_dir, images)
    write_report(
        found.work.report,
        found.reader,
        found.result,
        found.tracks,
        found.links,
        found.facts,
        scores,
        *found.asked(),
    )
    return found.work.report


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


def _questions(content: Any) -> dict[str, Any]:
    return {"questions": [question_of(row) for row in content["questions"]]}


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
