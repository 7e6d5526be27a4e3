"""Questions about a `FakeSequence`, and reports that ask them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scenes.report_fakes import FACTS, LINKS, TRACKS, FakeResult, FakeSequence, Page

from sam4ct.corrections import Correction, End, Kind
from sam4ct.questions import Answer, Question
from sam4ct.report import write_report


def division() -> Question:
    """Does cell 11 of frame 2 divide? Its regions there have the labels of the input."""
    mother, one, other = End(2, 11), End(3, 12), End(3, 13)
    return Question(
        "Does cell 11 of frame 2 divide?",
        mother,
        (
            Answer(
                "divides into 12 and 13", (Correction(Kind.DIVIDES, (mother, one, other)),), 0.6
            ),
            Answer("goes on in 12", (Correction(Kind.SAME_CELL, (mother, one)),), 0.3),
            Answer("ends here", (Correction(Kind.ENDS, (mother,)),), 0.1),
        ),
        gain=1.5,
    )


def links_question(t: int, t2: int) -> Question:
    """Does the bystander go on?"""
    here, there = End(t, 14), End(t2, 14)
    return Question(
        f"Where does cell 14 of frame {t} go?",
        here,
        (
            Answer("goes on in 14", (Correction(Kind.SAME_CELL, (here, there)),), 0.8),
            Answer("ends here", (Correction(Kind.ENDS, (here,)),), 0.2),
        ),
        gain=0.2,
    )


def reviewed(
    folder: Path,
    questions: Sequence[Question],
    corrections: Sequence[Correction] = (),
    facts: dict[str, Any] = FACTS,
) -> Page:
    """Return a report that asks questions."""
    sequence, path = FakeSequence(), folder / "report.html"
    write_report(
        path, sequence, FakeResult(sequence), TRACKS, LINKS, facts, None, questions, corrections
    )
    return Page(path)
