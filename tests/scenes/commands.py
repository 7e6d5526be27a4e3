"""The real command line for tests, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from sam4ct.cli import main

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0
"""Seconds that a test waits for what must come, however busy the machine is."""
SOON = 10.0
"""Seconds within which a process that is told to end has ended; its work would take longer."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str


def sam4ct(*args: object) -> Outcome:
    """Run a command in this process, through the same `main` as the installed program."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["sam4ct", *map(str, args)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code or 0
    assert isinstance(status, int)
    return Outcome(status, out.getvalue(), err.getvalue())


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a process that shares the machine with this one."""
    return {**os.environ, "OMP_NUM_THREADS": "1"} | variables


def start(*args: object, **variables: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own, with pipes for what it prints."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "entrypoint.py"), *map(str, args)],
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> Outcome:
    """Wait for a started command."""
    out, err = process.communicate(timeout=PATIENCE)
    return Outcome(process.returncode, out, err)


def ends(pid: int, seconds: float) -> bool:
    """Whether a process that is nobody's child here ends in time."""
    until = time.monotonic() + seconds
    status = Path(f"/proc/{pid}/stat")
    while time.monotonic() < until:
        # "Z": dead, but whoever adopts orphans on this machine has not collected it.
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def tree(root: Path) -> dict[str, str]:
    """Return everything below a folder: path → what it is, files by their SHA-256."""
    return {str(path.relative_to(root)): _kind(path) for path in sorted(root.rglob("*"))}


def _kind(path: Path) -> str:
    if path.is_symlink():
        return f"link to {os.readlink(path)}"
    if path.is_dir():
        return "folder"
    return hashlib.sha256(path.read_bytes()).hexdigest()
