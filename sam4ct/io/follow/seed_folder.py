"""Write the folder of seeds that `sam4ct seeds` finds: one file a frame, and the settings.

    SS_SEEDS/
        settings.json                  what the seeds depend on; written first
        t000.csv, t001.csv, ...        or .parquet; each file is whole
        .sam4ct/lock, lock.guard       see `files.locks`

Seeds of other settings, or of another program, are refused or removed, never mixed in.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sam4ct.errors import ResultError
from sam4ct.io.files import (
    FolderLock,
    disk_errors,
    list_folder,
    read_json,
    remove_leftovers,
    write_json,
)
from sam4ct.io.follow.seed_table import SUFFIXES, write_seed_table
from sam4ct.io.follow.seeds import SETTINGS
from sam4ct.types import Seeds

logger = logging.getLogger(__name__)

_LOCKS = ".sam4ct"
_DIGITS = 3


@dataclass(frozen=True)
class SeedFolder:
    """A search for seeds in progress; use `SeedFolder.open`."""

    folder: Path
    suffix: str

    @classmethod
    @contextmanager
    def open(
        cls, folder: Path, settings: Mapping[str, Any], *, shared: bool, overwrite: bool
    ) -> Iterator[SeedFolder]:
        """Lock the folder for the block; make it if need be.

        Args:
            folder: `SS_SEEDS`.
            settings: What the seeds depend on, as in JSON; "format" is the suffix of the files.
            shared: Other searches may work here at the same time, each on its own frames.
            overwrite: Remove seeds that were found with other settings.

        Raises:
            ResultError: It holds seeds of other settings, or files of another program.
            WorkError: Another search holds the lock, or the disk refuses.
        """
        _refuse_foreign(folder)
        with FolderLock.held(folder / _LOCKS, shared=shared) as lock:
            with lock.guarded():
                before = _stored(folder)
                if before and before != settings:
                    _refuse_other(folder, before, settings, overwrite=overwrite)
                    with lock.alone() if shared else nullcontext():
                        _remove_seeds(folder)
                # After the removal: a killed removal is repeated.
                if before != settings:
                    write_json(folder / SETTINGS, settings)
            if not shared:
                remove_leftovers(folder)
            yield cls(folder, f".{settings['format']}")

    def has(self, t: int) -> bool:
        """Whether the seeds of a frame are written."""
        with disk_errors(self._file(t)):
            return self._file(t).is_file()

    def write(self, t: int, seeds: Seeds) -> None:
        """Write the seeds of a frame, (z, y, x), or (y, x) for slice 0.

        Raises:
            WorkError: The disk refuses.
        """
        write_seed_table(self._file(t), seeds)

    def _file(self, t: int) -> Path:
        return self.folder / f"t{t:0{_DIGITS}d}{self.suffix}"


def searched_diameters(folder: Path) -> tuple[float, float] | None:
    """Return the cell diameters for which the seeds in a folder were searched.

    Returns:
        Of the smallest and largest cells, pixels along x; None if another program found the
        seeds.

    Raises:
        WorkError: The settings are damaged.
    """
    match _stored(folder):
        case {"diameter_px": [float() | int() as smallest, float() | int() as largest]}:
            return float(smallest), float(largest)
    return None


def searched_spacing(folder: Path) -> tuple[float, float, float] | None:
    """Return the voxel size (z, y, x), micrometres, with which the seeds were searched.

    Returns:
        The size given to `sam4ct seeds`, or that of the movie; None for images, or if another
        program found the seeds.

    Raises:
        WorkError: The settings are damaged.
    """
    match _stored(folder):
        case {"spacing": [float() | int() as z, float() | int() as y, float() | int() as x]}:
            return float(z), float(y), float(x)
    return None


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder with files that no search wrote."""
    if folder.exists() and not (folder / SETTINGS).is_file():
        with disk_errors(folder):
            others = [path.name for path in list_folder(folder)] if folder.is_dir() else ["a file"]
        if others:
            raise ResultError(
                f"{folder}: holds what `sam4ct seeds` did not write ({others[0]}), and is not"
                " changed. Choose another folder."
            )


def _refuse_other(
    folder: Path, before: Mapping[str, Any], now: Mapping[str, Any], *, overwrite: bool
) -> None:
    if overwrite:
        return
    changed = [name for name in now if before.get(name) != now[name]]
    told = ", ".join(f"{name} {before.get(name)}, now {now[name]}" for name in changed)
    raise ResultError(
        f"{folder}: holds seeds that were found with other settings ({told}). Use the same options,"
        " add --overwrite to replace all of them, or choose another folder."
    )


def _stored(folder: Path) -> dict[str, Any]:
    """Return the settings of the seeds in a folder; none in a new folder."""
    return read_json(folder / SETTINGS, folder)


def _remove_seeds(folder: Path) -> None:
    older = [path for path in list_folder(folder) if path.suffix in SUFFIXES]
    if older:
        logger.warning(
            "%s: removing %d files of seeds found with other settings", folder, len(older)
        )
    for path in older:
        with disk_errors(path):
            path.unlink()
