"""Lock a folder, so that several processes, also on several machines, do not disturb each other.

Many shards may hold a lock at once (shared), or one run alone (exclusive). Nobody waits: an error
names the process that holds the lock. The locks are those of the kernel (flock), so they end with
their process; on network file systems they reach as far as the mount allows.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

from sam4ct.errors import WorkError
from sam4ct.io.files.atomic import disk_errors

logger = logging.getLogger(__name__)

LOCK, GUARD = "lock", "lock.guard"
"""Files in the folder. They stay: one that is removed and made again could be locked twice."""

_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_HELD = {errno.EAGAIN, errno.EACCES}


class FolderLock:
    """A lock on a folder; use `FolderLock.held`."""

    def __init__(self, folder: Path, file: IO[bytes], guard: IO[bytes]) -> None:
        self._folder, self._file, self._guard = folder, file, guard

    @classmethod
    @contextmanager
    def held(cls, folder: Path, *, shared: bool) -> Iterator[FolderLock]:
        """Lock a folder for the block; make it if need be.

        Raises:
            WorkError: Another process holds the lock, or the disk refuses.
        """
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / LOCK).open("ab+", buffering=0)
            guard = (folder / GUARD).open("ab")
        with file, guard:
            lock = cls(folder, file, guard)
            with lock.guarded():
                lock._acquire(shared=shared)
            yield lock

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Wait for the turn, then run the block while no other holder runs such a block.

        For short work only. All changes of the lock itself are made under this guard.
        """
        _flock(self._guard, fcntl.LOCK_EX)
        try:
            yield
        finally:
            _flock(self._guard, fcntl.LOCK_UN)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock exclusively for the block; use it under `guarded`.

        The kernel drops a shared lock before it gives the exclusive one. Nobody can take the
        lock in between: all wait for the guard.

        Raises:
            WorkError: Other shards hold the lock.
        """
        try:
            self._acquire(shared=False)
            yield
        finally:
            self._acquire(shared=True)

    def _acquire(self, *, shared: bool) -> None:
        if not _flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB):
            raise WorkError(
                f"{self._folder}: in use by {self._holders()}."
                " Wait until it has ended, or stop it, and run the same command again."
            )
        with disk_errors(self._folder / LOCK):
            if not shared:
                self._file.truncate(0)
            self._file.write(f"{os.getpid()} {socket.gethostname()}\n".encode())

    def _holders(self) -> str:
        """Return the other processes in the lock file that may still run."""
        self._file.seek(0)
        here = socket.gethostname()
        entries = [line.split() for line in self._file.read().decode().splitlines()]
        holders = {
            f"process {pid} on {host}"
            for pid, host in entries
            if host != here or (int(pid) != os.getpid() and Path("/proc", pid).exists())
        }
        return ", ".join(sorted(holders)) or "another process"


def _flock(file: IO[bytes], operation: int) -> bool:
    """Lock or unlock a file; return False if another process holds the lock.

    Where the file system has no locks, warn and return True: an unprotected run is better than
    none.
    """
    with disk_errors(Path(file.name)):
        try:
            fcntl.flock(file, operation)
        except OSError as error:
            if error.errno in _HELD:
                return False
            if error.errno not in _NO_LOCKS_HERE:
                raise
            _warn_unprotected(Path(file.name).parent)
    return True


@cache
def _warn_unprotected(folder: Path) -> None:
    logger.warning("%s: no locks on this file system; start one run at a time here", folder)
