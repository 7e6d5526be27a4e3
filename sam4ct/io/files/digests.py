"""Hash files by their content, to find out whether they have changed since they were read.

Movies are too large for this; see `follow.fingerprint`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sam4ct.errors import SequenceError


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hex digits.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of an input file's content.

    Raises:
        SequenceError: It cannot be read.
    """
    with reading(path):
        return sha256_of(path)


def digest_of(rows: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 over rows of a name and a text."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\0".join(row).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError of the block, which looks at `path`, into a SequenceError."""
    try:
        yield
    except OSError as error:
        raise SequenceError(
            f"{error.filename or path}: cannot be read ({error.strerror}). Check that it is"
            " there and that you may read it."
        ) from error
