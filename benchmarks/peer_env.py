"""The peers' own environment, and their programs run in it.

One of them needs an older numpy than this project, so nothing is shared with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

PROGRAMS = Path(__file__).with_name("peers")
REQUIREMENTS = PROGRAMS / "requirements.txt"
TORCH = "torch==2.13.0"


def peer_python(folder: Path) -> Path:
    """Return the interpreter of the peers' environment, made and filled where it is missing.

    Args:
        folder: Of the environment.

    Raises:
        subprocess.CalledProcessError: Something could not be installed.
    """
    python, note = folder / "bin" / "python", folder / "installed.txt"
    wanted = f"{TORCH}\n{REQUIREMENTS.read_text()}"
    if not note.exists() or note.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
        # By itself, before anything that asks for it: pip would choose a build of its own.
        subprocess.run([*install, TORCH], check=True)
        subprocess.run([*install, "--requirement", str(REQUIREMENTS)], check=True)
        note.write_text(wanted)
    return python


def run_peer(python: Path, program: str, sequences: Iterable[Sequence[Path]]) -> None:
    """Link sequences by a program of `peers`, on one core.

    Args:
        python: From `peer_python`.
        program: Its name, without the ending.
        sequences: Images, masks and result of each.

    Raises:
        subprocess.CalledProcessError: It failed; its output is on the standard error.
    """
    paths = [str(path) for sequence in sequences for path in sequence]
    command = [str(python), str(PROGRAMS / f"{program}.py"), *paths]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        done.check_returncode()
