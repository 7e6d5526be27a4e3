"""A folder with one file a time point, under any names, in the natural order of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.files import list_folder
from sam4ct.io.formats.movie import Facts, Movie
from sam4ct.io.tiff import Frame

Opener = Callable[[Path], AbstractContextManager[Movie]]

_MARKS = ("_cp_masks", "_seg", "_masks", "_mask", "_labels", "_label")
"""What names of masks end with, those of Cellpose first."""
_BESIDE = re.compile(r".*_(outlines|flows|dP|cellprob)(_cp_masks)?")
"""Other files that Cellpose writes beside masks."""
_DIGITS = re.compile(r"([0-9]+)")


class Folder:
    """A `Movie` of files in a folder. One file is open at a time."""

    def __init__(self, path: Path, files: Sequence[Path], opener: Opener) -> None:
        """Read the headers of all files.

        Raises:
            SequenceError: One cannot be read, holds several time points, or is of another shape.
        """
        self.path, self.files, self._opener = path, tuple(files), opener
        first = self._facts_of(files[0])
        dtypes = [first.dtype]
        for file in files[1:]:
            facts = self._facts_of(file)
            dtypes.append(facts.dtype)
            if facts.shape != first.shape:
                raise SequenceError(
                    f"{file}: has the shape {facts.shape}, but {files[0].name} has"
                    f" {first.shape}. Crop or export all of them to one shape."
                )
        self._axes = first.axes
        self.has_one_type = len(set(dtypes)) == 1
        self.facts = replace(
            first,
            axes=f"T{first.axes}",
            shape=(len(files), *first.shape),
            dtype=np.result_type(*dtypes),
        )

    def read(self, at: Mapping[int, int]) -> Frame:
        """See `Movie`; one time point only."""
        with self._opener(self.files[at[0]]) as movie:
            part = movie.read({axis - 1: place for axis, place in at.items() if axis})
        return part.astype(self.facts.dtype, copy=False)

    def tiff_of(self, t: int) -> Path | None:
        """See `Movie`."""
        with self._opener(self.files[t]) as movie:
            return movie.tiff_of(0) if self.has_one_type else None

    def refuse_lossy(self) -> None:
        """See `Movie`."""
        for file in self.files:
            with self._opener(file) as movie:
                movie.refuse_lossy()

    def _facts_of(self, file: Path) -> Facts:
        with self._opener(file) as movie:
            facts = movie.facts
        if "T" not in facts.axes:
            return facts
        time = facts.axes.index("T")
        if facts.shape[time] > 1:
            raise SequenceError(
                f"{file}: holds {facts.shape[time]} time points by its header, and"
                f" {len(self.files)} files lie in its folder. Give one file as the movie, or a"
                " folder with one time point a file."
            )
        # One letter T is enough: the folder's.
        return replace(facts, axes=f"{facts.axes[:time]}-{facts.axes[time + 1 :]}")


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Return the key that sorts names as people do: `t2` before `t10`."""
    parts = _DIGITS.split(name)
    return [
        (1, int(part), part) if part.isdecimal() else (0, 0, part.casefold()) for part in parts
    ] + [(0, 0, name)]


def files_of(folder: Path, kind_of: Callable[[Path], str | None], *, masks: bool) -> list[Path]:
    """Return the files of a folder that are its images, or its masks, in natural order.

    Where both lie in one folder, as Cellpose leaves them, the names tell one from the other.

    Args:
        folder: The folder.
        kind_of: The kind of a file by its name, None for what is no image.
        masks: Which of both are wanted.

    Raises:
        SequenceError: There are none, or they are of several kinds.
    """
    found = [p for p in list_folder(folder) if p.is_file() and kind_of(p)]
    found = [path for path in found if not _BESIDE.fullmatch(path.stem)]
    marks = {path: _mark(path) for path in found}
    wanted = [path for path in found if bool(marks[path]) == masks] or found
    if masks and (known := {marks[path] for path in wanted} - {""}):
        best = min(known, key=_MARKS.index)
        wanted = [path for path in wanted if marks[path] == best]
    if not wanted:
        raise SequenceError(
            f"{folder}: holds no {'masks' if masks else 'images'}. Give a folder of TIFF, PNG or"
            " NumPy files, or one file."
        )
    kinds = {kind_of(path): path.name for path in reversed(wanted)}
    if len(kinds) > 1:
        told = ", ".join(f"{name} ({kind})" for kind, name in sorted(kinds.items(), key=str))
        raise SequenceError(
            f"{folder}: holds files of several kinds: {told}. Put those to track into a folder"
            " of their own."
        )
    return sorted(wanted, key=lambda path: natural_order(path.name))


def refuse_unpaired(images: Folder, masks: Folder) -> None:
    """Refuse two folders whose files have the same names but for some of them.

    Raises:
        SequenceError: A file of one has no partner in the other.
    """
    of_images = {_bare(path): path for path in images.files}
    of_masks = {_bare(path): path for path in masks.files}
    if not of_images.keys() & of_masks.keys():
        return
    for own, others, other in ((of_images, of_masks, masks), (of_masks, of_images, images)):
        if alone := [path for name, path in own.items() if name not in others]:
            raise SequenceError(
                f"{alone[0]}: nothing in {other.path} belongs to it by its name"
                f" ({len(alone)} of {len(own)} files have no partner). Add the missing ones, or"
                " move these away."
            )


def _mark(path: Path) -> str:
    mark = next((mark for mark in _MARKS if path.stem.endswith(mark)), "")
    return "" if mark == "_seg" and path.suffix.lower() != ".npy" else mark


def _bare(path: Path) -> str:
    return path.stem.removesuffix(_mark(path))
