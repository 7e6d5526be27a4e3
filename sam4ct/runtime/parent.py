"""Parent: a command that `run-all` started ends with it, and tells it what went wrong.

Both hold an end of a socket, whose number is in a variable of the environment. The command's end
is closed when its process ends, however it does; the parent's likewise.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from subprocess import Popen

from sam4ct.runtime.interrupt import EXIT_TRY_AGAIN

VARIABLE = "SAM4CT_PARENT"
_parent: socket.socket | None = None
"""Of this process, if there is one that it ends with."""


def start_child(command: Sequence[str]) -> tuple[Popen[bytes], socket.socket]:
    """Start a command of sam4ct that ends with this process; what it prints to stdout is dropped.

    It is in a session of its own: Ctrl-C in a terminal reaches this process alone.

    Returns:
        The process, and the socket to read from what `tell_parent` sends.
    """
    ours, theirs = socket.socketpair()
    with theirs, open(os.devnull, "w") as nowhere:
        number = theirs.fileno()
        process = Popen(
            command,
            stdout=nowhere,
            pass_fds=[number],
            env={**os.environ, VARIABLE: str(number)},
            start_new_session=True,
        )
    return process, ours


def end_with_parent() -> None:
    """End this process when its parent has ended, even by SIGKILL, lest it keep its locks.

    Does nothing in a process that was not started by `start_child`.
    """
    global _parent
    number = os.environ.pop(VARIABLE, None)  # not for programs that this one starts
    if number is not None:
        _parent = socket.socket(fileno=int(number))
        _parent.set_inheritable(False)
        threading.Thread(target=_wait, args=(_parent,), name="parent", daemon=True).start()


def tell_parent(problem: str) -> bool:
    """Send what the user can mend to the parent; return whether there is one."""
    if _parent is None:
        return False
    _parent.sendall(problem.encode(errors="surrogateescape"))
    return True


def _wait(parent: socket.socket) -> None:
    """Wait until the other end is closed; nothing is ever sent from there."""
    parent.recv(1)
    os._exit(EXIT_TRY_AGAIN)
