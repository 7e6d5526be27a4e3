"""A process under `graceful_exit` stops at once on a signal, wherever it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scenes.commands import SOON, ends

from sam4ct.runtime.interrupt import EXIT_CTRL_C, EXIT_TRY_AGAIN, graceful_exit

ENDLESS_SOLVER = """
import numpy as np
from scipy.sparse import csr_array
from sam4ct.stages.associate.solver.highs import solve_milp
random = np.random.default_rng(0)
incidence = csr_array((random.random((1200, 600)) < 0.03).astype(float))
def work():
    solve_milp(random.uniform(1.0, 1.1, 600), incidence, np.ones(1200, dtype=int), 1000000)
"""
ENDLESS_NUMPY = """
import numpy as np
big = np.random.default_rng(0).random((3000, 3000))
def work():
    np.linalg.svd(big)
"""
SLEEP = """
import time
def work():
    time.sleep(15)
"""
STUCK_STDERR = """
import sys
def work():
    while True:
        sys.stderr.write("x" * 10000)
"""
FORKED_CHILD = """
import os, signal, time
def work():
    child = os.fork()
    if child == 0:
        time.sleep(15)
        os._exit(0)
    time.sleep(0.2)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
    time.sleep(0.5)
"""
POOL_WORKER = """
import multiprocessing, time
def work():
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(15,))
    worker.start()
    print(worker.pid, flush=True)
    worker.join()
"""
UNDER_GRACEFUL_EXIT = """
from sam4ct.runtime.interrupt import graceful_exit
with graceful_exit():
    print("ready", flush=True)
    work()
"""


@contextmanager
def started(work: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the midst of `work`."""
    process = subprocess.Popen(
        [sys.executable, "-c", work + UNDER_GRACEFUL_EXIT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "work",
    [ENDLESS_SOLVER, ENDLESS_NUMPY, SLEEP, STUCK_STDERR],
    ids=["solver", "numpy", "sleep", "nobody reads stderr"],
)
def test_sigterm_ends_with_75_soon(work: str) -> None:
    with started(work) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=SOON) == EXIT_TRY_AGAIN == 75


def test_ctrl_c_ends_with_130() -> None:
    with started(SLEEP) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=SOON) == EXIT_CTRL_C == 130


def test_one_line_says_what_happened_and_how_to_go_on() -> None:
    with started(SLEEP) as process:
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=SOON)
    assert stderr == "stopped by SIGTERM; run the same command to continue\n"


def test_a_signal_to_a_forked_child_ends_the_child_only() -> None:
    with started(FORKED_CHILD) as process:
        stdout, _ = process.communicate(timeout=SOON)
        assert int(stdout) == -signal.SIGTERM
        assert process.returncode == 0


def test_workers_end_with_their_parent() -> None:
    with started(POOL_WORKER) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=SOON) == EXIT_TRY_AGAIN
        assert ends(worker, seconds=SOON)


def test_sigterm_is_heard_after_other_signals() -> None:
    with started("import signal\nsignal.signal(signal.SIGUSR1, print)" + SLEEP) as process:
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=SOON) == EXIT_TRY_AGAIN


def test_other_signals_keep_their_handlers() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        with graceful_exit():
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.05)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


def test_everything_is_as_before_afterwards() -> None:
    def state() -> list[object]:
        wakeup = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(wakeup)
        handlers = [signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)]
        threads = sorted(thread.name for thread in threading.enumerate())
        return [wakeup, handlers, threads, sorted(os.listdir("/proc/self/fd"))]

    before = state()
    with graceful_exit():
        assert all(now != then for now, then in zip(state(), before, strict=True))
    assert state() == before


def test_an_error_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), graceful_exit():
        raise ZeroDivisionError
