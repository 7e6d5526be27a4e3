"""Digests of inputs: what tells whether files have changed since they were read.

Small files are told by their content. Movies are too large to be read for this: their files
are told by names, sizes and times of change, but for metadata. What is an input is left to
`track_sequence`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.names import is_hidden
from sam4ct.io.zarr_arrays import ZARR_METADATA


def digest_of_movie(source: Path) -> str:
    """Return the SHA-256 over names, sizes and times of all files, and the content of metadata.

    Raises:
        SequenceError: A file cannot be looked at.
    """
    return digest_of(
        (
            path.relative_to(source).as_posix(),
            digest_of_file(path) if path.name in ZARR_METADATA else _size_and_time(path),
        )
        for path in _files_below(source)
    )


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        SequenceError: It cannot be read.
    """
    with _reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(rows: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 over names and what is known of them."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\0".join(row).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a movie in a fixed order; links are followed, as readers do."""
    with _reading(folder):
        for above, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
            folders.sort()
            for name in sorted(files):
                if name in ZARR_METADATA or not is_hidden(name):
                    yield Path(above, name)


def _raise(error: OSError) -> None:
    raise error


def _size_and_time(path: Path) -> str:
    with _reading(path):
        status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SequenceError(
            f"{error.filename or path}: cannot be read ({error.strerror}). Check that it is"
            " there and that you may read it."
        ) from error
