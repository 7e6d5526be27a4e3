"""Whether a place can be written, found out by writing, and in words what stands in the way.

Permissions alone do not tell: on network file systems root may be nobody, and a mount may
be read-only. The faults of a disk in words are `atomic`'s.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sam4ct.errors import WorkError
from sam4ct.io.files.atomic import TEMPORARY, work_errors


def write_problem(folder: Path) -> str | None:
    """Return why no file can be made in a folder, and the remedy; None if one can.

    Args:
        folder: Where it does not exist, the nearest above it counts. It is left as it was.
    """
    path = Path(os.path.abspath(folder))
    nearest = next(place for place in (path, *path.parents) if os.path.exists(place))
    prefix, _, suffix = TEMPORARY.partition("*")
    try:
        with (
            work_errors(nearest),
            tempfile.TemporaryFile(dir=nearest, prefix=prefix, suffix=suffix),
        ):
            return None
    except WorkError as error:
        refused = isinstance(error.__cause__, PermissionError)
        return f"{error} {_whose(nearest)}" if refused else str(error)


def _whose(folder: Path) -> str:
    """Say who this is and whose the folder is: in containers and on clusters they differ."""
    owner, uid, gid = folder.stat(), os.geteuid(), os.getegid()
    words = f"(This is user {uid}:{gid}; the folder belongs to {owner.st_uid}:{owner.st_gid}"
    if owner.st_uid == uid:
        return f"{words}.)"
    return f"{words}. Run as its owner: docker run --user $(id -u):$(id -g).)"
