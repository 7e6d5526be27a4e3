"""End the process within a second on SIGTERM or Ctrl-C, whatever it is doing.

A Python signal handler runs only when the main thread is in Python code, and a solver or an
encoder pass can take minutes. So a second thread waits for the signal and ends the process. It
can, because numpy, HiGHS and torch release the interpreter lock.

The code that is stopped need not cooperate: every file and every result folder is written under
another name and then renamed (`io.files.atomic`), so nothing is half done. `finally` blocks and
exit handlers do not run. Temporary files and an unfinished result folder stay behind; the next
start of the same command removes them.

A forked child (multiprocessing) gets the default actions, else its signals would go through the
shared pipe and end the parent. Workers of multiprocessing are killed with the parent, because
they would wait for ever; programs started by `subprocess` are not.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: batch systems may start the same command again."""
EXIT_CTRL_C = 130
"""Exit status that a shell expects after Ctrl-C: 128 + SIGINT."""

_EXITS = {signal.SIGTERM: EXIT_TRY_AGAIN, signal.SIGINT: EXIT_CTRL_C}
_DONE = b"\0"
"""Ends the waiting thread; no signal has the number 0."""
_FAREWELL_SECONDS = 1.0
"""Longest wait for a stderr that nobody reads."""


@contextmanager
def graceful_exit() -> Iterator[None]:
    """End the process on SIGTERM (status 75) or SIGINT (130) while the block runs.

    One line on stderr says what happened and that the same command continues.
    Enter it in the main thread; afterwards all handlers are as before. Inside another such
    block it does nothing.
    """
    if signal.getsignal(signal.SIGTERM) is _leave_to_watcher:
        yield
        return
    receive, send = os.pipe()
    os.set_blocking(send, False)  # set_wakeup_fd demands it: a handler must never wait
    watcher = threading.Thread(target=_watch, args=(receive,), name="graceful-exit", daemon=True)
    watcher.start()
    # The C handler writes the number of the signal to the pipe at once, in any thread; the
    # Python handler does nothing.
    wakeup_before = signal.set_wakeup_fd(send, warn_on_full_buffer=False)
    handlers_before = {number: signal.signal(number, _leave_to_watcher) for number in _EXITS}
    try:
        yield
    finally:
        for number, handler in handlers_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup_before)
        os.write(send, _DONE)
        watcher.join()
        os.close(send)
        os.close(receive)


@contextmanager
def interrupt_raised() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt while the block runs, also in `graceful_exit`.

    For the main thread, and for blocks that are always in Python code, such as a server.
    """
    wakeup_before = signal.set_wakeup_fd(-1)
    handlers_before = {n: signal.signal(n, signal.default_int_handler) for n in _EXITS}
    try:
        yield
    finally:
        for number, handler in handlers_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup_before)


def _leave_to_watcher(number: int, frame: object) -> None:
    """A handler must be set, or the signal would not be written to the pipe."""


def _watch(receive: int) -> None:
    """Wait for one of our signals and end the process, or for `_DONE` and return."""
    while (byte := os.read(receive, 1)) != _DONE:
        if byte[0] in _EXITS:  # others, such as SIGALRM, have their own handlers
            _end_process(signal.Signals(byte[0]))


def _end_process(number: signal.Signals) -> None:
    # The thread that is stopped may hold the lock of a stream, or the reader may hang.
    farewell = threading.Thread(target=_say_goodbye, args=(number,), daemon=True)
    farewell.start()
    farewell.join(_FAREWELL_SECONDS)
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(_EXITS[number])


def _say_goodbye(number: signal.Signals) -> None:
    lead = "\n" if sys.stderr.isatty() else ""  # below the progress bar
    print(
        f"{lead}stopped by {number.name}; run the same command to continue",
        file=sys.stderr,
        flush=True,
    )
    sys.stdout.flush()


def _forget_in_child() -> None:
    """Give a child that was forked inside `graceful_exit` the default actions."""
    if signal.getsignal(signal.SIGTERM) is _leave_to_watcher:
        signal.set_wakeup_fd(-1)
        for number in _EXITS:
            signal.signal(number, signal.SIG_DFL)


os.register_at_fork(after_in_child=_forget_in_child)
