"""Where no folder for temporary files can be written, only what needs one says so."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from scenes.commands import ROOT, environment, sam4ct

from sam4ct.io.files import temporary
from sam4ct.io.files.temporary import settle_temporary_folder

IMPORTS = """
import tempfile
from pathlib import Path
from sam4ct.io.files import temporary
temporary.VARIABLES, temporary.USUAL = (), ()
temporary.SHARED_MEMORY = Path("/proc/self")
temporary.settle_temporary_folder()
import sam4ct.metrics, sam4ct.models.sam2.engine, sam4ct.models.sam_med3d.engine
"""


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no usual folder for temporary files be there."""
    monkeypatch.setattr(temporary, "VARIABLES", ())
    monkeypatch.setattr(temporary, "USUAL", (Path("/nowhere"),))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_a_usable_folder_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settle_temporary_folder()
    assert tempfile.gettempdir() == str(tmp_path)


@pytest.mark.usefixtures("nowhere")
def test_shared_memory_is_taken_where_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(temporary, "SHARED_MEMORY", tmp_path)
    settle_temporary_folder()
    assert tempfile.gettempdir() == str(tmp_path)


@pytest.mark.usefixtures("nowhere")
def test_nothing_is_written_into_the_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(temporary, "SHARED_MEMORY", Path("/nowhere"))
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_mtime_ns
    settle_temporary_folder()
    assert tempfile.gettempdir() == os.sep
    assert tmp_path.stat().st_mtime_ns == before


def test_a_variable_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    settle_temporary_folder()
    assert tempfile.gettempdir() == str(tmp_path)


def test_networks_and_scores_load_without_any() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        env=environment(HOME="/nonexistent"),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    "command", [["selftest", "--device", "cpu"], ["finetune", "train", "p", "o", "--name", "n"]]
)
def test_what_needs_one_is_refused_with_the_variable_that_names_one(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary, "write_problem", lambda folder: f"{folder}: Full. Free it.")
    told = sam4ct(*command)
    assert told.status == 2
    (line,) = [line for line in told.err.splitlines() if line.startswith("Error")]
    assert line.startswith(f"Error: no folder for temporary files can be written: {os.sep}: Full.")
    assert "TMPDIR" in line
