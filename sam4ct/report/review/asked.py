"""What the review view needs to know of questions, their answers, and corrections.

The questions come from a stage, which an adapter meets in Protocols only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

PLACES = ("", "2", "3")
"""Endings of the columns of a correction's first, second and third region."""


class Ended(Protocol):
    """One region, as `corrections.End`."""

    @property
    def t(self) -> int: ...

    @property
    def label(self) -> int:
        """0: by place alone."""
        ...

    @property
    def place(self) -> tuple[float, ...]:
        """([z,] y, x) pixels; () if not said."""
        ...


class Corrected(Protocol):
    """One correction, as `corrections.Correction`."""

    @property
    def kind(self) -> str: ...

    @property
    def ends(self) -> Sequence[Ended]: ...

    @property
    def note(self) -> str: ...


class Answered(Protocol):
    """One possible answer."""

    @property
    def text(self) -> str: ...

    @property
    def corrections(self) -> Sequence[Corrected]:
        """What is written if it is chosen."""
        ...

    @property
    def probability(self) -> float: ...


class Asked(Protocol):
    """One question; its first answer is what the lineage has now."""

    @property
    def text(self) -> str: ...

    @property
    def about(self) -> Ended: ...

    @property
    def answers(self) -> Sequence[Answered]: ...

    @property
    def gain(self) -> float: ...


def ends_of(question: Asked) -> list[Ended]:
    """Return all regions that a question and its answers name, that in question first."""
    corrections = [c for answer in question.answers for c in answer.corrections]
    return [question.about, *(end for correction in corrections for end in correction.ends)]


def correction_row(correction: Corrected) -> dict[str, Any]:
    """Return a correction as JSON, with the names of the columns of `corrections.csv`.

    A second or third region of the frame of the first names its frame, too, for the page; the file
    has one column of frames for the second and third.
    """
    row: dict[str, Any] = {"kind": str(correction.kind)}
    for ending, end in zip(PLACES, correction.ends, strict=False):
        row[f"t{ending}"] = int(end.t)
        row[f"label{ending}"] = int(end.label)
        row[f"place{ending}"] = [round(float(value), 1) for value in end.place]
    row["note"] = correction.note
    return row
