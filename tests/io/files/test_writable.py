"""Whether a place can be written is found out by writing, and leaves no trace."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from scenes.commands import tree

from sam4ct.io.files.writable import write_problem

pytestmark = pytest.mark.who


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let the disk refuse new files, whatever the permissions say."""

    def refusing(**_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refusing)


def test_writable_folder_is_no_problem_and_stays_as_it_was(tmp_path: Path) -> None:
    assert write_problem(tmp_path) is None
    assert tree(tmp_path) == {}


def test_of_a_folder_that_is_missing_the_nearest_above_counts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert write_problem(tmp_path / "new" / "folder") is None
    problem = write_problem(tmp_path / "file" / "folder")
    assert problem is not None
    assert problem.startswith(f"{tmp_path / 'file'}: Not a directory.")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_refusal_of_permission_names_both_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, errno.EACCES)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    problem = write_problem(tmp_path)
    assert problem is not None
    assert problem.startswith(f"{tmp_path}: Permission denied. Make it writable")
    assert f"the folder belongs to {tmp_path.stat().st_uid}:" in problem
    assert "--user $(id -u):$(id -g)" in problem


def test_other_refusals_have_their_own_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, errno.EROFS)
    assert write_problem(tmp_path) == (
        f"{tmp_path}: Read-only file system."
        " Choose a place that is not mounted read-only, with --out."
    )
