"""The review server: answers are in the file at once, and no other page can send any."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from scenes.report_fakes import FakeResult, FakeSequence
from scenes.review_fakes import division, links_question

from sam4ct.corrections import Correction, End, Kind
from sam4ct.errors import CorrectionsError, WorkError
from sam4ct.io.corrections import read_corrections, write_corrections
from sam4ct.pipelines.tools.review import ReviewServer, ReviewSession, Solution
from sam4ct.questions import as_json
from sam4ct.report.frames.whole import ends_in

ROWS = as_json(division())["answers"][0]["corrections"]
ENDS = Correction(Kind.ENDS, (End(5, 14),))


class FakeSolver:
    """Asks what was not answered; knows with which answers it was asked."""

    def __init__(self) -> None:
        self.asked_with: list[tuple[Correction, ...]] = []

    def __call__(self, corrections: Sequence[Correction]) -> Solution:
        self.asked_with.append(tuple(corrections))
        about = {correction.ends[0] for correction in corrections}
        questions = [division(), *(links_question(t, t + 1) for t in range(3))]
        return Solution(2 * len(corrections), 1, [q for q in questions if q.about not in about])


def session_in(folder: Path, solver: FakeSolver | None = None) -> ReviewSession:
    sequence = FakeSequence()
    ends = ends_in(sequence, FakeResult(sequence))
    return ReviewSession(
        folder / "01_CORRECTIONS.csv", solver or FakeSolver(), ends, ("Cells", "01")
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ReviewServer]:
    with ReviewServer(session_in(tmp_path), lambda: "<p>page</p>") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(server: ReviewServer, path: str, content: Any = None, **headers: str) -> tuple[int, str]:
    """Send a request as the page does; return status and text. `headers` replace the usual ones."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    body = None if content is None else json.dumps(content)
    usual = {"Host": server.hosts[0]}
    if content is not None:
        usual |= {"Origin": f"http://{server.hosts[0]}", "Content-Type": "application/json"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET" if body is None else "POST", path, body, usual | named)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_an_answer_is_in_the_file_before_the_page_hears_of_it(server: ReviewServer) -> None:
    status, text = asked(server, f"/{server.token}/answer", {"key": "a", "rows": ROWS})
    assert (status, json.loads(text)) == (200, {"words": "1 correction in 01_CORRECTIONS.csv."})
    assert [c.kind for c in read_corrections(server.session.path)] == [Kind.DIVIDES]


def test_an_answer_that_is_taken_back_leaves_the_file(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    session.answer("a", ROWS)
    session.answer("b", as_json(links_question(0, 1))["answers"][1]["corrections"])
    session.answer("a", None)
    assert [c.kind for c in read_corrections(session.path)] == [Kind.ENDS]


def test_a_new_answer_to_a_question_replaces_the_old_one(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    for answer in as_json(division())["answers"]:
        session.answer("a", answer["corrections"])
    assert [c.kind for c in session.corrections] == [Kind.ENDS]


def test_answers_of_earlier_sessions_stay(tmp_path: Path) -> None:
    write_corrections(tmp_path / "01_CORRECTIONS.csv", [ENDS])
    session = session_in(tmp_path)
    session.answer("a", ROWS)
    assert {c.kind for c in read_corrections(session.path)} == {Kind.ENDS, Kind.DIVIDES}
    assert session.data()["earlier"] == [{"kind": "ends", "t": 5, "label": 14}]


def test_the_page_gets_what_the_server_has_and_what_to_ask_next(tmp_path: Path) -> None:
    solver = FakeSolver()
    session = session_in(tmp_path, solver)
    key = session.data()["questions"][0]["key"]
    session.answer(key, ROWS)
    found = session.solve()
    assert found["words"] == "Solved again: 2 links changed, 1 track."
    assert [q["text"] for q in found["questions"]] == [
        f"Where does cell 14 of frame {t} go?" for t in range(3)
    ]
    assert [len(corrections) for corrections in solver.asked_with] == [0, 1]
    data = session.data()
    assert data["served"]["answered"] == {key: ROWS}
    assert [q["text"] for q in data["questions"]] == [
        "Does cell 11 of frame 2 divide?",
        *(q["text"] for q in found["questions"]),
    ]


def test_an_answer_that_contradicts_another_is_saved_and_told(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    session.answer("a", ROWS)
    ends = {"kind": "ends", "t": 2, "label": 11, "place": "4 5"}
    said = session.answer("b", [ends])
    assert "contradict" in said["problem"]
    assert "region 11 of frame 2" in said["problem"]
    assert "2 corrections" in said["words"]


@pytest.mark.parametrize(
    "rows",
    [
        [{"kind": "unknown", "t": 0, "label": 1}],
        [{"kind": "ends"}],
        [{"kind": "divides", "t": 0, "label": 1}],
        [3],
    ],
)
def test_what_is_no_correction_is_refused_and_nothing_is_saved(
    tmp_path: Path, rows: list[Any]
) -> None:
    session = session_in(tmp_path)
    with pytest.raises(ValueError, match=r"Kind|correction|regions"):
        session.answer("a", rows)
    assert not session.path.exists()
    assert session.corrections == ()


def test_a_disk_that_refuses_keeps_the_session_as_it_was(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    session.path = tmp_path / "gone" / "01_CORRECTIONS.csv"
    (tmp_path / "gone").write_text("")
    with pytest.raises(WorkError):
        session.answer("a", ROWS)
    assert session.corrections == ()


def test_a_file_that_is_no_file_of_corrections_is_refused(tmp_path: Path) -> None:
    (tmp_path / "01_CORRECTIONS.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CorrectionsError):
        session_in(tmp_path)


def test_the_page_is_served_at_its_address_only(server: ReviewServer) -> None:
    assert server.address == f"http://127.0.0.1:{server.server_port}/{server.token}/"
    assert asked(server, f"/{server.token}/") == (200, "<p>page</p>")
    for path in ("/", f"/{server.token}x/", f"/{server.token}/more", f"/{server.token}/../etc"):
        assert asked(server, path)[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Length": "99999999"}, 413),
        ({"Content_Length": "-1"}, 413),
    ],
)
def test_other_pages_cannot_answer(
    server: ReviewServer, headers: dict[str, str], status: int
) -> None:
    found = asked(server, f"/{server.token}/answer", {"key": "a", "rows": ROWS}, **headers)
    assert found[0] == status
    assert not server.session.path.exists()


def test_without_the_token_nobody_can_answer(server: ReviewServer) -> None:
    assert asked(server, "/answer", {"key": "a", "rows": ROWS})[0] == 404
    assert asked(server, "/wrong/answer", {"key": "a", "rows": ROWS})[0] == 404
    assert not server.session.path.exists()


@pytest.mark.parametrize("content", [[], {"key": "a"}, {"rows": []}, {"key": "a", "rows": [1]}])
def test_a_message_that_is_none_is_told(server: ReviewServer, content: Any) -> None:
    status, text = asked(server, f"/{server.token}/answer", content)
    assert status == 400
    assert json.loads(text)["problem"].startswith("not understood")


def test_answers_that_cannot_be_obeyed_are_told(server: ReviewServer) -> None:
    def refuse(corrections: Sequence[Correction]) -> Solution:
        raise CorrectionsError("they contradict each other")

    server.session._solve = refuse
    status, text = asked(server, f"/{server.token}/solve", {})
    assert (status, json.loads(text)) == (409, {"problem": "they contradict each other"})


def test_an_answer_is_saved_while_a_solution_is_computed(tmp_path: Path) -> None:
    begun, saved = threading.Event(), threading.Event()

    def slow(corrections: Sequence[Correction]) -> Solution:
        begun.set()
        assert saved.wait(10)
        return Solution(0, 0, [])

    session = session_in(tmp_path)
    session._solve = slow
    thread = threading.Thread(target=session.solve)
    thread.start()
    assert begun.wait(10)
    session.answer("a", ROWS)
    saved.set()
    thread.join()
    assert len(read_corrections(session.path)) == 1


def test_pictures_are_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, drawn = session_in(tmp_path), []
    monkeypatch.setattr(
        "sam4ct.pipelines.tools.review.session.questions_data",
        lambda questions, ends: [drawn.append(q.text) or {"key": q.text} for q in questions],
    )
    session.data()
    session.solve()
    assert len(drawn) == 4


def test_a_port_that_is_taken_is_told(server: ReviewServer) -> None:
    with pytest.raises(WorkError, match="--port"):
        ReviewServer(server.session, lambda: "", server.server_port)
