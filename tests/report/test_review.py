"""The review view: what it shows of a question, its size, and that no text breaks the page."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scenes.report_fakes import FakeResult, FakeSequence, Page
from scenes.review_fakes import division, links_question, reviewed

from sam4ct.corrections import Correction, End, Kind
from sam4ct.questions import Answer, Question
from sam4ct.regions import Region
from sam4ct.report.frames.ends import LinkEnds
from sam4ct.report.frames.whole import ends_in
from sam4ct.report.review import questions_data, review_data
from sam4ct.report.review.cells import UNITS, middle_pixel
from sam4ct.report.review.pictures import SMALL, limited_uri


def ends_of(sequence: FakeSequence) -> LinkEnds:
    return ends_in(sequence, FakeResult(sequence))


def data_of(page: Page) -> dict[str, Any]:
    found = re.search(r'id="questions">(.*?)</script>', page.text, re.DOTALL)
    assert found
    value: dict[str, Any] = json.loads(found[1])
    return value


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_question_shows_its_two_frames_and_those_around(ndim: int) -> None:
    (shown,) = questions_data([division()], ends_of(FakeSequence(ndim)))
    assert (shown["t"], shown["other"]) == (2, 3)
    assert [frame["t"] for frame in shown["frames"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_regions_of_question_and_answers_are_outlined(ndim: int) -> None:
    (shown,) = questions_data([division()], ends_of(FakeSequence(ndim)))
    outlined = {
        f["t"]: {cell[0] for view in f["views"] for cell in view["cells"]} for f in shown["frames"]
    }
    assert outlined[2] >= {11}
    assert outlined[3] >= {12, 13}


def test_a_volume_shows_the_slices_around_the_largest_one_of_the_large_frames() -> None:
    (shown,) = questions_data([division()], ends_of(FakeSequence(3)))
    slices = {frame["t"]: [view["z"] for view in frame["views"]] for frame in shown["frames"]}
    assert slices == {1: [0], 2: [0, 0, 1], 3: [0, 0, 1], 4: [0]}


def test_a_region_of_another_slice_is_shown_and_marked() -> None:
    class Stairs(FakeSequence):
        """Daughter 13 is in the last slice only."""

        def labels(self, t: int) -> NDArray[np.int32]:
            labels = super().labels(t)
            labels[:-1][labels[:-1] == 13] = 0
            return labels

    (shown,) = questions_data([division()], ends_of(Stairs(3)))
    cells = {cell[0]: cell for cell in shown["frames"][2]["views"][1]["cells"]}
    assert (cells[12][3], cells[13][3]) == (True, False)


def test_the_first_and_the_last_frame_have_no_frame_beyond() -> None:
    first, last = links_question(0, 1), links_question(4, 5)
    shown = questions_data([first, last], ends_of(FakeSequence()))
    assert [[frame["t"] for frame in each["frames"]] for each in shown] == [[0, 1, 2], [3, 4, 5]]


def test_a_movie_of_one_frame_shows_one_picture() -> None:
    question = Question("Is this a cell?", End(0, 11), (Answer("is no cell", (), 0.5),), 0.1)
    (shown,) = questions_data([question], ends_of(FakeSequence(frames=1)))
    assert (shown["t"], shown["other"], len(shown["frames"])) == (0, 0, 1)


def test_a_region_that_is_not_there_is_no_error() -> None:
    question = Question(
        "Where is it?", End(2, 99, (30.0, 40.0)), (Answer("ends here", (), 0.5),), 0.1
    )
    (shown,) = questions_data([question], ends_of(FakeSequence()))
    y, x, side = shown["window"]
    assert y <= 30 < y + side
    assert x <= 40 < x + side


def test_a_window_stays_in_the_frame_where_it_fits() -> None:
    (shown,) = questions_data([links_question(0, 1)], ends_of(FakeSequence()))
    y, x, side = shown["window"]
    assert (y, x + side) == (0, 80)


def test_a_window_larger_than_the_frame_has_it_in_the_middle() -> None:
    (shown,) = questions_data([division()], ends_of(FakeSequence()))
    y, _, side = shown["window"]
    assert side > 60
    assert abs((y + side - 60) + y) <= 1


def test_places_lie_in_their_regions() -> None:
    sequence = FakeSequence(3)
    (shown,) = questions_data([division()], ends_of(sequence))
    for frame in shown["frames"]:
        for label, _, _, _, place in frame["views"][0]["cells"]:
            assert sequence.labels(frame["t"])[tuple(map(int, place.split()))] == label


def test_every_frame_is_read_once_and_in_order_of_time() -> None:
    read: dict[str, list[int]] = {"image": [], "labels": [], "result": []}

    class Counted(FakeSequence):
        def image(self, t: int) -> NDArray[np.uint16]:
            read["image"].append(t)
            return super().image(t)

        def labels(self, t: int) -> NDArray[np.int32]:
            read["labels"].append(t)
            return super().labels(t)

    sequence = Counted(frames=40)
    questions = [links_question(t, t + 1) for t in (30, 3, 17, 4, 16, 3, 29)]
    questions_data(questions, ends_of(sequence))
    assert read["image"] == sorted(set(read["image"]))
    assert Counter(read["labels"]).most_common(1)[0][1] <= 2  # once for regions, once for tracks


def test_a_hundred_questions_of_noise_weigh_at_most_six_megabytes() -> None:
    class Noise(FakeSequence):
        def __init__(self, ndim: int) -> None:
            super().__init__(ndim, frames=8)
            self.shape = (12, 300, 300)[-ndim:]

        def image(self, t: int) -> NDArray[np.uint16]:
            return np.random.default_rng(t).integers(0, 60_000, self.shape).astype(np.uint16)

        def labels(self, t: int) -> NDArray[np.int32]:
            labels = np.zeros(self.shape, np.int32)
            for n in range(36):
                y, x = 50 * (n // 6), 50 * (n % 6)
                yy, xx = np.ogrid[:40, :40]
                waves = 15 + 3 * np.sin(6 * np.arctan2(yy - 20, xx - 20))
                labels[..., y : y + 40, x : x + 40][..., np.hypot(yy - 20, xx - 20) < waves] = n + 1
            return labels

        def drawn(self, t: int) -> NDArray[np.uint16]:
            return self.labels(t).astype(np.uint16)

    for ndim in (2, 3):
        a, b, c = End(3, 8), End(4, 8), End(4, 15)
        answers = (
            Answer("goes on in 8", (Correction(Kind.SAME_CELL, (a, b)),), 0.6),
            Answer("divides", (Correction(Kind.DIVIDES, (a, b, c)),), 0.3),
            Answer("goes on later", (Correction(Kind.SAME_CELL, (a, End(5, 9))),), 0.1),
            Answer("goes on much later", (Correction(Kind.SAME_CELL, (a, End(7, 9))),), 0.1),
        )
        question = Question("Where does cell 8 of frame 3 go?", a, answers, 1.0)
        (shown,) = questions_data([question], ends_of(Noise(ndim)))
        assert 100 * len(json.dumps(shown)) < 6_200_000


def test_a_picture_is_never_larger_than_its_budget() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (900, 900), dtype=np.uint8)
    assert len(limited_uri(noise, SMALL)) <= 4 * SMALL.bytes / 3 + 40


def test_outlines_are_in_units_of_the_picture() -> None:
    (shown,) = questions_data([division()], ends_of(FakeSequence()))
    paths = [c[2] for f in shown["frames"] for v in f["views"] for c in v["cells"] if c[0] == 11]
    starts = [tuple(map(int, re.findall(r"M(\d+) (\d+)", path)[0])) for path in paths]
    assert starts
    assert all(0 <= value <= UNITS for start in starts for value in start)


def test_a_report_without_questions_has_no_review_view(tmp_path: Path) -> None:
    text = reviewed(tmp_path, []).text
    assert "review" not in text.lower()
    assert "connect-src" not in text


def test_texts_cannot_end_the_script_or_become_elements(tmp_path: Path) -> None:
    nasty = "</script><script>alert(1)</script><!-- & \" ' \u2028"
    question = Question(nasty, End(2, 11), (Answer(nasty, (), 0.5),), 0.1)
    page = reviewed(tmp_path, [question], facts={"dataset": nasty, "sequence": nasty})
    assert "alert" not in page.words["script"].replace("\\u003cscript\\u003ealert", "")
    shown = data_of(page)
    assert shown["questions"][0]["text"] == nasty
    assert shown["questions"][0]["answers"][0]["text"] == nasty
    assert shown["sequence"] == nasty


def test_the_page_with_questions_asks_nothing_of_any_network(tmp_path: Path) -> None:
    page = reviewed(tmp_path, [division()])
    text = page.text.replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in text
    assert "https://" not in text
    assert "connect-src" not in text


def test_equal_questions_give_equal_bytes_and_another_answer_another_identity(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").mkdir()
    one, other = reviewed(tmp_path / "a", [division()]), reviewed(tmp_path, [division()])
    assert one.text == other.text
    ends, names = ends_of(FakeSequence()), ("Cells", "01")
    plain = review_data([division()], ends, names)
    answered = review_data([division()], ends, names, [Correction(Kind.ENDS, (End(2, 11),))])
    assert plain["identity"] == data_of(one)["identity"] != answered["identity"]
    assert answered["earlier"] == [{"kind": "ends", "t": 2, "label": 11}]


def test_every_element_that_the_scripts_ask_for_is_there(tmp_path: Path) -> None:
    page = reviewed(tmp_path, [division()])
    asked = set(re.findall(r'byId\("([a-z-]+)"\)', page.text))
    there = {attrs.get("id") for _, attrs in page.elements}
    assert len(asked) > 30
    # Those of volumes are there in volumes only.
    assert (
        asked - there
        == {"side", "depth", "slice", "slices", "show-projection", "show-slices"} & asked - there
    )


def test_the_middle_pixel_of_a_ring_is_in_the_ring() -> None:
    yy, xx = np.ogrid[:21, :21]
    ring = np.abs(np.hypot(yy - 10, xx - 10) - 8) < 2
    y, x = map(int, middle_pixel(Region(ring, (5, 7))).split())
    assert ring[y - 5, x - 7]
