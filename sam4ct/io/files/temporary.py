"""The folder for temporary files, where the usual ones cannot be written or are full.

A container with a read-only root has none. Most commands need none: what they write, they write
beside its place (`io.atomic`). But packages ask for the folder's name as they are imported, and
Python raises an error where no folder is usable.
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
"""A folder in memory that containers with a read-only root have."""


def settle_temporary_folder() -> None:
    """Choose the folder for temporary files, unless it is chosen.

    Python would take the working folder where no usual one can be written. That one holds a
    user's data, and nothing is written there, not even to try. If shared memory cannot be
    written either, a folder is named that cannot be: who needs only the name gets one, and
    `require_temporary_folder` tells all others.
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
        WorkError: None can be written.
    """
    settle_temporary_folder()
    if problem := write_problem(Path(tempfile.gettempdir())):
        raise WorkError(
            f"no folder for temporary files can be written: {problem.partition('. ')[0]}. Let the"
            " variable TMPDIR name one; in a container, docker run --tmpfs /tmp makes one."
        )
