"""The SW folder on disk: the names in it, and how it takes its place whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sam4ct.errors import ResultError
from sam4ct.io.files import disk_errors, is_hidden, new_folder

README = "README.md"
_SCRIPT = re.compile(r".+-[0-9]+\.sh")


def script_name(dataset: str, sequence: str) -> str:
    """Return the challenge's name for the script of a sequence, e.g. `DATASET-01.sh`."""
    return f"{dataset}-{sequence}.sh"


def write_folder(target: Path, content: Mapping[str, bytes], *, overwrite: bool) -> None:
    """Write files into a folder of their own, which appears when it is complete.

    Args:
        target: The folder.
        content: By file name. Scripts become executable.
        overwrite: Replace the folder if it holds scripts and a README alone.

    Raises:
        ResultError: Something is in the way, or the disk refuses.
    """
    target = target.resolve()
    _refuse_target(target, overwrite=overwrite)
    with new_folder(target, ResultError) as new:
        for name, data in content.items():
            _write(new / name, data)


def _refuse_target(target: Path, *, overwrite: bool) -> None:
    with disk_errors(target, ResultError):
        if not target.exists():
            return
        names = [path.name for path in target.iterdir()]
    if not overwrite:
        raise ResultError(f"{target}: is there already. Add --overwrite, or choose another folder.")
    ours = (name == README or _SCRIPT.fullmatch(name) or is_hidden(name) for name in names)
    foreign = sorted(name for name, known in zip(names, ours, strict=True) if not known)
    if foreign:
        raise ResultError(
            f"{target}: holds {', '.join(foreign[:3])}, which no package has, so it is not"
            " replaced. Move that away, or choose another folder."
        )


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    if _SCRIPT.fullmatch(path.name):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o444) >> 2)  # whoever may read it may run it
