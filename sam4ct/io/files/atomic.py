"""Files that are either whole or absent, and the faults of a disk told to a user.

Owns the one way in which the work folder is written: a temporary file in the
same folder, synced, then renamed over the target. `os.replace` is one step of
the file system, so a process that dies at any moment (kill -9, SIGTERM, a lost
node) leaves the old file or the new one, and at worst a temporary beside it,
which `remove_leftovers` finds. What the files mean is left to the callers.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sam4ct.errors import WorkError

TEMPORARY = ".sam4ct-*.tmp"
"""Glob of the temporary files; short, so that a name that fits stays a name that fits."""

_REMEDIES = {
    errno.EACCES: "Make it writable for this user, or choose another place with --out.",
    errno.EPERM: "Make it writable for this user, or choose another place with --out.",
    errno.EROFS: "Choose a place that is not mounted read-only, with --out.",
    errno.ENOSPC: "Free some space; the same command then continues.",
    errno.EDQUOT: "Free some of your quota; the same command then continues.",
    errno.ENAMETOOLONG: "Choose a shorter path with --out.",
    errno.ENOTDIR: "A file stands where a folder is needed: move it away.",
    errno.EEXIST: "A file stands where a folder is needed: move it away.",
    errno.EISDIR: "A folder stands where a file is needed: move it away.",
    errno.ENOENT: "It may have been removed during the run. Run the same command again.",
}
_ANY_REMEDY = "Check the disk; the same command then continues."


@contextmanager
def work_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a WorkError with the path and the remedy.

    Args:
        path: Named in the message. It is the user's path, not that of a temporary.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _ANY_REMEDY)
        reason = error.strerror or str(error)
        raise WorkError(f"{path}: {reason}. {remedy}") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends well.

    Missing folders above it are made. If the block fails, `path` stays as it was.

    Raises:
        WorkError: The disk refuses (full, read-only, no permission, name too long).
    """
    with work_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / TEMPORARY.replace("*", secrets.token_hex(8))
        try:
            # "x" rather than tempfile.mkstemp: the user's umask decides who may read.
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C too: whatever it is, it goes on, but not the file.
            temporary.unlink(missing_ok=True)
            raise


def move(source: Path, target: Path) -> None:
    """Move a file, to another file system too; the target is whole or absent.

    Raises:
        OSError: There is no such file, or a disk refuses.
        WorkError: The same, of a target on another file system.
    """
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with source.open("rb") as old, replacing(target) as new:
            shutil.copyfileobj(old, new)
        source.unlink()


def write_json(path: Path, value: object) -> None:
    """Write a JSON file atomically, keys sorted, so that equal values give equal bytes.

    The bytes of a path that are no UTF-8 are written as JSON's escapes, and read back as they were.

    Raises:
        WorkError: The disk refuses.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode(errors="backslashreplace"))


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files below a folder; nobody else may be writing there.

    Returns:
        How many there were.
    """
    leftovers = list(folder.rglob(TEMPORARY))
    for leftover in leftovers:
        with work_errors(leftover):
            leftover.unlink(missing_ok=True)
    return len(leftovers)
