"""How a new result folder takes the place of an older one, and how a killed swap is undone.

Owns the two hidden folders beside a result: the new one, while it is written, and the
older one, while the new one takes its place. What is in them is left to `result`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sam4ct.io.ctc.track_table import result_errors


def new_place(target: Path) -> Path:
    """Where a result is written until it is complete."""
    return target.with_name(f".{target.name}.sam4ct-new")


def old_place(target: Path) -> Path:
    """Where the older result waits during a swap."""
    return target.with_name(f".{target.name}.sam4ct-old")


def swap(target: Path) -> None:
    """Put the new folder in the place of the old one; `recover` mends a kill in between."""
    try:
        if target.exists():
            target.rename(old_place(target))
        new_place(target).rename(target)
    finally:  # Whatever interrupts it, Ctrl-C too, the older result goes back.
        if old_place(target).exists() and not target.exists():
            old_place(target).rename(target)
    shutil.rmtree(old_place(target), ignore_errors=True)


def recover(target: Path) -> None:
    """Undo a swap that was killed half way, and remove what killed runs left behind.

    Raises:
        ResultError: Something cannot be removed.
    """
    if old_place(target).exists() and not target.exists():
        old_place(target).rename(target)
    for leftover in (new_place(target), old_place(target)):
        with result_errors(leftover):
            if leftover.exists():
                shutil.rmtree(leftover)
