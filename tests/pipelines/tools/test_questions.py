"""`run` writes questions, and `questions` lists those that nobody has answered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tifffile
from scenes.commands import sam4ct
from scenes.resting import FRAMES, PLACES, SHAPES, box, write_movie

from sam4ct.corrections import Correction, End, Kind
from sam4ct.io.corrections import write_corrections
from sam4ct.pipelines.link.lineage.ask import resolve_and_ask
from sam4ct.questions import Question, question_of

OPTIONS = ("--evidence", "overlap", "--no-report")
MISSED = 3


@pytest.fixture(scope="module", params=SHAPES, ids=["images", "volumes"])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; from a frame on, one of the cells has no mask."""
    movie = write_movie(tmp_path_factory.mktemp("asked") / "Rest", request.param)
    for t in range(MISSED, FRAMES):
        path = movie / "01_ERR_SEG" / f"mask{t:03d}.tif"
        mask = tifffile.imread(path)
        mask[box(4, request.param)] = 0
        tifffile.imwrite(path, mask)
    assert sam4ct("run", movie, "01", *OPTIONS).status == 0
    return movie


@pytest.fixture
def movie(done: Path, tmp_path: Path) -> Path:
    return shutil.copytree(done, tmp_path / "Rest")


def written(movie: Path) -> list[Question]:
    content = json.loads((movie / "01_RES.sam4ct" / "questions.json").read_text())
    assert (content["version"], content["sequence"]) == (1, "01")
    return [question_of(row) for row in content["questions"]]


def test_a_run_asks_first_where_a_track_ends_in_mid_movie(movie: Path) -> None:
    first, *_ = written(movie)
    assert (first.about.t, first.about.label) == (MISSED - 1, 4)
    assert first.answers[0].text == "ends here"


def test_regions_are_named_as_the_corrections_name_them(movie: Path) -> None:
    (said,) = written(movie)[0].answers[0].corrections
    ndim = tifffile.imread(movie / "01" / "t000.tif").ndim
    assert len(said.ends[0].place) == ndim
    write_corrections(movie / "01_CORRECTIONS.csv", [said])
    assert sam4ct("run", movie, "01", *OPTIONS).status == 0


def test_the_command_lists_what_the_run_wrote(movie: Path) -> None:
    before = (movie / "01_RES.sam4ct" / "questions.json").read_bytes()
    ended = sam4ct("questions", movie / "01_RES")
    assert ended.status == 0
    head, first, *_ = ended.out.splitlines()
    assert head.split()[:3] == ["frame", "label", "place"]
    assert first.split()[:2] == [str(MISSED - 1), "4"]
    assert (movie / "01_RES.sam4ct" / "questions.json").read_bytes() == before
    assert len(sam4ct("questions", movie / "01_RES", "--n", 1).out.splitlines()) == 2


def test_what_was_answered_is_not_asked_again_with_or_without_a_run(movie: Path) -> None:
    first, *_ = written(movie)
    write_corrections(movie / "01_CORRECTIONS.csv", first.answers[0].corrections)
    sam4ct("questions", movie / "01_RES")
    listed = written(movie)
    assert first.text not in {question.text for question in listed}
    assert sam4ct("run", movie, "01", *OPTIONS).status == 0
    assert written(movie) == listed


def test_links_obey_answers_without_a_run(movie: Path) -> None:
    ends = Correction(Kind.ENDS, (End(1, 1),))
    links, questions = resolve_and_ask(movie / "01_RES.sam4ct", [ends])
    assert not ((links.t == 1) & (links.label == 1)).any()
    assert len(links) >= (FRAMES - 1) * (len(PLACES) - 1)
    assert "Where does cell 1 of frame 1 go?" not in {question.text for question in questions}


def test_a_result_of_another_tool_is_refused(movie: Path) -> None:
    shutil.rmtree(movie / "01_RES.sam4ct")
    ended = sam4ct("questions", movie / "01_RES")
    assert ended.status == 2
    assert "holds no linked masks" in ended.err


def test_a_record_that_is_damaged_is_refused(movie: Path) -> None:
    (movie / "01_RES.sam4ct" / "run.json").write_text("{")
    assert sam4ct("questions", movie / "01_RES").status == 2


def test_answers_in_other_words_count_by_place(movie: Path) -> None:
    first, *_ = written(movie)
    (said,) = first.answers[0].corrections
    by_place = Correction(said.kind, tuple(End(end.t, 0, end.place) for end in said.ends))
    _, questions = resolve_and_ask(movie / "01_RES.sam4ct", [by_place])
    assert first.text not in {question.text for question in questions}
    assert all(question.gain > 0 for question in questions)
