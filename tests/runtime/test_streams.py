"""Whatever becomes of the standard streams, the work is done and the exit status is right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenes.bad_inputs import make_dataset
from scenes.commands import ROOT, environment

WORK = """
import os, sys
from pathlib import Path
from sam4ct.runtime.streams import lost_output, safe_streams
with safe_streams():
    for number in range(3):
        os.fstat(number)
    for _ in range(20000):
        print("a line of output")
        print("a line of the log", file=sys.stderr)
    print(sys.argv[2])
    sys.stdout.flush()
    Path(sys.argv[1]).write_text("lost" if lost_output() else "fine")
"""
READER_LEAVES = "| head -1 >/dev/null; exit ${PIPESTATUS[0]}"


def shell(
    command: list[str | Path], redirections: str, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command with redirections of bash."""
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirections}', "bash", *command],
        env=environment(**variables),
        cwd=ROOT,
        capture_output=True,
    )


def program(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, ROOT / "entrypoint.py", *arguments]


@pytest.mark.parametrize(
    ("redirections", "outcome"),
    [
        ("", "fine"),
        ("<&-", "fine"),
        ("2>&-", "fine"),
        (">&-", "fine"),
        ("<&- >&- 2>&-", "fine"),
        ("2>/dev/full", "fine"),
        (READER_LEAVES, "fine"),
        (f"2>&1 {READER_LEAVES}", "fine"),
        ("| true; exit ${PIPESTATUS[0]}", "fine"),
        ("2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}", "fine"),
        (">/dev/full", "lost"),
        (">/dev/full 2>&1", "lost"),
        ("1</dev/null", "lost"),
    ],
)
def test_work_is_done_whatever_becomes_of_the_streams(
    redirections: str, outcome: str, tmp_path: Path
) -> None:
    shown = shell([sys.executable, "-c", WORK, tmp_path / "done", "end"], redirections)
    assert shown.returncode == 0
    assert b"Traceback" not in shown.stderr
    assert (tmp_path / "done").read_text() == outcome


def test_a_slow_reader_of_a_nonblocking_pipe_gets_all(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    command = [sys.executable, "-c", WORK, str(tmp_path / "done"), "end"]
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        os.close(writer)
        with open(reader) as pipe:
            lines = pipe.readlines()
        assert process.wait() == 0
    assert len(lines) == 20001


@pytest.mark.parametrize(
    ("name", "variables", "printed"),
    [
        (
            "Größe_日本",
            {"PYTHONIOENCODING": "latin-1"},
            "Größe_".encode("latin-1") + rb"\u65e5\u672c",
        ),
        ("Größe_日本", {"LC_ALL": "C", "PYTHONUTF8": "0"}, "Größe_日本".encode()),
        ("Größe_日本", {"PYTHONUTF8": "1"}, "Größe_日本".encode()),
        (b"caf\xe9", {"PYTHONUTF8": "1"}, b"caf\xe9"),
        (b"caf\xe9", {"LC_ALL": "C", "PYTHONUTF8": "0"}, b"caf\xe9"),
    ],
)
def test_names_are_printed_as_their_bytes_or_as_escapes(
    name: str | bytes, variables: dict[str, str], printed: bytes, tmp_path: Path
) -> None:
    text = os.fsdecode(name) if isinstance(name, bytes) else name
    command = [sys.executable, "-c", WORK, tmp_path / "done", text]
    shown = shell(command, "", **variables)
    assert shown.stdout.splitlines()[-1] == printed, shown.stderr[-500:]


@pytest.mark.parametrize(
    ("redirections", "status"),
    [(f"2>&1 {READER_LEAVES}", 0), (">/dev/full", 2)],
)
def test_exit_status_tells_a_full_disk_but_no_reader_that_left(
    redirections: str, status: int
) -> None:
    shown = shell(program("profiles", "list"), redirections)
    assert shown.returncode == status
    assert b"Traceback" not in shown.stderr
    if redirections == ">/dev/full":
        (line,) = shown.stderr.decode().splitlines()
        assert line.startswith("Error: stdout: No space left on device.")


def test_refusal_exits_2_where_nobody_can_read_it() -> None:
    assert shell(program("profiles", "show", "nothing"), "<&- >&- 2>&-").returncode == 2


def test_results_of_processes_apart_are_written_without_streams(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "data")
    command = program("run-all", tmp_path / "data", "--evidence", "overlap")
    assert shell(command, "<&- >/dev/full 2>&-").returncode == 2
    assert (dataset / "01_RES" / "res_track.txt").is_file()
