"""A new sequence in a dataset: images and masks appear together, complete, or not at all.

Everything is written into a hidden folder. A rename marks it as complete; from then on a process
that dies is finished by the next one, before it every trace is removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sam4ct.errors import ResultError
from sam4ct.io.ctc.sequence_names import MASKS
from sam4ct.io.files import frame_files, work_errors

IMAGE, MASK = "t", "mask"
FACTS = ".json"
"""Ending of the file beside a sequence that says where it comes from."""


def facts_file(dataset: Path, name: str) -> Path:
    """Return the file that says where an imported sequence comes from: `DATASET/01.json`."""
    return dataset / f"{name}{FACTS}"


@contextmanager
def new_sequence(dataset: Path, name: str, *, overwrite: bool) -> Iterator[Path]:
    """Give a folder for `01`, `01_ERR_SEG` and `01.json`, which appear when the block ends well.

    Args:
        dataset: Made if need be.
        name: Digits.
        overwrite: Replace an older sequence.

    Raises:
        ResultError: The sequence is there and not to be replaced, or holds other files.
        WorkError: The disk refuses.
    """
    recover(dataset, name)
    refuse_sequence(dataset, name, overwrite=overwrite)
    hidden, complete = _hidden(dataset, name), _complete(dataset, name)
    is_new = not dataset.exists()
    with work_errors(dataset):
        hidden.mkdir(parents=True)
    try:
        yield hidden
        with work_errors(dataset):
            hidden.rename(complete)
        recover(dataset, name)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if is_new and dataset.is_dir() and not any(dataset.iterdir()):
            dataset.rmdir()


def recover(dataset: Path, name: str) -> None:
    """Finish what a killed process had completed, and remove what another had begun.

    Raises:
        WorkError: The disk refuses.
    """
    complete = _complete(dataset, name)
    with work_errors(dataset):
        if complete.is_dir():
            # The images last: without them a sequence is none.
            for part in sorted(complete.iterdir(), reverse=True):
                target = dataset / part.name
                if target.is_dir():
                    shutil.rmtree(target)
                part.rename(target)
            complete.rmdir()
        if _hidden(dataset, name).exists():
            shutil.rmtree(_hidden(dataset, name))


def refuse_sequence(dataset: Path, name: str, *, overwrite: bool) -> None:
    """Refuse a sequence that must not be written.

    Raises:
        ResultError: See `new_sequence`.
    """
    if dataset.exists() and not dataset.is_dir():
        raise ResultError(f"{dataset}: is a file. Give a folder, or one that is not there yet.")
    for folder, prefix in ((dataset / name, IMAGE), (dataset / f"{name}{MASKS}", MASK)):
        if not folder.exists():
            continue
        if not overwrite:
            raise ResultError(
                f"{folder}: is there already. Add --overwrite to replace it, or choose another"
                " dataset, or another sequence with --sequence."
            )
        if not folder.is_dir() or frame_files(folder, prefix).problems:
            raise ResultError(
                f"{folder}: holds other things than frames, and is not replaced. Move it away, or"
                " choose another dataset."
            )


def _hidden(dataset: Path, name: str) -> Path:
    return dataset / f".{name}.sam4ct-new"


def _complete(dataset: Path, name: str) -> Path:
    return dataset / f".{name}.sam4ct-done"
