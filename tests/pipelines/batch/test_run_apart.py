"""Commands in processes of their own: how one ends is told, and it does not outlive its parent."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scenes.bad_inputs import make_dataset
from scenes.commands import PATIENCE, SOON, ends, environment

from sam4ct.pipelines.batch.run_all import Ending, run_apart, run_command

BEGIN = "import os, sys, time, signal; from sam4ct.runtime import *; end_with_parent(); "
"""As the program begins."""


def apart(program: str) -> Ending:
    return run_apart([sys.executable, "-c", f"import sys; sys.path[:] = {sys.path}; {program}"])


def test_work_that_ends_well_has_no_problem(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    assert apart(f"import os; print(os.getpid(), file=open({str(pid)!r}, 'w'))") == Ending()
    assert int(pid.read_text()) != os.getpid()


def test_what_the_user_can_mend_is_the_problem_itself(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    problem = "01: is empty.\nFill it."
    assert apart(f"{BEGIN} tell_parent({problem!r}); sys.exit(2)") == Ending(problem)
    ending = run_command(["validate", str(tmp_path / "caf\udce9")])
    assert ending.problem is not None
    assert ending.problem.startswith(f"{tmp_path / 'caf'}\udce9: ")
    assert not ending.unexpected
    assert capfd.readouterr() == ("", "")


def test_fault_of_the_program_keeps_its_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    ending = apart(f"{BEGIN} raise ZeroDivisionError('ours')")
    assert ending.unexpected
    assert ending.problem == "a fault of the program; its traceback is above"
    assert "ZeroDivisionError: ours" in capfd.readouterr().err


def test_killed_work_names_the_signal_and_the_usual_cause() -> None:
    killed, crashed, stopped = (
        apart(f"{BEGIN} os.kill(os.getpid(), signal.{name}); time.sleep(15)")
        for name in ("SIGKILL", "SIGSEGV", "SIGTERM")
    )
    assert killed == Ending(
        "its process was ended by SIGKILL; mostly that is for lack of memory: give it more"
    )
    assert crashed == Ending("its process was ended by SIGSEGV")
    assert stopped == Ending("its process was ended by SIGTERM")


def test_stopped_command_says_that_it_can_go_on() -> None:
    stopped, misled = (apart(f"{BEGIN} sys.exit({status})") for status in (75, 2))
    assert stopped == Ending("was stopped by a signal. Run the same command to continue.")
    assert misled == Ending("ended with status 2; its message is above")


@pytest.mark.parametrize(("level", "shown"), [(logging.INFO, True), (logging.WARNING, False)])
def test_work_logs_as_loud_as_its_parent(
    level: int, shown: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with caplog.at_level(level, logger="sam4ct"):
        words = ["--evidence", "overlap", "--no-report"]
        assert run_command(["run", str(make_dataset(tmp_path)), *words]) == Ending()
    assert bool(capfd.readouterr().err) == shown


def started(path: Path) -> tuple[subprocess.Popen[str], int]:
    """A parent in a process group of its own, under `graceful_exit`, and its child's number."""
    child = f"import sys; sys.path[:] = {sys.path}; {BEGIN}" + (
        f"print(os.getpid(), file=open({str(path)!r}, 'w'), flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from sam4ct.runtime import graceful_exit\n"
            "from sam4ct.pipelines.batch.run_all import run_apart\n"
            "with graceful_exit():\n"
            f"    print(run_apart([sys.executable, '-c', {child!r}]))\n",
        ],
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


def test_signals_to_the_whole_group_are_left_to_the_parent(tmp_path: Path) -> None:
    parent, child = started(tmp_path / "pid")
    os.killpg(parent.pid, signal.SIGINT)
    out, err = parent.communicate(timeout=SOON)
    assert parent.returncode == 130
    assert ends(child, seconds=SOON)
    assert (out, err) == ("", "stopped by SIGINT; run the same command to continue\n")
