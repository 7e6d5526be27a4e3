"""Datasets below a folder: which there are, and which of their sequences have something to do.

Owns where datasets are looked for and what tells one from any other folder. Names and
listings alone are read: whether the frames of a sequence are sound is left to `ctc`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from sam4ct.io.ctc import MASKS
from sam4ct.io.names import is_hidden, list_folder

logger = logging.getLogger(__name__)

DEPTH = 3
"""Folders below the root to a dataset at most: `training/Fluo-N2DL-HeLa/Fluo-N2DL-HeLa`."""
_NO_DATASETS = re.compile(r"[0-9]+(_(GT|ST|RES|ERR_SEG|SEEDS|INIT))?|.*\.(sam4ct|zarr)|SW")
"""What lies in or beside datasets and holds none: sequences, results, masks, work, software."""
_IMAGE = re.compile(r"t[0-9]+\.tiff?")


@dataclass(frozen=True)
class Dataset:
    """A folder of sequences, and their names, sorted."""

    folder: Path
    ready: tuple[str, ...]
    """Sequences with all that a run needs."""
    idle: tuple[str, ...]
    """Sequences of images alone: there is nothing to do."""


def find_datasets(root: Path) -> list[Dataset]:
    """Return the datasets in a folder, at most `DEPTH` folders below it, in order of their paths.

    The root may be a dataset itself. Nothing is looked for inside a dataset. Links are
    followed, but no folder is looked into twice; those that may not be read are told
    in one warning.

    Raises:
        SequenceError: The root cannot be listed.
    """
    list_folder(root)
    search = _Search()
    found = list(search.below(root, DEPTH))
    if search.unreadable:
        names = ", ".join(map(str, search.unreadable[:5]))
        more = f" and {len(search.unreadable) - 5} more" if len(search.unreadable) > 5 else ""
        logger.warning("%s%s: cannot be read, so nothing is looked for there", names, more)
    return found


class _Search:
    """One search, and the folders that it has seen."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self.unreadable: list[Path] = []

    def below(self, folder: Path, depth: int) -> Iterator[Dataset]:
        """Yield the dataset that a folder is, else those in its folders."""
        if (real := os.path.realpath(folder)) in self._seen:
            return
        self._seen.add(real)
        try:
            names = _folders_in(folder)
            dataset = _dataset(folder, names)
        except OSError:
            self.unreadable.append(folder)
            return
        if dataset is not None:
            yield dataset
        elif depth:
            for name in sorted(names):
                if not _NO_DATASETS.fullmatch(name):
                    yield from self.below(folder / name, depth - 1)


def _folders_in(folder: Path) -> set[str]:
    """Names of the visible folders in a folder."""
    names = (name for name in os.listdir(folder) if not is_hidden(name))
    return {name for name in names if os.path.isdir(folder / name)}


def _dataset(folder: Path, names: Set[str]) -> Dataset | None:
    """Return a folder as a dataset, if it is one; `names` are those of the folders in it."""
    numbered = sorted(name for name in names if name.isascii() and name.isdigit())
    ready = tuple(name for name in numbered if _has_work(name, names))
    idle = tuple(name for name in numbered if name not in ready and _holds_images(folder / name))
    return Dataset(folder, ready, idle) if ready or idle else None


def _has_work(sequence: str, names: Set[str]) -> bool:
    """Whether what is beside a sequence of images makes a run of it: masks to link."""
    return f"{sequence}{MASKS}" in names


def _holds_images(folder: Path) -> bool:
    """Whether there are images in a folder, as far as it may be read."""
    return os.access(folder, os.R_OK) and any(map(_IMAGE.fullmatch, os.listdir(folder)))
