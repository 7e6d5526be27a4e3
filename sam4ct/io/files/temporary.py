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

SHARED_MEMORY = Path("/dev/shm")
"""A folder in memory that containers with a read-only root have."""


def settle_temporary_folder() -> None:
    """Choose a folder for temporary files if Python finds none.

    If shared memory cannot be written either, a folder is named that cannot be: who needs
    only the name gets one, and `require_temporary_folder` tells all others.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        usable = write_problem(SHARED_MEMORY) is None
        tempfile.tempdir = str(SHARED_MEMORY) if usable else os.sep


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
