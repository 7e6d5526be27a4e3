"""Write files so that they are whole or absent, and say in words what a disk refuses.

A file is written under a temporary name in the same folder, synced, and renamed over the target.
`os.replace` is one step of the file system, so a process that dies at any moment (kill -9,
SIGTERM, a lost node) leaves the old file or the new one, and at worst a temporary file, which
`remove_leftovers` finds.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sam4ct.errors import WorkError

TEMPORARY = ".sam4ct-*.tmp"
"""Glob of the temporary files; short, so that their names are not too long for the disk."""

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
def disk_errors(path: Path, kind: type[Exception] = WorkError) -> Iterator[None]:
    """Turn an OSError or WorkError of the block into an error with the path and the remedy.

    Args:
        path: Named in the message: the user's path, not that of a temporary file.
        kind: Of the error: WorkError, or ResultError in a result folder.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _ANY_REMEDY)
        raise kind(f"{path}: {error.strerror or error}. {remedy}") from error
    except WorkError as error:
        if kind is WorkError:
            raise
        raise kind(str(error)) from error


work_errors = disk_errors


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` when the block ends well.

    Missing folders above it are made. If the block fails, `path` stays as it was.

    Raises:
        WorkError: The disk refuses (full, read-only, no permission, name too long).
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / TEMPORARY.replace("*", secrets.token_hex(8))
        try:
            # "x" rather than tempfile.mkstemp: the user's umask decides who may read.
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C too
            temporary.unlink(missing_ok=True)
            raise


def move(source: Path, target: Path) -> None:
    """Move a file, also to another file system; the target is whole or absent.

    Raises:
        OSError: There is no such file, or a disk refuses.
        WorkError: The disk of a target on another file system refuses.
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
    """Write a JSON file atomically, with sorted keys: equal values give equal bytes.

    Bytes of a path that are not UTF-8 are written as JSON escapes, and read back unchanged.

    Raises:
        WorkError: The disk refuses.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode(errors="backslashreplace"))


def read_json(
    path: Path, folder: Path, parse: Callable[[Any], dict[str, Any]] = dict
) -> dict[str, Any]:
    """Return the object in a JSON file of our own; {} if there is no file.

    Args:
        path: The file.
        folder: What the user is to delete if the file is damaged.
        parse: Checks and converts the content; it raises KeyError, TypeError or ValueError.

    Raises:
        WorkError: The file is damaged, or cannot be read.
    """
    try:
        with disk_errors(path):
            return parse(json.loads(path.read_bytes())) if path.exists() else {}
    except (KeyError, TypeError, ValueError) as error:
        raise WorkError(
            f"{path}: damaged. Delete the folder {folder} and run the same command again."
        ) from error


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files below a folder, and return how many there were.

    No other process may be writing there.
    """
    leftovers = list(folder.rglob(TEMPORARY))
    for leftover in leftovers:
        with disk_errors(leftover):
            leftover.unlink(missing_ok=True)
    return len(leftovers)
