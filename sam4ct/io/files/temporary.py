"""Choose the folder for temporary files where the usual ones cannot be written or are full.

A container with a read-only root has none. Most commands need none (see `atomic`). But packages
ask for the folder's name when they are imported, and Python raises an error if none is usable.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sam4ct.errors import WorkError
from sam4ct.io.files.writable import write_problem

VARIABLES = ("TMPDIR", "TEMP", "TMP")
USUAL = (Path("/tmp"), Path("/var/tmp"), Path("/usr/tmp"))
SHARED_MEMORY = Path("/dev/shm")
"""A folder in memory; containers with a read-only root have it."""


def settle_temporary_folder() -> None:
    """Choose the folder for temporary files, unless it is chosen.

    Where no usual folder can be written, Python would take the working folder. That one holds
    the user's data, so nothing is written there, not even as a test. If shared memory cannot be
    written either, "/" is chosen: it serves packages that only ask for a name, and
    `require_temporary_folder` refuses it.
    """
    if tempfile.tempdir is None:
        named = [Path(value) for name in VARIABLES if (value := os.environ.get(name))]
        usable = filter(_is_usable, (*named, *USUAL, SHARED_MEMORY))
        tempfile.tempdir = next((os.path.abspath(folder) for folder in usable), os.sep)


def _is_usable(folder: Path) -> bool:
    return folder.is_dir() and write_problem(folder) is None


def require_temporary_folder() -> None:
    """Refuse to go on without a folder for temporary files.

    Raises:
        WorkError: No such folder can be written.
    """
    settle_temporary_folder()
    if problem := write_problem(Path(tempfile.gettempdir())):
        raise WorkError(
            f"no folder for temporary files can be written: {problem.partition('. ')[0]}. Let the"
            " variable TMPDIR name one; in a container, docker run --tmpfs /tmp makes one."
        )
