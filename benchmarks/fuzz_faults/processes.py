"""Runs the program as a process of its own, with streams, variables and limits as a case wants.

A run begins as a copy of a process that has the modules loaded, which saves a second each; where
the streams or the encoding are what is tried, it is an interpreter of its own.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fuzz_faults.cases import Case

ROOT = Path(__file__).resolve().parents[2]
_DROP_FROM_BOUNDING_SET = 24
_READ_ALL = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root read and write all."""

_server = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    status: int | None
    """Negative: killed by that signal; None: it took too long, and was killed here."""
    out: str
    err: str


def obey_permissions() -> None:
    """Let the processes started from now on obey the permissions of files, even as root."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in _READ_ALL:
            if libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "the capabilities of root cannot be given away")


def load_beforehand() -> None:
    """Load all modules of the program, with which runs begin from now on; takes seconds."""
    files = sorted((ROOT / "sam4ct").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    _server.set_forkserver_preload(["__main__", *(n for n in names if not n.endswith("__main__"))])
    first = _server.Process(target=_nothing)
    first.start()
    first.join()


def _nothing() -> None:
    """Be the first process, for which the modules are loaded."""


def run(case: Case, program: list[str], arguments: list[str], limit: float, fresh: bool) -> Ending:
    """Run a command and wait for it.

    Args:
        case: Where it runs, and how it is called.
        program: What to start instead of sam4ct; [] is sam4ct.
        arguments: Of the command line.
        limit: Seconds until it is killed.
        fresh: Whether to start an interpreter in any case.
    """
    out, err = case.root / "stdout", case.root / "stderr"
    if program or fresh or case.call.fresh or case.call.streams:
        status = _interpreter(case, program, arguments, limit, out, err)
    else:
        status = _copy(case, arguments, limit, out, err)
    return Ending(status, *(_text(path) for path in (out, err)))


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _variables(case: Case) -> dict[str, str]:
    ours = {"TMPDIR": str(case.root / "tmp"), "HOME": str(case.root / "home")}
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths} | ours | case.call.variables


def _interpreter(
    case: Case, program: list[str], arguments: list[str], limit: float, out: Path, err: Path
) -> int | None:
    streams = case.call.streams
    command = [*(program or [sys.executable, "-m", "sam4ct"]), *arguments]
    if streams and streams != "|":
        command = ["sh", "-c", f'exec "$@" {streams}', "sh", *command]
    with out.open("wb") as to, err.open("wb") as errors:
        process = subprocess.Popen(
            command,
            env=os.environ | _variables(case),
            cwd=case.root / "cwd",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if streams == "|" else to,
            stderr=errors,
            umask=case.call.umask,
            start_new_session=True,
        )
        if process.stdout:
            process.stdout.close()
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None


def _copy(case: Case, arguments: list[str], limit: float, out: Path, err: Path) -> int | None:
    process = _server.Process(
        target=_command,
        args=(arguments, _variables(case), case.root / "cwd", case.call.umask, out, err),
    )
    process.start()
    process.join(limit)
    if (status := process.exitcode) is None:
        process.kill()
        process.join()
    process.close()
    return status


def _command(
    arguments: list[str], variables: dict[str, str], cwd: Path, umask: int, out: Path, err: Path
) -> None:
    """Be the program: in a copy of the process that has the modules."""
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.environ.update(variables)
    os.chdir(cwd)
    os.umask(umask)
    from sam4ct.__main__ import main

    main(arguments)
