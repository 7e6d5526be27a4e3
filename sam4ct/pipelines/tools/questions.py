"""Questions: what to look at in a finished result, after the answers beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sam4ct.io.corrections import corrections_file, read_corrections
from sam4ct.io.ctc import RESULT, work_dir_of
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.link.lineage.ask import ASKED, resolve_and_ask, write_questions
from sam4ct.questions import Question

_HEAD = ("frame", "label", "place", "gain", "question", "the lineage says", "or")


def questions_of(res_dir: Path, n: int = ASKED) -> list[Question]:
    """Write the questions of a result, the best first; return them.

    Args:
        res_dir: `SS_RES`, of a run that linked masks.
        n: Questions, at most.

    Raises:
        CorrectionsError: The answers beside the result cannot be read.
        WorkError: It is no such result, or the disk refuses.
    """
    res_dir = Path(os.path.abspath(res_dir))
    work, answers = WorkDir(work_dir_of(res_dir)), corrections_file(res_dir)
    given = read_corrections(answers) if answers.is_file() else ()
    _, questions = resolve_and_ask(work.root, given, n)
    write_questions(work, res_dir.name.removesuffix(RESULT), questions)
    return questions


def as_table(questions: Sequence[Question]) -> Iterator[str]:
    """Yield the lines of a table of questions, with a header."""
    rows = [_HEAD, *map(_row, questions)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _row(question: Question) -> tuple[str, ...]:
    about, (now, *others) = question.about, question.answers
    best = max(others, key=lambda answer: answer.probability, default=None)
    return (
        str(about.t),
        str(about.label),
        " ".join(f"{c:.0f}" for c in about.place),
        f"{question.gain:.2f}",
        question.text,
        f"{now.text} ({now.probability:.0%})",
        f"{best.text} ({best.probability:.0%})" if best else "",
    )
