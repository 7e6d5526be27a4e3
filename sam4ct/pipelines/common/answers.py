"""Answers: the corrections of a run, and whether a result was made with others.

They lie in `SS_CORRECTIONS.csv` beside the result, or where --corrections says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sam4ct.corrections import Correction, digest
from sam4ct.errors import CorrectionsError
from sam4ct.io.corrections import corrections_file, read_corrections
from sam4ct.io.ctc import work_dir_of
from sam4ct.io.files import read_json, write_json
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.options import Options


def answers_path(result_dir: Path, options: Options) -> Path | None:
    """Return the file of the corrections of a run; None if there is none, or none is wanted."""
    if options.corrections is not None:
        return options.corrections
    beside = corrections_file(result_dir)
    return beside if options.use_corrections and beside.is_file() else None


def read_answers(result_dir: Path, options: Options) -> tuple[Correction, ...]:
    """Return the corrections of a run; () if there is no file.

    Raises:
        CorrectionsError: The file cannot be obeyed.
    """
    path = answers_path(result_dir, options)
    return () if path is None else read_corrections(path)


def recorded(answers: tuple[Correction, ...]) -> dict[str, Any]:
    """Return what `run.json` says of the answers that a result obeys; {} without any."""
    return {"answers": {"count": len(answers), "digest": digest(answers)}} if answers else {}


def refuse_answers(result_dir: Path, options: Options) -> None:
    """Refuse corrections where cells are followed by seeds.

    Raises:
        CorrectionsError: There are some.
    """
    if path := answers_path(result_dir, options):
        raise CorrectionsError(
            f"{path}: corrections are for masks that are linked, but here cells are followed by"
            " seeds. Leave it out with --no-corrections; to correct such a result, change its"
            " seeds."
        )


def answers_changed(result_dir: Path, options: Options) -> bool:
    """Whether a result of a run is there, and it was made with other answers than there are now.

    Raises:
        CorrectionsError: The file of corrections cannot be obeyed.
        WorkError: The work folder cannot be read.
    """
    work = WorkDir(work_dir_of(result_dir))
    if work.has(work.answered):
        before = read_json(work.answered, work.answered.parent)
    elif work.has(work.run_json):  # of a version that knew no answers
        before = {}
    else:
        return False
    return bool(before.get("digest", "") != digest(read_answers(result_dir, options)))


def keep_answered(work: WorkDir, answers: tuple[Correction, ...]) -> None:
    """Write with which answers the result was made, once it is there.

    No change of a key removes this: a run that was stopped after new answers still knows that the
    result has older ones.

    Raises:
        WorkError: The disk refuses.
    """
    write_json(work.answered, {"count": len(answers), "digest": digest(answers)})
