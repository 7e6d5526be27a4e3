"""The list of sequences.sbatch may come from any editor, and no line of it is lost."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from scenes.commands import ROOT, Outcome

SCRIPT = ROOT / "workflow/slurm/sequences.sbatch"
STUB = """#!/bin/bash
shift
printf '<%s>' "$@"
"""


def job(folder: Path, text: bytes, task: int, last: int | None = None) -> Outcome:
    """Run one task of the array on a list, with a program that prints its arguments as `srun`."""
    (folder / "list.txt").write_bytes(text)
    stub = folder / "srun"
    stub.write_text(STUB)
    stub.chmod(0o755)
    shown = subprocess.run(
        ["bash", SCRIPT, folder / "list.txt", "--fast"],
        env={
            "PATH": f"{folder}:/usr/bin:/bin",
            "SLURM_ARRAY_TASK_ID": str(task),
            "SLURM_CPUS_PER_TASK": "1",
            **({} if last is None else {"SLURM_ARRAY_TASK_MAX": str(last)}),
        },
        capture_output=True,
        text=True,
    )
    return Outcome(shown.returncode, shown.stdout, shown.stderr)


@pytest.mark.parametrize(
    ("text", "task"),
    [
        (b"02 /x\n01 /lab/My Cells\\a\n", 2),
        (b"02 /x\n01 /lab/My Cells\\a", 2),
        (b"02 /x\r\n01 /lab/My Cells\\a\r\n", 2),
        (b"02 /x\r\n01 /lab/My Cells\\a", 2),
        (b"\xef\xbb\xbf01 /lab/My Cells\\a\r\n", 1),
        (b"# mine\n\n  01\t/lab/My Cells\\a  \n", 3),
    ],
)
def test_each_line_is_run_however_it_ends(text: bytes, task: int, tmp_path: Path) -> None:
    told = job(tmp_path, text, task)
    assert told == Outcome(0, "<sam4ct><run></lab/My Cells\\a><01><--fast>", "")


@pytest.mark.parametrize("line", [b"", b"\r", b"  ", b"# 01 /lab/old", b"#01 /lab/old\r"])
def test_line_without_a_sequence_has_nothing_to_do(line: bytes, tmp_path: Path) -> None:
    told = job(tmp_path, b"01 /x\n" + line + b"\n02 /y\n", 2)
    assert told.status == 0
    assert told.out == f"{tmp_path / 'list.txt'}: line 2 has no sequence: nothing to do\n"


@pytest.mark.parametrize(
    ("text", "task", "reason"),
    [
        (b"01 /x\n02 /y", 3, "has no line 3. Give --array=1-2."),
        (b"01 /x\n02 /y", 0, "has no line 0. Give --array=1-2."),
        (b"01\n", 1, "line 1 is '01'. Give 'SS DATASET_DIR', e.g. '01 /data/My-Cells'."),
        (b"/x 01\n", 1, "line 1 is '/x 01'. Give 'SS DATASET_DIR', e.g. '01 /data/My-Cells'."),
    ],
)
def test_line_that_cannot_be_run_is_refused_with_what_it_says(
    text: bytes, task: int, reason: str, tmp_path: Path
) -> None:
    told = job(tmp_path, text, task)
    assert (told.status, told.out) == (2, "")
    assert told.err == f"{tmp_path / 'list.txt'}: {reason}\n"


def test_list_that_is_longer_than_the_array_is_told_once(tmp_path: Path) -> None:
    text = b"01 /x\n02 /y\n03 /z"
    assert job(tmp_path, text, 1, last=2).err == ""
    told = job(tmp_path, text, 2, last=2)
    assert told.status == 0
    assert told.err.endswith("has 3 lines, but the array ends with 2. Is --array=1-3 meant?\n")


@pytest.mark.parametrize("file", ["workflow/slurm/sequences.sbatch", "docs/clusters.md"])
@pytest.mark.parametrize("text", [b"01 /x\n02 /y\n", b"01 /x\n02 /y", b"01 /x\r\n\r\n"])
def test_documented_call_counts_every_line(file: str, text: bytes, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(text)
    found = re.search(r'--array=1-"(\$\([^)]*\))"', (ROOT / file).read_text())
    assert found is not None
    shown = subprocess.run(
        ["bash", "-c", f"echo {found[1]}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert shown.stdout == "2\n"
