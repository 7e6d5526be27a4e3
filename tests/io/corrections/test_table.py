"""A file of corrections is read as it was written, and refused with line numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam4ct.corrections import COUNTS, Correction, End, Kind
from sam4ct.errors import CorrectionsError, WorkError
from sam4ct.io.corrections import corrections_file, read_corrections, write_corrections

ONE_OF_EACH = """\
kind,t,label,place,t2,label2,place2,label3,place3,note
same cell,3,7,10.5 20,4,8,,,,
not same cell,3,9,,4,8,,,,
divides,5,1,,6,2,,3,,"at the edge, late"
does not divide,5,4,,,,,,,
begins,2,,7 8,,,,,,
ends,9,6,,,,,,,
no cell,1,1,,,,,,,
cell,1,2,,,,,,,
one cell,7,1,,,2,,3,,
two cells,7,5,,,,,,,
"""

places = st.lists(st.integers(0, 9999).map(lambda n: n / 100), min_size=2, max_size=3).map(tuple)


@st.composite
def answers(draw: st.DrawFn) -> list[Correction]:
    """Answers that cannot contradict each other: each is about frames of its own."""
    found = []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(Kind), max_size=8))):
        count = draw(st.sampled_from(COUNTS.get(kind, (1,))))
        later = kind not in (Kind.ONE_CELL,)
        ends = tuple(
            End(2 * number + (later and i > 0), draw(st.integers(1, 99)) * 3 + i, draw(places))
            for i in range(count)
        )
        found.append(Correction(kind, ends, note=draw(st.sampled_from(["", "a, b", '"so"', "#"]))))
    return found


def written(folder: Path, text: str) -> Path:
    path = folder / "01_CORRECTIONS.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_kind_is_read(tmp_path: Path) -> None:
    found = read_corrections(written(tmp_path, ONE_OF_EACH))
    assert {one.kind for one in found} == set(Kind)
    (division,) = (one for one in found if one.kind is Kind.DIVIDES)
    assert division.ends == (End(5, 1), End(6, 2), End(6, 3))
    assert (division.note, division.line) == ("at the edge, late", 4)
    (begins,) = (one for one in found if one.kind is Kind.BEGINS)
    assert begins.ends == (End(2, 0, (7.0, 8.0)),)
    (fragments,) = (one for one in found if one.kind is Kind.ONE_CELL)
    assert fragments.ends == (End(7, 1), End(7, 2), End(7, 3))


@given(answers=answers(), seed=st.randoms(use_true_random=False))
def test_equal_answers_give_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory, answers: list[Correction], seed: object
) -> None:
    folder = tmp_path_factory.mktemp("corrections")
    shuffled = [*answers, *answers[:2]]
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    write_corrections(folder / "one.csv", answers)
    write_corrections(folder / "other.csv", shuffled)
    assert (folder / "one.csv").read_bytes() == (folder / "other.csv").read_bytes()
    read = read_corrections(folder / "one.csv")
    assert set(read) == {one.normal for one in answers}
    assert sorted(c.note for c in read) == sorted(
        c.note for c in {one.normal: one for one in answers}.values()
    )
    write_corrections(folder / "again.csv", read)
    assert (folder / "again.csv").read_bytes() == (folder / "one.csv").read_bytes()


def test_comments_and_empty_lines_keep_line_numbers(tmp_path: Path) -> None:
    text = "# by me\nkind,t,label\n\n# why\nends,4,1\n"
    (one,) = read_corrections(written(tmp_path, text))
    assert one.line == 5


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("kind,t,label\nstops,4,1", "line 2: 'stops' is not a kind"),
        ("kind,t,label\nends,four,1", "line 2: t is 'four'"),
        ("kind,t,label\nends,4,-1", "line 2: label is '-1'"),
        ("kind,t,label\n\nends,4,", "line 3: 'ends' names 1 regions, but 0"),
        ("kind,t,place\nends,4,1 x", "line 2: place is '1 x'"),
        ("kind,t,place\nends,4,1 nan", "line 2: place is '1 nan'"),
        ("kind,t,label,label2\nsame cell,4,1,2", "line 2: t2 is missing"),
        ("kind,t,label,t2,label2\nsame cell,4,1,4,2", "line 2: 'same cell' is for regions of two"),
        ("kind,t,label,t2,label2\none cell,4,1,5,2", "line 2: 'one cell' is for regions of one"),
        ("kind,t,label,t2,label2,label3\ndivides,4,1,3,2,3", "line 2: 'divides' needs both"),
        ("kind,t,label,t2,label2\nends,4,1,5,2", "line 2: 'ends' names 1 regions, but 2"),
        ("kind,t,label\nends,4,1,so,so", "line 2: has 5 fields"),
        ("kind,t,lable\nends,4,1", "Name the columns"),
        ("kind,label\nends,1", "Name the columns"),
        ("kind,t,t,label\nends,4,4,1", "Name the columns"),
        (
            "kind,t,label,t2,label2\nsame cell,4,1,5,2\nends,3,1\nsame cell,4,1,5,3",
            "lines 2 and 4: contradict",
        ),
        ("kind,t,label,t2,label2\nsame cell,4,1,5,2\nends,4,1,,", "lines 2 and 3: contradict"),
        ("kind,t,label,t2,label2\nsame cell,4,1,5,2\nbegins,5,2,,", "lines 2 and 3: contradict"),
        ("kind,t,label\ncell,4,1\nno cell,4,1", "lines 2 and 3: contradict"),
        ("kind,t,label\nno cell,4,1\nends,4,1", "lines 2 and 3: contradict"),
        (
            "kind,t,label,t2,label2\nnot same cell,4,1,5,2\nsame cell,4,1,5,2",
            "lines 2 and 3: contradict",
        ),
        (
            "kind,t,label,t2,label2,label3\ndoes not divide,4,1\ndivides,4,1,5,2,3",
            "lines 2 and 3: contradict",
        ),
        (
            "kind,t,label,t2,label2,label3\nnot same cell,4,1,5,3\ndivides,4,1,5,2,3",
            "lines 2 and 3: contradict",
        ),
        ("kind,t,label,label2\none cell,4,1,2\ntwo cells,4,2", "lines 2 and 3: contradict"),
    ],
)
def test_what_cannot_be_obeyed_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    path = written(tmp_path, lines)
    with pytest.raises(CorrectionsError) as caught:
        read_corrections(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_other_encodings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorrectionsError, match="cannot be read"):
        read_corrections(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"kind,t,note\nends,1,\xe9")
    with pytest.raises(CorrectionsError, match="UTF-8"):
        read_corrections(tmp_path / "latin.csv")


def test_a_file_is_kept_if_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "01_CORRECTIONS.csv"
    write_corrections(path, [Correction(Kind.ENDS, (End(1, 1),))])
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WorkError, match="No space left"):
        write_corrections(path, [Correction(Kind.BEGINS, (End(1, 1),))])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_lies_beside_the_result() -> None:
    assert corrections_file(Path("a/01_RES")) == Path("a/01_CORRECTIONS.csv")
    assert corrections_file(Path("a/mine")) == Path("a/mine_CORRECTIONS.csv")
