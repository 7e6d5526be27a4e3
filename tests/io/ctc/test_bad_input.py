"""Bad input is refused before any work: one message with the file and the remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scenes.bad_inputs import BAD_INPUTS, BLAMED, image, make_dataset, mask
from scenes.refusals import refusal

from sam4ct.io.ctc.preflight import preflight
from sam4ct.io.ctc.sequence import find_sequences

REMEDIES = re.compile(
    r"\b(Add|Choose|Copy|Crop|Export|Give|Label|Move|Put|Remove|Rename|Renumber|Replace|Save"
    r"|Segment|Split|Use)\b"
)


def contents(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


def test_undamaged_dataset_passes(tmp_path: Path) -> None:
    (sequence,) = find_sequences(make_dataset(tmp_path))
    assert preflight(sequence).frames == 4


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_message_names_file_and_remedy(case: str, tmp_path: Path) -> None:
    BAD_INPUTS[case](dataset := make_dataset(tmp_path))
    message = refusal(dataset)
    assert re.search(rf"{re.escape(str(tmp_path))}\S*\b{re.escape(BLAMED[case])}:", message)
    assert REMEDIES.search(message)
    assert "\n" not in message


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_nothing_of_the_users_is_touched(case: str, tmp_path: Path) -> None:
    BAD_INPUTS[case](dataset := make_dataset(tmp_path))
    before = contents(tmp_path)
    refusal(dataset)
    assert contents(tmp_path) == before


def test_every_problem_of_a_listing_is_named(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    image(dataset, 1).unlink()
    mask(dataset, 3).unlink()
    (dataset / "01" / "notes.txt").write_text("")
    message = refusal(dataset)
    assert "t001.tif missing" in message
    assert "mask003.tif missing" in message
    assert "notes.txt" in message


def test_one_problem_is_told_once(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    image(dataset, 1).unlink()
    assert "mask001" not in refusal(dataset)


def test_long_list_of_problems_is_cut(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    for n in range(40):
        (dataset / "01" / f"t{n + 10:05d}.tif").write_text("")
    message = refusal(dataset)
    assert message.count("has 5 digits") == 5
    assert re.search(r"3[0-9] more problems", message)


def test_one_case_for_each_of_thirty_kinds_and_more() -> None:
    assert len(BAD_INPUTS) >= 30
