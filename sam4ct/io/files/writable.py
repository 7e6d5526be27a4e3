"""Find out whether a place can be written, and say what stands in the way.

`write_problem` tries to write: permissions alone do not tell, because on network file systems root
may be nobody, and a mount may be read-only.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from sam4ct.errors import WorkError
from sam4ct.io.files.atomic import TEMPORARY, disk_errors


def write_problem(folder: Path) -> str | None:
    """Return why no file can be written into a folder, and the remedy; None if one can.

    Args:
        folder: If it does not exist, the nearest folder above it is tried. No file stays there.
    """
    path = Path(os.path.abspath(folder))
    nearest = next(place for place in (path, *path.parents) if os.path.exists(place))
    prefix, _, suffix = TEMPORARY.partition("*")
    try:
        with (
            disk_errors(nearest),
            tempfile.TemporaryFile(dir=nearest, prefix=prefix, suffix=suffix),
        ):
            return None
    except WorkError as error:
        refused = isinstance(error.__cause__, PermissionError)
        return f"{error} {_whose(nearest)}" if refused else str(error)


def refuse_unwritable(target: Path) -> None:
    """Refuse a folder that could not be made, by the permissions of the nearest folder above it.

    Raises:
        OSError: A file stands there, or nothing may be written into it.
    """
    above = next(folder for folder in target.parents if folder.exists())
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{above} is a file")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"no right to write into {above}")


def _whose(folder: Path) -> str:
    """Say who the user and the owner are: in containers and on clusters they often differ."""
    owner, uid, gid = folder.stat(), os.geteuid(), os.getegid()
    words = f"(This is user {uid}:{gid}; the folder belongs to {owner.st_uid}:{owner.st_gid}"
    if owner.st_uid == uid:
        return f"{words}.)"
    return f"{words}. Run as its owner: docker run --user $(id -u):$(id -g).)"
