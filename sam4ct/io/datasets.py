"""Find the datasets below a folder, and their sequences that can be tracked.

Only listings are read, no file.
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
"""Most folders from the root to a dataset: `training/Fluo-N2DL-HeLa/Fluo-N2DL-HeLa`."""
_NO_DATASETS = re.compile(r"[0-9]+_(GT|ST|RES|ERR_SEG|SEEDS|INIT)|.*\.(sam4ct|zarr)|SW|lost\+found")
"""Folders without datasets: results, masks, work folders, software."""
_IMAGE = frame_pattern("t")


@dataclass(frozen=True)
class Dataset:
    """A folder of sequences, and their names, sorted."""

    folder: Path
    ready: tuple[str, ...]
    """Sequences with all inputs: images and masks, or a movie, seeds and initial tracks."""
    idle: tuple[str, ...]
    """Sequences of images without masks, or without seeds and initial tracks."""
    bare: tuple[str, ...]
    """Sequences of masks without images."""


def find_datasets(root: Path) -> tuple[list[Dataset], list[Path]]:
    """Return the datasets in a folder, at most `DEPTH` folders below it, in order of their paths.

    The root may be a dataset itself. Folders inside a dataset with ready sequences are not
    searched. Links are followed, but no folder is searched twice.

    Returns:
        The datasets, and the folders that could not be read.

    Raises:
        SequenceError: The root cannot be listed.
    """
    list_folder(root)
    search = _Search()
    return list(search.below(root, DEPTH)), list(search.unreadable)


class _Search:
    """One search, with the folders that it has visited."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self.unreadable: dict[Path, None] = {}
        """Folders that could not be read, in order, each once."""

    def below(self, folder: Path, depth: int) -> Iterator[Dataset]:
        """Yield a folder if it is a dataset, and the datasets in it unless sequences are ready."""
        if (real := os.path.realpath(folder)) in self._seen:
            return
        self._seen.add(real)
        names = {name for name in self._list(folder) if os.path.isdir(folder / name)}
        dataset = self._dataset(folder, names)
        if dataset.ready or dataset.idle or dataset.bare:
            yield dataset
        # A sequence without masks must not hide other datasets.
        if not dataset.ready and depth:
            for name in sorted(names.difference(dataset.idle)):
                if not _NO_DATASETS.fullmatch(name):
                    yield from self.below(folder / name, depth - 1)

    def _dataset(self, folder: Path, names: set[str]) -> Dataset:
        """Return a folder as a dataset, maybe an empty one; `names` are the folders in it."""
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
        """Whether the folder of a sequence holds images, or there is a Zarr beside it."""
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
        if names and not os.access(folder, os.X_OK):  # Its entries cannot be read.
            self.unreadable[folder] = None
        return [name for name in names if not is_hidden(name)]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
