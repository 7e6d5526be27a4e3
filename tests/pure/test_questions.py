"""Questions as they are written to questions.json."""

from __future__ import annotations

import json

from sam4ct.corrections import Correction, End, Kind
from sam4ct.questions import Answer, Question, as_json, question_of

CELL, NEXT, OTHER = End(3, 7, (4.5, 6.0)), End(4, 8, (5.0, 6.0)), End(4, 0, (9.0, 2.5))


def test_a_question_survives_its_file() -> None:
    answers = (
        Answer("goes on in 8", (Correction(Kind.SAME_CELL, (CELL, NEXT)),), 0.625),
        Answer("divides into 8 and the one beside it", (divided(),), 0.25),
        Answer("ends here", (Correction(Kind.ENDS, (CELL,), note="dies"),), 0.125),
    )
    question = Question("Where does cell 7 go?", CELL, answers, 1.5)
    assert question_of(json.loads(json.dumps(as_json(question)))) == question


def test_corrections_have_the_columns_of_their_table() -> None:
    question = Question("Does it divide?", CELL, (Answer("yes", (divided(),), 1.0),), 1.0)
    (correction,) = as_json(question)["answers"][0]["corrections"]
    assert correction == {
        **{"kind": "divides", "t": 3, "label": 7, "place": "4.5 6"},
        **{"t2": 4, "label2": 8, "place2": "5 6", "place3": "9 2.5"},
    }


def divided() -> Correction:
    return Correction(Kind.DIVIDES, (CELL, NEXT, OTHER))
