"""Digests of inputs: what tells whether files have changed since they were read.

Small files are told by their content. Movies, which are too large to be read for this, are
left to `follow.fingerprint`; what is an input, to `follow.sequence`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sam4ct.errors import SequenceError


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        SequenceError: It cannot be read.
    """
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(rows: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 over names and what is known of them."""
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
