"""What test_apart.py has done in other processes, which load nothing else for it."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from sam4ct.errors import SequenceError


def write_pid(path: Path) -> None:
    path.write_text(str(os.getpid()))


def refuse(problem: str) -> None:
    raise SequenceError(problem)


def err(_: None) -> None:
    raise ZeroDivisionError("ours")


def die(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(15)


def say(messages: list[str]) -> None:
    logging.getLogger("sam4ct.test").info("%s", messages[0])
    logging.getLogger("sam4ct.test").warning("%s", messages[1])


def linger(path: Path) -> None:
    write_pid(path)
    time.sleep(60)
