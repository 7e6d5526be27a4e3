"""Bring weight files into a folder: downloaded, or copied from a local file.

A file is written as FILE.part, compared with its manifest entry, and then renamed, so that a file
with its final name is complete. One process at a time fetches a file. Only a command of the user
(`sam4ct weights fetch`) starts a download.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sam4ct.errors import WeightsError
from sam4ct.models.weights.download import (
    PATIENT,
    Patience,
    Progress,
    UnusableError,
    download,
    silent,
)
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.manifest import writing
from sam4ct.models.weights.verify import defect

logger = logging.getLogger(__name__)


def fetch(
    entry: Entry,
    folder: Path,
    mirrors: Sequence[str] = (),
    progress: Progress = silent,
    patience: Patience = PATIENT,
) -> Path:
    """Download the file of an entry into a folder, unless it is there already.

    Args:
        mirrors: Base URLs to which the file name is appended; tried in order, before the
            entry's own source.
        progress: Called with the bytes received and the bytes expected.

    Returns:
        The file; its size and SHA-256 match the entry.

    Raises:
        WeightsError: No URL gives the file, it is another file, or it cannot be written.
    """
    urls = _urls(entry, mirrors)
    with _alone(entry, folder) as (target, part):
        if target.is_file() and defect(entry, target) is None:
            return target
        failures = []
        for url in urls:
            try:
                download(url, part, entry.bytes, progress, patience)
            except UnusableError as fault:
                failures.append(f"{url}: {fault}")
            else:
                return _accepted(entry, part, target, url)
    raise WeightsError(
        f"weights {entry.name!r} could not be fetched. {'; '.join(failures)}. Check the network or "
        f"name a mirror (--mirror URL), or copy the file here and give it with --from FILE."
    )


def adopt(entry: Entry, source: Path, folder: Path) -> Path:
    """Copy a local file into a folder as the file of an entry.

    Raises:
        WeightsError: It is another file than the manifest lists, or it cannot be written.
    """
    fault = defect(entry, source)
    if fault:
        raise WeightsError(f"{source} is not {entry.name!r}: {fault}. Give the published file.")
    with _alone(entry, folder) as (target, part):
        if target.exists() and target.samefile(source):
            return target
        shutil.copyfile(source, part)
        return _accepted(entry, part, target, str(source))


@contextmanager
def _alone(entry: Entry, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the final and the partial path to one process at a time; others wait."""
    target = folder / entry.file
    with writing(target):
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{entry.file}.lock"):
            yield target, target.with_name(target.name + ".part")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock a file for the block; the system unlocks it if the process is killed."""
    while True:
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                logger.warning("%s: another process is fetching the file; waiting", path)
                fcntl.flock(lock, fcntl.LOCK_EX)
            # The process before may have removed the file: the next one would lock a new file.
            if not _is_at(path, lock):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _accepted(entry: Entry, part: Path, target: Path, origin: str) -> Path:
    """Give a complete file its name, or delete it if it is not what the manifest lists."""
    fault = defect(entry, part)
    if fault:
        part.unlink()
        raise WeightsError(
            f"{origin}: the file received is not {entry.name!r}: {fault}. It was deleted. Try "
            "again, name another mirror (--mirror URL), or give the file with --from FILE."
        )
    part.replace(target)
    return target


def _urls(entry: Entry, mirrors: Sequence[str]) -> list[str]:
    for mirror in mirrors:
        if not re.match(r"https?://", mirror):
            raise WeightsError(f"mirror {mirror!r}: give a URL that begins with https://")
    own = [entry.source] if entry.source.startswith("http") else []
    urls = [*(f"{mirror.rstrip('/')}/{entry.file}" for mirror in mirrors), *own]
    if not urls:
        raise WeightsError(
            f"weights {entry.name!r} are published nowhere (source: {entry.source}). "
            "Name a mirror (--mirror URL), or give the file with --from FILE."
        )
    return urls
