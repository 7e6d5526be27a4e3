"""Replace a folder by a new one, so that a process killed in between loses neither.

The new folder is written as `.NAME.sam4ct-new`; the older one is `.NAME.sam4ct-old` while the new
one takes its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sam4ct.io.files.atomic import disk_errors


def new_place(target: Path) -> Path:
    """Return where the new folder is written until it is complete."""
    return target.with_name(f".{target.name}.sam4ct-new")


def old_place(target: Path) -> Path:
    """Return where the older folder waits during a swap."""
    return target.with_name(f".{target.name}.sam4ct-old")


@contextmanager
def new_folder(target: Path, kind: type[Exception]) -> Iterator[Path]:
    """Give an empty folder that becomes `target` when the block ends well.

    If the block fails, nothing is left of it, and an older folder stays as it was.

    Args:
        target: The folder; those above it are made if need be.
        kind: The error that is raised where the disk refuses, in the block, too.
    """
    recover_folder(target, kind)
    with disk_errors(target, kind):
        new_place(target).mkdir(parents=True)
        try:
            yield new_place(target)
            swap_folder(target, new_place(target), old_place(target))
        finally:
            shutil.rmtree(new_place(target), ignore_errors=True)


def swap_folder(target: Path, new: Path, old: Path) -> None:
    """Put the folder `new` in the place of `target`, which waits as `old` meanwhile.

    Raises:
        OSError: The disk refuses.
    """
    try:
        if target.exists():
            if old.exists():  # left by a killed swap
                shutil.rmtree(old)
            target.rename(old)
        new.rename(target)
    finally:  # Whatever interrupts it, Ctrl-C too, the older folder goes back.
        if old.exists() and not target.exists():
            old.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def recover_folder(target: Path, kind: type[Exception]) -> None:
    """Undo a swap that was killed half way, and remove what killed processes left behind.

    Raises:
        kind: Something cannot be removed.
    """
    with disk_errors(target, kind):
        if old_place(target).exists() and not target.exists():
            old_place(target).rename(target)
    for leftover in (new_place(target), old_place(target)):
        with disk_errors(leftover, kind):
            if leftover.exists():
                shutil.rmtree(leftover)
