"""Questions: what a person is asked about the lineage, and what each answer would write.

Pure: no files. `as_json` and `question_of` convert to and from the objects in `questions.json`.
Which questions are asked, and which first, is decided in `stages.correct`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sam4ct.corrections import Correction, End, Kind, text_of

VERSION = 1
"""Version of the file's layout."""
_DIGITS = 4
"""Decimal digits of probabilities and gains in the file."""


@dataclass(frozen=True)
class Answer:
    """One of the competing answers of a question."""

    text: str
    """E.g. "goes on in cell 12", "divides into 12 and 14", "ends here", "is no cell"."""
    corrections: tuple[Correction, ...]
    """What is written if it is chosen, all together."""
    probability: float
    """That it is right, 0 to 1."""


@dataclass(frozen=True)
class Question:
    """One place of the lineage to look at."""

    text: str
    """E.g. "Where does cell 7 of frame 12 go?"."""
    about: End
    """The region in question, by label of the given masks (if it is one) and by place."""
    answers: tuple[Answer, ...]
    """The first is what the lineage has now; the others begin with the most probable."""
    gain: float
    """Wrong and missing links that an answer is expected to remove."""


def as_json(question: Question) -> dict[str, Any]:
    """Return a question as in `questions.json`.

    Places of questions are lists of pixels, ([z,] y, x). A correction has the columns of
    `corrections.csv` that are not empty: `kind`, `t`, `label`, `place`, `t2` and so on; its places
    are texts, as in that file.
    """
    return {
        "text": question.text,
        "t": question.about.t,
        "label": question.about.label,
        "place": list(question.about.place),
        "gain": round(question.gain, _DIGITS),
        "answers": [
            {
                "text": answer.text,
                "probability": round(answer.probability, _DIGITS),
                "corrections": [row_of(one) for one in answer.corrections],
            }
            for answer in question.answers
        ],
    }


def question_of(row: Mapping[str, Any]) -> Question:
    """Return a question from its JSON object.

    Raises:
        KeyError, TypeError, ValueError: Something is missing, or of the wrong kind.
    """
    answers = tuple(
        Answer(
            str(answer["text"]),
            tuple(correction_of(one) for one in answer["corrections"]),
            float(answer["probability"]),
        )
        for answer in row["answers"]
    )
    place = tuple(float(c) for c in row["place"])
    about = End(int(row["t"]), int(row["label"]), place)
    return Question(str(row["text"]), about, answers, float(row["gain"]))


def row_of(correction: Correction) -> dict[str, Any]:
    """Return the columns of a correction that are not empty."""
    row: dict[str, Any] = {"kind": correction.kind.value}
    for number, end in zip(("", "2", "3"), correction.ends, strict=False):
        if number != "3":  # the third region is always of the frame of the second
            row[f"t{number}"] = end.t
        if end.label:
            row[f"label{number}"] = end.label
        if end.place:
            row[f"place{number}"] = text_of(end.place)
    if correction.note:
        row["note"] = correction.note
    return row


def correction_of(row: Mapping[str, Any]) -> Correction:
    """Return a correction from its JSON object, see `row_of`.

    Raises:
        KeyError, TypeError, ValueError: Something is missing, or of the wrong kind.
    """
    ends = []
    for number in ("", "2", "3"):
        label, place = int(row.get(f"label{number}", 0)), str(row.get(f"place{number}", ""))
        if label or place:
            t = int(row["t2"] if number == "3" else row[f"t{number}"])
            ends.append(End(t, label, tuple(float(c) for c in place.split())))
    return Correction(Kind(row["kind"]), tuple(ends), note=str(row.get("note", "")))
