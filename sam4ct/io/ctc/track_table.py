"""The file `res_track.txt`: one line `L B E P` a track.

Owns the text format only; whether tracks make sense is `lineage`'s question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sam4ct.errors import ResultError, WorkError
from sam4ct.io.files import replacing, work_errors
from sam4ct.lineage import Track

TRACKS = "res_track.txt"


def read_tracks(path: Path) -> list[Track]:
    """Return the lines of a `res_track.txt` or `man_track.txt`, in their order.

    Raises:
        ResultError: The file is unreadable, or a line is not four whole numbers.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # editors may mark UTF-8
    except UnicodeDecodeError as error:
        raise ResultError(f"{path}: is not in UTF-8. Save it as plain text (UTF-8).") from error
    except OSError as error:
        raise ResultError(
            f"{path}: cannot be read ({error.strerror}). Put a text file there with one line a"
            " track: label, first frame, last frame, parent or 0."
        ) from error
    tracks = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not re.fullmatch(r"\s*(-?[0-9]+\s+){3}-?[0-9]+\s*", line):
            raise ResultError(
                f"{path}: line {number} is {line[:40]!r}. Write four whole numbers: label,"
                " first frame, last frame, parent."
            )
        tracks.append(Track(*map(int, line.split())))
    return tracks


def write_tracks(path: Path, tracks: Iterable[Track]) -> None:
    """Write a `res_track.txt`, one line `L B E P` a track, by label.

    Raises:
        ResultError: The disk refuses.
    """
    text = "".join("{} {} {} {}\n".format(*track.row()) for track in sorted(tracks))
    with result_errors(path), replacing(path) as file:
        file.write(text.encode())


@contextmanager
def result_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses in the block into a ResultError with the remedy."""
    try:
        with work_errors(path):
            yield
    except WorkError as error:
        raise ResultError(str(error)) from error
