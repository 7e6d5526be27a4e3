"""Read and write `res_track.txt`: one line `L B E P` a track (label, begin, end, parent).

Whether tracks make sense is checked by `lineage`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from sam4ct.errors import ResultError
from sam4ct.io.files import disk_errors, replacing
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
    with disk_errors(path, ResultError), replacing(path) as file:
        file.write(text.encode())
