"""Work in a process of its own: how it ends is told, and it does not outlive its parent."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scenes.apart_work import die, err, refuse, say, write_pid
from scenes.commands import PATIENCE, SOON, ends, environment

from sam4ct.pipelines.batch.subprocess_job import Ending, run_apart


def test_work_is_done_in_another_process(tmp_path: Path) -> None:
    assert run_apart(write_pid, tmp_path / "pid") == Ending()
    assert int((tmp_path / "pid").read_text()) != os.getpid()


def test_what_the_user_can_mend_is_the_problem_itself() -> None:
    assert run_apart(refuse, "01: is empty.\nFill it.") == Ending("01: is empty.\nFill it.")


def test_fault_of_the_program_keeps_its_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    ending = run_apart(err, None)
    assert ending.unexpected
    assert ending.problem == "a fault of the program; its traceback is above"
    assert "ZeroDivisionError: ours" in capfd.readouterr().err


def test_killed_work_names_the_signal_and_the_usual_cause() -> None:
    killed, crashed = run_apart(die, signal.SIGKILL), run_apart(die, signal.SIGSEGV)
    assert killed == Ending(
        "its process was ended by SIGKILL; mostly that is for lack of memory: give it more"
    )
    assert crashed == Ending("its process was ended by SIGSEGV")


@pytest.mark.parametrize(
    ("level", "shown"), [(logging.INFO, "loud\nlouder\n"), (logging.WARNING, "louder\n")]
)
def test_work_logs_as_loud_as_its_parent(
    level: int, shown: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(level, logger="sam4ct"):
        assert run_apart(say, ["loud", "louder"]) == Ending()
    assert capfd.readouterr().err == shown


def started(path: Path) -> tuple[subprocess.Popen[str], int]:
    """A parent in a process group of its own, under `graceful_exit`, and its child's number."""
    program = (
        "import pathlib, sys\n"
        "from scenes import apart_work\n"
        "from sam4ct.runtime.interrupt import graceful_exit\n"
        "from sam4ct.pipelines.batch.subprocess_job import run_apart\n"
        "if __name__ == '__main__':\n"
        "    with graceful_exit():\n"
        "        print(run_apart(apart_work.linger, pathlib.Path(sys.argv[1])))\n"
    )
    script = path.with_name("parent.py")
    script.write_text(program)
    parent = subprocess.Popen(
        [sys.executable, script, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment(PYTHONPATH=os.pathsep.join(sys.path)),
    )
    deadline = time.monotonic() + PATIENCE
    while not (path.exists() and path.read_text()):
        assert parent.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return parent, int(path.read_text())


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 75), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_work_ends_with_its_parent_however_that_ends(
    number: int, status: int, tmp_path: Path
) -> None:
    parent, child = started(tmp_path / "pid")
    parent.send_signal(number)
    assert parent.wait(timeout=SOON) == status
    assert ends(child, seconds=SOON)
    parent.communicate()


def held_back(pid: int) -> set[int]:
    """The signals that a process does not hear."""
    (mask,) = re.findall(r"^SigBlk:\t(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return {number for number in signal.valid_signals() if int(mask, 16) >> (number - 1) & 1}


def test_signals_to_the_whole_group_are_left_to_the_parent(tmp_path: Path) -> None:
    parent, child = started(tmp_path / "pid")
    assert held_back(child) == {signal.SIGTERM, signal.SIGINT}
    assert held_back(parent.pid) == set()
    os.killpg(parent.pid, signal.SIGINT)
    out, err = parent.communicate(timeout=SOON)
    assert parent.returncode == 130
    assert ends(child, seconds=SOON)
    assert (out, err) == ("", "stopped by SIGINT; run the same command to continue\n")
