"""Answers: the corrections of a run, and whether a result was made with others.

They lie in `SS_CORRECTIONS.csv` beside the result, or where --corrections says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sam4ct.corrections import Correction, digest
from sam4ct.errors import CorrectionsError, WorkError
from sam4ct.io.corrections import corrections_file, read_corrections
from sam4ct.io.ctc import work_dir_of
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.options import Options

RECORDED = "answers"
"""Part of `run.json` about them."""


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
    return {RECORDED: {"count": len(answers), "digest": digest(answers)}} if answers else {}


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
    """Whether a result is there whose run had other answers than there are now.

    Raises:
        CorrectionsError: The file of corrections cannot be obeyed.
    """
    path = WorkDir(work_dir_of(result_dir)).run_json
    try:
        record = json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError) as error:
        raise WorkError(f"{path}: is damaged. Add --overwrite to make the result again.") from error
    if not isinstance(record, dict):
        return False
    before = record.get(RECORDED, {}).get("digest", "")
    return bool(before != digest(read_answers(result_dir, options)))
