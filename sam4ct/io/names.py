"""Names of frame files: `t007.tif`, `mask007.tif`, and everything that can be wrong with them.

Looks at listings only. Which folders a sequence has is left to `ctc`, pixels to `tiff`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from sam4ct.errors import SequenceError

WIDTHS = (3, 4)
"""Digits of a frame number that the challenge knows."""
_LISTED = 5
_BY_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "@eadir"})


@dataclass(frozen=True)
class FrameFiles:
    """The frame files of one folder."""

    folder: Path
    files: dict[int, Path]
    """By frame number, in increasing order."""
    digits: int
    """Width of the frame numbers, that of the most files; 0 without files."""
    problems: tuple[str, ...]
    """One per unusable file, with the remedy; () if the folder is in order."""


def frame_name(prefix: str, t: int, digits: int, suffix: str = ".tif") -> str:
    """Return the file name of a frame, e.g. `mask007.tif`."""
    return f"{prefix}{t:0{digits}d}{suffix}"


def is_hidden(name: str) -> bool:
    """Whether a name is that of a file which systems leave behind, e.g. `.DS_Store`."""
    return name.startswith(".") or name.lower() in _BY_SYSTEM


def list_folder(folder: Path) -> list[Path]:
    """Return the visible entries of a folder, by name.

    Raises:
        SequenceError: There is no such folder, or it may not be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not is_hidden(path.name))
    except OSError as error:
        raise SequenceError(
            f"{folder}: cannot be listed ({error.strerror})."
            " Give a folder that exists and that you may read."
        ) from error


def frame_files(folder: Path, prefix: str, beside: Collection[str] = ()) -> FrameFiles:
    """Return the frame files of a folder and what is wrong with the others.

    Args:
        folder: Holds `<prefix>NNN.tif`.
        prefix: `t`, `mask`, ...
        beside: Names of other files that belong there.

    Raises:
        SequenceError: The folder cannot be listed.
    """
    pattern = re.compile(rf"{re.escape(prefix)}([0-9]+)\.tiff?")
    files: dict[int, Path] = {}
    widths: dict[Path, int] = {}
    problems = []
    for path in list_folder(folder):
        if path.name in beside:
            continue
        match = pattern.fullmatch(path.name)
        if match is None:
            problems.append(f"{path}: is no frame. Move it away, or name it {prefix}NNN.tif.")
        elif (t := int(match[1])) in files:
            problems.append(f"{path}: is frame {t}, as is {files[t].name}. Remove one of them.")
        else:
            files[t] = path
            widths[path] = len(match[1])
            if not path.is_file():
                problems.append(f"{path}: is not a file. Put the frame itself there.")
    digits, width_problems = _common_width(widths, prefix)
    return FrameFiles(folder, dict(sorted(files.items())), digits, (*problems, *width_problems))


def _common_width(widths: dict[Path, int], prefix: str) -> tuple[int, list[str]]:
    """Return the width of most frame numbers and a sentence for every other one."""
    if not widths:
        return 0, []
    counts = Counter(width for width in widths.values() if width in WIDTHS)
    digits = max(counts, key=lambda width: (counts[width], -width), default=WIDTHS[0])
    problems = []
    for path, width in widths.items():
        if width != digits:
            t = int(path.stem.removeprefix(prefix))
            problems.append(
                f"{path}: the frame number has {width} digits, not {digits}."
                f" Rename it {frame_name(prefix, t, digits)}; all files need the same width."
            )
    return digits, problems


def pairing_problems(images: FrameFiles, masks: FrameFiles) -> list[str]:
    """Return what two folders lack, one sentence each; frame numbers alone are compared."""
    if not images.files:
        return [f"{images.folder}: holds no frames. Put t000.tif, t001.tif, ... there."]
    if not masks.files:
        return [f"{masks.folder}: holds no masks. Put mask000.tif, mask001.tif, ... there."]
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
    if images.digits != masks.digits:
        problems.append(
            f"{masks.folder}: frame numbers have {masks.digits} digits, but those of the images"
            f" {images.digits}. Rename one of them."
        )
    return problems


def file_ranges(prefix: str, frames: Iterable[int], digits: int, suffix: str = ".tif") -> str:
    """Return the names of frames in words: `t003.tif to t005.tif, t009.tif`."""
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
    """Return the first problems and how many more there are, as one line."""
    problems = list(problems)
    more = len(problems) - _LISTED
    return " ".join(problems[:_LISTED] + ([f"(And {more} more problems.)"] if more > 0 else []))
