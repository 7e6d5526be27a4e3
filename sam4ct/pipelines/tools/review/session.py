"""A review session: the answers of a person, their file, and the questions that remain.

Every answer is in the file before the page hears of it, so that a session that is killed loses
nothing. Saving does not wait for a solution that is being computed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sam4ct.corrections import Correction, contradictions, in_order
from sam4ct.errors import Sam4ctError
from sam4ct.io.corrections import read_corrections, write_corrections
from sam4ct.questions import Question, correction_of, row_of
from sam4ct.report.frames.ends import LinkEnds
from sam4ct.report.review import Served, questions_data, review_data

BATCH = 10
"""Answers after which the page asks for a new solution."""


@dataclass(frozen=True)
class Solution:
    """The lineage that obeys all answers, as far as the page tells of it."""

    links: int
    """Links that are other than in the result on disk."""
    tracks: int
    """Tracks of the result on disk that are other now."""
    questions: Sequence[Question]
    """What to ask next, the best first."""


Solve = Callable[[Sequence[Correction]], Solution]


class ReviewSession:
    """The answers to one result."""

    def __init__(self, path: Path, solve: Solve, ends: LinkEnds, names: tuple[str, str]) -> None:
        """Read the answers that are there, and find the first questions.

        Args:
            path: `SS_CORRECTIONS.csv`.
            solve: Returns the lineage that obeys answers, and the next questions.
            ends: Images and regions, for pictures.
            names: Of the dataset and of the sequence.

        Raises:
            CorrectionsError: The file is no file of corrections.
        """
        self.path, self._ends, self._names, self._solve = path, ends, names, solve
        self._earlier = read_corrections(path) if path.exists() else ()
        self._answers: dict[str, tuple[Correction, ...]] = {}
        self._saving, self._solving = threading.Lock(), threading.Lock()
        self._pictures: dict[Question, dict[str, Any]] = {}
        self._shown: dict[str, dict[str, Any]] = {}
        self.questions = list(solve(self._earlier).questions)

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """All answers, earlier ones too, in the order of the file."""
        answers = list(self._answers.values())
        return in_order([*self._earlier, *(each for answer in answers for each in answer)])

    def answer(self, key: str, rows: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
        """Save the answer to a question, or take it back; return what the page says.

        Args:
            key: Of the question.
            rows: Corrections as JSON objects, see `questions.row_of`; None takes the answer back.

        Returns:
            `words`, and `problem` if the answer contradicts another one; it is saved all the same.

        Raises:
            ValueError: A row is no correction; nothing is saved then.
            WorkError: The disk refuses.
        """
        given = None if rows is None else _corrections_of(rows)
        with self._saving:
            before = dict(self._answers)
            self._answers.pop(key, None)
            if given is not None:
                self._answers[key] = given
            try:
                write_corrections(self.path, self.corrections)
            except Sam4ctError:
                self._answers = before
                raise
            said = {
                "words": f"{_counted(len(self.corrections), 'correction')} in {self.path.name}."
            }
        if problem := _contradiction(self.corrections):
            said["problem"] = problem
        return said

    def solve(self) -> dict[str, Any]:
        """Return what changed and what to ask next, as the page takes it.

        Raises:
            Sam4ctError: The answers cannot be obeyed.
        """
        with self._solving:
            found = self._solve(self.corrections)
            self.questions = list(found.questions)
            words = (
                f"Solved again: {_counted(found.links, 'link')} changed,"
                f" {_counted(found.tracks, 'track')}."
            )
            return {"words": words, "questions": self._drawn(self.questions)}

    def data(self) -> dict[str, Any]:
        """Return the data of the page's review view; answered questions come first."""
        with self._solving:
            rows = {key: [row_of(each) for each in rows] for key, rows in self._answers.items()}
            data = review_data([], self._ends, self._names, self._earlier, Served(BATCH, rows))
            new = self._drawn(self.questions)
            old = [self._shown[key] for key in self._answers if key in self._shown]
            keys = {question["key"] for question in old}
            return data | {"questions": old + [each for each in new if each["key"] not in keys]}

    def _drawn(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """Return questions with pictures; those of the last time are not drawn again."""
        new = [question for question in questions if question not in self._pictures]
        fresh = dict(zip(new, questions_data(new, self._ends), strict=True))
        self._pictures = {each: self._pictures.get(each) or fresh[each] for each in questions}
        drawn = list(self._pictures.values())
        answered = {key: each for key, each in self._shown.items() if key in self._answers}
        self._shown = answered | {question["key"]: question for question in drawn}
        return drawn


def _corrections_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Correction, ...]:
    try:
        found = tuple(correction_of(row) for row in rows)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no correction: {error}") from error
    if problems := [each.problem for each in found if each.problem]:
        raise ValueError(problems[0])
    return found


def _contradiction(corrections: Sequence[Correction]) -> str:
    """Return which two answers exclude each other; "" if none do."""
    # Of the same region, answers may know other places.
    plain = [
        replace(each, ends=tuple(replace(e, place=() if e.label else e.place) for e in each.ends))
        for each in corrections
    ]
    for one, other in contradictions(plain):
        return (
            f"{one.kind.value!r} and {other.kind.value!r} contradict each other"
            f" ({other.ends[0]}). Press u to take the last answer back."
        )
    return ""


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
