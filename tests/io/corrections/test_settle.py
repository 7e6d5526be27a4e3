"""Corrections find their regions by label and by place, also when masks have changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sam4ct.corrections import Correction, End, Kind
from sam4ct.errors import CorrectionsError
from sam4ct.io.corrections import Regions, refuse_unknown, settled
from sam4ct.regions import LabelFrame
from sam4ct.stages.detect import detect_frame
from sam4ct.stages.repair import joined_detections
from sam4ct.tables import Detections, Joins

FILE = Path("01_CORRECTIONS.csv")
BENT, INNER, FAR, PART = 1, 2, 3, 4
"""A bent region around an inner one, one far away, and a fragment that is joined to this one."""


class Drawn:
    """One frame of four regions; every frame is the same. Counts how often it is read."""

    def __init__(self) -> None:
        self.read = 0
        self.frame = np.zeros((30, 30), np.int32)
        self.frame[2:12, 2:12] = BENT
        self.frame[4:12, 4:10] = 0
        self.frame[8:11, 6:9] = INNER
        self.frame[20:24, 20:24] = FAR
        self.frame[25:27, 20:24] = PART

    def labels(self, t: int) -> LabelFrame:
        self.read += 1
        return self.frame


@pytest.fixture
def drawn() -> Drawn:
    return Drawn()


def regions(drawn: Drawn) -> Regions:
    rows = detect_frame(0, drawn.frame, np.ones(4))
    joins = Joins(np.array([0]), np.array([PART]), np.array([FAR]))
    return Regions(joined_detections(rows, joins), drawn, 2, 3, joins)


@pytest.mark.parametrize(
    ("label", "place", "found"),
    [
        (FAR, (), FAR),
        (FAR, (21.0, 22.0), FAR),
        (0, (21.0, 22.0), FAR),
        (7, (21.0, 22.0), FAR),  # another label now
        (BENT, (9.0, 7.0), INNER),  # of another region now
        (INNER, (9.0, 7.0), INNER),
        (BENT, (5.5, 6.0), BENT),  # the centroid of a bent region is background
        (0, (5.5, 6.0), BENT),
        (PART, (), FAR),
        (0, (25.5, 22.0), FAR),
        (7, (), 0),
        (FAR, (15.0, 15.0), 0),
        (0, (99.0, 99.0), 0),
    ],
)
def test_a_region_is_found(drawn: Drawn, label: int, place: tuple[float, ...], found: int) -> None:
    assert regions(drawn).label_of(End(0, label, place)) == found


def test_masks_are_read_where_the_table_does_not_tell(drawn: Drawn) -> None:
    known = regions(drawn)
    known.label_of(End(0, FAR))
    known.label_of(End(0, FAR, known.place_of(0, FAR)))
    assert drawn.read == 0
    known.label_of(End(0, 0, (21.0, 21.0)))
    known.label_of(End(0, 0, (22.0, 21.0)))
    assert drawn.read == 1


def test_answers_have_label_and_place_once_they_are_settled(drawn: Drawn) -> None:
    (one,) = settled(FILE, [Correction(Kind.ENDS, (End(0, PART),))], regions(drawn))
    assert one.ends == (End(0, FAR, (22.83, 21.5)),)


def test_what_does_not_fit_any_more_is_left_out_with_a_warning(
    drawn: Drawn, caplog: pytest.LogCaptureFixture
) -> None:
    said = [Correction(Kind.ENDS, (End(0, 3, (15.0, 15.0)),), line=4)]
    assert settled(FILE, said, regions(drawn)) == ()
    assert "01_CORRECTIONS.csv, line 4: region 3 of frame 0 is not there any more" in caplog.text


def test_fragments_that_are_one_region_already_need_no_answer(drawn: Drawn) -> None:
    said = [Correction(Kind.ONE_CELL, (End(0, FAR), End(0, PART)))]
    assert settled(FILE, said, regions(drawn)) == ()


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ([Correction(Kind.ENDS, (End(0, 9),), line=2)], "line 2: frame 0 has no region with"),
        ([Correction(Kind.ENDS, (End(5, 1),), line=2)], "line 2: frame 5 is not there"),
        ([Correction(Kind.ENDS, (End(0, 1, (1, 2, 3)),), line=2)], "line 2: the place '1 2 3'"),
        (
            [
                Correction(Kind.CELL, (End(0, FAR),), line=3),
                Correction(Kind.NO_CELL, (End(0, 0, (21.0, 21.0)),), line=2),
            ],
            "lines 2 and 3: contradict each other",
        ),
    ],
)
def test_what_cannot_be_settled_is_refused(
    drawn: Drawn, said: list[Correction], complaint: str
) -> None:
    with pytest.raises(CorrectionsError, match=complaint):
        settled(FILE, said, regions(drawn))


def test_unknown_labels_are_refused_before_any_work() -> None:
    given = Detections.empty()
    with pytest.raises(CorrectionsError, match="line 7: frame 1 has no region with the label 4"):
        refuse_unknown(FILE, [Correction(Kind.ENDS, (End(1, 4),), line=7)], given, 3, 2)
    by_place = [Correction(Kind.ENDS, (End(1, 4, (1.0, 1.0)),))]
    refuse_unknown(FILE, by_place, given, 3, 2)
    with pytest.raises(CorrectionsError, match="frame 3 is not there"):
        refuse_unknown(FILE, [Correction(Kind.ENDS, (End(3, 4, (1.0, 1.0)),))], given, 3, 2)
