"""Find frame files by their names, `t007.tif`, `mask007.tif`, and say which names are wrong.

Only listings are read, no file.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.files.other_files import (
    TIFF,
    file_given_for_folder,
    is_tiff,
    problems_of_others,
)

WIDTHS = (3, 4)
"""Digits of a frame number that the challenge allows."""
LARGEST = 999_999
"""Largest frame number: larger numbers are dates or similar."""
_LISTED = 5
_BY_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "@eadir"})


@dataclass(frozen=True)
class FrameFiles:
    """The frame files of one folder."""

    folder: Path
    files: dict[int, Path]
    """By frame number, in increasing order."""
    digits: int
    """Digits to which frame numbers are padded, 3 or 4; 0 without files."""
    problems: tuple[str, ...]
    """One message per unusable file, with the remedy; () if all files are usable."""

    @property
    def width(self) -> int:
        """Digits that are enough for all frame numbers, 3 or 4; 0 without files.

        Names written with `%03d` have three digits up to frame 999, and four from there on.
        """
        return min(max(self.digits, len(str(max(self.files)))), WIDTHS[-1]) if self.files else 0


def frame_name(prefix: str, t: int, digits: int, suffix: str = ".tif") -> str:
    """Return the file name of a frame, e.g. `mask007.tif`."""
    return f"{prefix}{t:0{digits}d}{suffix}"


def is_hidden(name: str) -> bool:
    """Whether a file is hidden, or made by the operating system, e.g. `.DS_Store`."""
    return name.startswith(".") or name.lower() in _BY_SYSTEM


def list_folder(folder: Path) -> list[Path]:
    """Return the visible entries of a folder, by name.

    Raises:
        SequenceError: There is no such folder, or it may not be read.
    """
    try:
        found = sorted(path for path in folder.iterdir() if not is_hidden(path.name))
        if not os.access(folder, os.X_OK):  # names may be listed, but files not opened
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return found
    except PermissionError as error:
        raise SequenceError(
            f"{folder}: cannot be read ({error.strerror}). Make the folder readable for this user,"
            " or give another one."
        ) from error
    except NotADirectoryError as error:
        raise SequenceError(file_given_for_folder(folder)) from error
    except OSError as error:
        raise SequenceError(
            f"{folder}: cannot be listed ({error.strerror})."
            " Give a folder that exists and that you may read."
        ) from error


def holds_tiff(folder: Path) -> bool:
    """Whether a folder has a file named as a TIFF; False if it cannot be listed."""
    try:
        return any(is_tiff(name) and not is_hidden(name) for name in os.listdir(folder))
    except OSError:
        return False


def frame_pattern(*prefixes: str) -> re.Pattern[str]:
    """Return the pattern of the names of frame files; group 1 is the frame number."""
    return re.compile(rf"(?:{'|'.join(map(re.escape, prefixes))})([0-9]+){TIFF}")


def frame_files(folder: Path, prefix: str, beside: Collection[str] = ()) -> FrameFiles:
    """Return the frame files of a folder, and problems with the others.

    Args:
        folder: Holds `<prefix>NNN.tif`.
        prefix: `t`, `mask`, ...
        beside: Names of other files that may be there.

    Raises:
        SequenceError: The folder cannot be listed.
    """
    pattern = frame_pattern(prefix)
    files: dict[int, Path] = {}
    widths: dict[int, int] = {}
    problems, others = [], []
    for path in list_folder(folder):
        if path.name in beside:
            continue
        match = pattern.fullmatch(path.name)
        if match is None:
            others.append(path)
        elif int(match[1]) > LARGEST:
            problems.append(
                f"{path}: frame {match[1]} is too large a number. Number the frames from 0:"
                f" {prefix}000.tif, {prefix}001.tif, ..."
            )
        elif (t := int(match[1])) in files:
            problems.append(f"{path}: is frame {t}, as is {files[t].name}. Remove one of them.")
        else:
            files[t] = path
            widths[t] = len(match[1])
            if not path.is_file():
                problems.append(f"{path}: is not a file. Put the frame itself there.")
    digits, misnamed = _padding(widths)
    problems += [
        f"{files[t]}: the frame number has {widths[t]} digits, not {len(f'{t:0{digits}d}')}."
        f" Rename it {frame_name(prefix, t, digits)}; all files need the same width."
        for t in misnamed
    ]
    problems = [*problems_of_others(others, prefix, has_frames=bool(files)), *problems]
    return FrameFiles(folder, dict(sorted(files.items())), digits, tuple(problems))


def _padding(widths: dict[int, int]) -> tuple[int, list[int]]:
    """Return the digits to which most frame numbers are padded, and the frames padded otherwise.

    Args:
        widths: By frame: the digits of the number in the file's name.
    """
    if not widths:
        return 0, []
    misnamed = {
        digits: [t for t, width in widths.items() if width != len(f"{t:0{digits}d}")]
        for digits in WIDTHS
    }
    digits = min(WIDTHS, key=lambda width: len(misnamed[width]))
    return digits, misnamed[digits]


def pairing_problems(images: FrameFiles, masks: FrameFiles) -> list[str]:
    """Return which frames two folders lack, a message each; only frame numbers are compared."""
    if not images.files or not masks.files:
        return [*_nothing_there(images, "frames", "t"), *_nothing_there(masks, "masks", "mask")]
    problems = []
    expected = set(range(max(images.files) + 1))
    if 0 not in images.files and 0 not in masks.files:
        problems.append(
            f"{images.folder}: starts at frame {min(images.files)}."
            " Renumber images and masks so that they start at 0."
        )
        expected = set(range(min(images.files), max(images.files) + 1))
    if absent := expected - set(images.files):
        problems.append(
            f"{images.folder}: {file_ranges('t', absent, images.digits)} missing."
            " Add the images, or renumber without gaps."
        )
    if unmasked := set(images.files) - set(masks.files):
        problems.append(
            f"{masks.folder}: {file_ranges('mask', unmasked, masks.digits)} missing."
            " Add an (empty) mask for each, or remove the images."
        )
    if surplus := set(masks.files) - set(images.files) - absent:
        problems.append(
            f"{masks.folder}: no image for {file_ranges('mask', surplus, masks.digits)}."
            " Add the images, or remove these masks."
        )
    return problems


def _nothing_there(found: FrameFiles, kind: str, prefix: str) -> list[str]:
    """Return the message that a folder has no frames; [] if it has, or has problems already."""
    if found.files or found.problems:
        return []
    return [f"{found.folder}: holds no {kind}. Put {prefix}000.tif, {prefix}001.tif, ... there."]


def file_ranges(prefix: str, frames: Iterable[int], digits: int, suffix: str = ".tif") -> str:
    """Return the names of frames as ranges: `t003.tif to t005.tif, t009.tif`."""
    runs: list[list[int]] = []
    for t in sorted(frames):
        if runs and t == runs[-1][-1] + 1:
            runs[-1][1:] = [t]
        else:
            runs.append([t])
    words = [" to ".join(frame_name(prefix, t, digits, suffix) for t in run) for run in runs]
    more = [f"and {len(words) - _LISTED} more gaps"] if len(words) > _LISTED else []
    return ", ".join(words[:_LISTED] + more)


def in_one_message(problems: Iterable[str]) -> str:
    """Return the first problems and the number of further ones, as one line."""
    problems = list(problems)
    more = len(problems) - _LISTED
    return " ".join(problems[:_LISTED] + ([f"(And {more} more problems.)"] if more > 0 else []))


def count_frames(folder: Path, prefix: str) -> int:
    """Return how many files of a folder are named as frames; 0 if it cannot be read."""
    try:
        return sum(map(bool, map(frame_pattern(prefix).fullmatch, os.listdir(folder))))
    except OSError:
        return 0
