"""Apart: a piece of work in a process of its own, so that its end is not ours.

What a crash, a broken CUDA context or the kernel's killer of greedy processes ends is
that piece alone, and its memory is given back whatever held it. The child stops with
its parent: signals are the parent's (`io.interrupt`), which kills its children, and a
child whose parent has vanished ends itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TypeVar

from sam4ct.errors import Sam4ctError
from sam4ct.io.files import settle_temporary_folder
from sam4ct.runtime import EXIT_TRY_AGAIN, log_level, log_to_stderr, safe_streams

T = TypeVar("T")

_HELD_BACK = {signal.SIGTERM, signal.SIGINT}


@dataclass(frozen=True)
class Ending:
    """How a piece of work ended."""

    problem: str | None = None
    """What went wrong, in words; None if all went well."""
    unexpected: bool = False
    """Whether it was a fault of the program, whose traceback is on stderr."""


def run_apart(work: Callable[[T], None], item: T) -> Ending:
    """Call a function in a new process, and wait for its end.

    Args:
        work: A function that another process can import.
        item: Its argument; is pickled.

    Returns:
        How it ended: well, with a `Sam4ctError`, with any other exception, or killed.
    """
    # Not forked: CUDA and the threads of numerical libraries do not survive a fork.
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=_work_as_told, args=(work, item, send, log_level()))
    with receive:
        with send, _signals_held_back():
            child.start()
        try:
            refusal = receive.recv()
        except (EOFError, OSError):  # It ended without a word, or in the midst of one.
            refusal = None
        child.join()
    assert child.exitcode is not None, "a child that was joined has ended"
    return _ending(refusal, child.exitcode)


def _ending(refusal: str | None, status: int) -> Ending:
    if refusal is not None:
        return Ending(refusal)
    if status == 0:
        return Ending()
    if status > 0:
        return Ending("a fault of the program; its traceback is above", unexpected=True)
    name = signal.Signals(-status).name
    hint = "; mostly that is for lack of memory: give it more" if -status == signal.SIGKILL else ""
    return Ending(f"its process was ended by {name}{hint}")


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let a child that is started in the block inherit that it hears no SIGTERM or Ctrl-C.

    Both reach the whole process group, and it is the parent who answers: a child that
    died a moment earlier would look like work that failed.
    """
    # Started with the first child, it would let the signals through.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work_as_told(work: Callable[[T], None], item: T, send: Connection, level: int) -> None:
    """Do the work in the child, and send what the user can mend; the rest ends the process."""
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    with safe_streams(), send:
        log_to_stderr(level)
        settle_temporary_folder()
        try:
            work(item)
        except Sam4ctError as error:
            send.send(str(error))


def _end_with_parent() -> None:
    """End this process when its parent has ended, even by SIGKILL, lest it hold its locks."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "called in a child"
    parent.join()
    os._exit(EXIT_TRY_AGAIN)
