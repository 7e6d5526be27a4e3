"""The folders of an export: whole or absent, as results are, and replaced only if asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sam4ct.errors import ResultError, WorkError
from sam4ct.io.files import new_folder, write_json, write_problem

MARK = ".sam4ct-export"
"""File in every folder of an export: only a folder that has it is replaced."""


def refuse_place(target: Path, *, overwrite: bool) -> None:
    """Refuse a folder that must not be replaced or cannot be written; changes nothing.

    Raises:
        ResultError: It is there and `overwrite` is off, or no export wrote it.
        WorkError: The folder above cannot be written.
    """
    if target.exists() and not overwrite:
        raise ResultError(
            f"{target}: is there already. Add --overwrite to replace it, or choose another"
            " folder with --out."
        )
    if target.exists() and not (target / MARK).is_file():
        raise ResultError(
            f"{target}: was not written by `sam4ct export` and is not replaced. Choose another"
            " folder with --out."
        )
    if problem := write_problem(target.parent):
        raise WorkError(problem)


@contextmanager
def placed(target: Path) -> Iterator[Path]:
    """Give a new folder to fill; it takes the place of the target if the block ends well.

    If it ends in any exception, nothing is left of it, and an older folder stays as it was.

    Raises:
        ResultError: The disk refuses.
    """
    with new_folder(target.parent.resolve() / target.name, ResultError) as place:
        yield place
        write_json(place / MARK, {})
