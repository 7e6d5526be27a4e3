"""Survey: read every frame of a sequence once, before any work is done.

Refuses files that cannot be used, digests the input, and fills the table of detections. The stage
`detect` writes all of it to the work folder; later commands read it there, and read no frame, as
long as no file has changed.

    work/detections.parquet     the regions of the given masks
    work/detect/survey.json     all else, and a stamp that changes with every file
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.derive import Derivation, derive_profile
from sam4ct.intensity import contrasts
from sam4ct.io.ctc import CtcSequence, Preflight, preflight
from sam4ct.io.files import digest_of, work_errors, write_json
from sam4ct.io.tiff import spacing_of
from sam4ct.io.work import WorkDir, read_table, write_table
from sam4ct.pipelines.common.sources import digest_of_sources
from sam4ct.profile import Spacing
from sam4ct.runtime import Progress
from sam4ct.stages.detect import detect_frame
from sam4ct.tables import Detections

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Survey:
    """What is known of a sequence once all frames were read."""

    checked: Preflight
    detections: Detections
    spacing_um: Spacing | None
    """Voxel size (z, y, x) in micrometres, as the first image states it; None if it does not."""
    warnings: tuple[str, ...]
    """Warnings about the files; every command that uses the survey repeats them."""
    stamp: str
    """Digest of names, sizes and times of all files, taken before they were read."""

    def derived(self, dataset: str, spacing_um: Spacing | None = None) -> Derivation:
        """Return the profile that fits the data, and why.

        Args:
            dataset: Its name.
            spacing_um: Size of a voxel, if known better than the files say.
        """
        return derive_profile(
            dataset,
            self.checked.shape,
            self.detections,
            spacing_um=spacing_um or self.spacing_um,
        )


def survey(sequence: CtcSequence) -> Survey:
    """Return the survey of a sequence, from the work folder if it is there and no file has changed.

    Raises:
        SequenceError: A frame cannot be used, or there are no labels at all.
        WorkError: The work folder cannot be read.
    """
    if len(sequence.images) == 1:
        logger.warning("%s: is a single frame: there is nothing to link.", sequence.images[0])
    stamp = _stamp([*sequence.images, *sequence.masks])
    spacing_um = spacing_of(sequence.images[0])
    if kept := _kept(WorkDir(sequence.work_dir), stamp):
        checked, detections, warnings = kept
        for warning in warnings:
            logger.warning("%s", warning)
    else:
        checked, detections, warnings = _read(sequence)
    return Survey(checked, detections, spacing_um, warnings, stamp)


def keep(survey: Survey, work: WorkDir) -> None:
    """Write a survey into the work folder, unless it is there.

    Raises:
        WorkError: The disk refuses.
    """
    facts = _facts(work)
    if facts is None or not _is_whole(work, facts):
        write_table(work.detections, survey.detections)
    elif facts["stamp"] == survey.stamp:
        return
    table = _digest(work.detections)
    facts = {
        "stamp": survey.stamp,
        "table": table,
        "checked": asdict(survey.checked),
        "warnings": list(survey.warnings),
    }
    write_json(_facts_file(work), facts)


class _Heard(logging.Handler):
    """Collects the warnings that are logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


Found = tuple[Preflight, Detections, tuple[str, ...]]
"""Result of reading all frames, with the warnings that were logged."""


def _read(sequence: CtcSequence) -> Found:
    """Read all frames of a sequence once."""
    rows: list[Detections] = []

    def look(t: int, image: NDArray[Any], labels: NDArray[np.int32]) -> None:
        rows.append(detect_frame(t, labels, contrasts(image, labels)))
        progress.step()

    heard, package = _Heard(), logging.getLogger("sam4ct")
    package.addHandler(heard)
    try:
        with Progress(len(sequence.images), "check", "frames") as progress:
            checked = preflight(sequence, each_frame=look)
    finally:
        package.removeHandler(heard)
    return checked, Detections.concat(rows), tuple(heard.messages)


def _kept(work: WorkDir, stamp: str) -> Found | None:
    """Return what an earlier command has written; None if a file has changed since."""
    facts = _facts(work)
    if facts is None or facts["stamp"] != stamp or not _is_whole(work, facts):
        return None
    checked = facts["checked"]
    checked["shape"] = tuple(checked["shape"])
    return Preflight(**checked), read_table(work.detections, Detections), facts["warnings"]


def _facts(work: WorkDir) -> dict[str, Any] | None:
    """Return the content of `survey.json`; None if it is missing or damaged."""
    path = _facts_file(work)
    if not work.has(path):
        return None
    with work_errors(path):
        text = path.read_bytes()
    try:
        facts = json.loads(text)
        return {
            "checked": dict(facts["checked"]),
            "warnings": tuple(map(str, facts["warnings"])),
            **{k: str(facts[k]) for k in ("stamp", "table")},
        }
    except (ValueError, KeyError, TypeError):
        return None  # The frames are read again, and it is written again.


def _is_whole(work: WorkDir, facts: dict[str, Any]) -> bool:
    """Whether the table is the one that was written with the facts."""
    return work.has(work.detections) and _digest(work.detections) == facts["table"]


def _stamp(files: Iterable[Path]) -> str:
    """Digest of the code and of every file's name, size, times and inode number.

    `st_ctime` cannot be set, so a file that was replaced by one of the same size and date is
    noticed, too.
    """
    rows = [("code", digest_of_sources(__name__))]
    for path in files:
        status = path.stat()
        known = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        rows.append((path.name, " ".join(map(str, known))))
    return digest_of(rows)


def _digest(path: Path) -> str:
    with work_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts_file(work: WorkDir) -> Path:
    return work.artifact("detect", "survey.json")
