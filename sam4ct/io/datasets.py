"""Datasets below a folder: which there are, and which of their sequences have something to do.

Owns where datasets are looked for and what tells one from any other folder. Names and
listings alone are read: whether the frames of a sequence are sound is left to `ctc`, and
to `follow.sequence` where cells are followed by seeds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sam4ct.io.ctc import MASKS
from sam4ct.io.files import frame_pattern, is_hidden, list_folder
from sam4ct.io.follow import has_all_parts
from sam4ct.io.movie import ZARR
from sam4ct.io.ome_zarr import is_frame_name, is_zarr

DEPTH = 3
"""Folders below the root to a dataset at most: `training/Fluo-N2DL-HeLa/Fluo-N2DL-HeLa`."""
_NO_DATASETS = re.compile(r"[0-9]+_(GT|ST|RES|ERR_SEG|SEEDS|INIT)|.*\.(sam4ct|zarr)|SW|lost\+found")
"""What lies in or beside datasets and holds none: results, masks, work, software."""
_IMAGE = frame_pattern("t")


@dataclass(frozen=True)
class Dataset:
    """A folder of sequences, and their names, sorted."""

    folder: Path
    ready: tuple[str, ...]
    """Sequences with all that a run needs: images and masks to link, or a movie, seeds and
    initial tracks."""
    idle: tuple[str, ...]
    """Sequences of images without the rest: there is nothing to do."""
    bare: tuple[str, ...]
    """Sequences of masks alone: the folder of images is missing."""


def find_datasets(root: Path) -> tuple[list[Dataset], list[Path]]:
    """Return the datasets in a folder, at most `DEPTH` folders below it, in order of their paths.

    The root may be a dataset itself. Nothing is looked for inside a dataset with sequences
    that are ready. Links are followed, but no folder is looked into twice.

    Returns:
        The datasets, and the folders that could not be looked into.

    Raises:
        SequenceError: The root cannot be listed.
    """
    list_folder(root)
    search = _Search()
    return list(search.below(root, DEPTH)), list(search.unreadable)


class _Search:
    """One search, and the folders that it has seen."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self.unreadable: dict[Path, None] = {}
        """In order, each once."""

    def below(self, folder: Path, depth: int) -> Iterator[Dataset]:
        """Yield the dataset that a folder is, and those in its folders unless it is in use."""
        if (real := os.path.realpath(folder)) in self._seen:
            return
        self._seen.add(real)
        names = {name for name in self._list(folder) if os.path.isdir(folder / name)}
        dataset = self._dataset(folder, names)
        if dataset.ready or dataset.idle or dataset.bare:
            yield dataset
        # A stray sequence without masks must not hide the datasets beside it.
        if not dataset.ready and depth:
            for name in sorted(names.difference(dataset.idle)):
                if not _NO_DATASETS.fullmatch(name):
                    yield from self.below(folder / name, depth - 1)

    def _dataset(self, folder: Path, names: set[str]) -> Dataset:
        """Return a folder as a dataset, be it an empty one; `names` are of the folders in it."""
        movies = {name.removesuffix(ZARR) for name in names if name.endswith(ZARR)}
        numbered = sorted(filter(_is_number, names | movies))
        masked = {name.removesuffix(MASKS) for name in names if name.endswith(MASKS)}
        linked = masked & names
        ready = tuple(
            name for name in numbered if name in linked or has_all_parts(folder, name, self._names)
        )
        others = (name for name in numbered if name not in masked.union(ready))
        idle = tuple(name for name in others if self._holds_images(folder / name))
        bare = tuple(sorted(filter(_is_number, masked.difference(names, ready))))
        return Dataset(folder, ready, idle, bare)

    def _holds_images(self, folder: Path) -> bool:
        """Whether there are images in the folder of a sequence, or a Zarr beside it."""
        named = any(_IMAGE.fullmatch(n) or is_frame_name(n) for n in self._names(folder))
        return named or is_zarr(folder.with_name(f"{folder.name}{ZARR}"))

    def _names(self, folder: Path) -> list[str]:
        """Like `_list`, of a folder that need not be there."""
        return self._list(folder) if os.path.isdir(folder) else []

    def _list(self, folder: Path) -> list[str]:
        """Return the visible names in a folder; none, and note it, if it cannot be read."""
        try:
            names = os.listdir(folder)
        except OSError:
            names = []
            self.unreadable[folder] = None
        if names and not os.access(folder, os.X_OK):  # Its names alone tell of no folder in it.
            self.unreadable[folder] = None
        return [name for name in names if not is_hidden(name)]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
