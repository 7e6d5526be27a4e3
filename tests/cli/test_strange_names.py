"""A dataset's folder may have any name: only its text, not its place, must be printable UTF-8."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from scenes.bad_inputs import make_dataset
from scenes.commands import sam4ct

from sam4ct.io.ctc.sequence import text_of_name
from sam4ct.io.files.atomic import write_json

NAMES = [
    (b"caf\xe9", r"caf\xe9"),
    ("a\u00a0b\u200b", r"a\xa0b\u200b"),
    ("Größe_日本", "Größe_日本"),
]


@pytest.mark.parametrize(("name", "text"), NAMES)
def test_folder_of_any_name_is_run_and_recorded_as_text(
    name: str | bytes, text: str, tmp_path: Path
) -> None:
    dataset = make_dataset(tmp_path).rename(tmp_path / os.fsdecode(name))
    for told in (
        sam4ct("run", dataset, "--evidence", "overlap"),
        sam4ct("report", dataset / "01_RES"),
    ):
        assert told.status == 0, told.err
    beside = dataset / "01_RES.sam4ct"
    assert json.loads((beside / "run.json").read_bytes())["dataset"] == text
    assert text in (beside / "report.html").read_text(encoding="utf-8")
    derived = dataset / "mine.toml"
    assert sam4ct("profiles", "derive", dataset, "01", "--output", derived).status == 0
    assert sam4ct("check", dataset, "--profile", derived, "--evidence", "overlap").status == 0


@pytest.mark.parametrize(("name", "text"), NAMES)
def test_text_of_a_name_does_not_depend_on_the_locale(
    name: str | bytes, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_ascii = os.fsencode(name).decode("ascii", "surrogateescape")
    monkeypatch.setattr(os, "fsencode", lambda path: path.encode("ascii", "surrogateescape"))
    assert text_of_name(Path(in_ascii)) == text


def test_paths_in_json_are_read_back_as_they_were(tmp_path: Path) -> None:
    path = os.fsdecode(b"caf\xe9/\xc3\xbc")
    write_json(tmp_path / "a.json", {"path": path})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"path": path}
