"""Find weight files, compare them with the manifest, and choose those of a run.

A file is used only after its size and SHA-256 matched its entry. Nothing here imports torch, which
takes seconds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from sam4ct.errors import WeightsError
from sam4ct.io.files import sha256_of
from sam4ct.models.weights.entry import ROLES, Entry
from sam4ct.models.weights.manifest import Manifest, search_folders

logger = logging.getLogger(__name__)


def find_file(entry: Entry) -> Path | None:
    """Return an entry's file, or None.

    The first folder with a file of the right size wins. If there is none, the first file of
    another size is returned.
    """
    # Not Path.is_file(): it fails in a folder that this user may not enter.
    paths = [p for f in search_folders(entry) if os.path.isfile(p := f / entry.file)]
    whole = [path for path in paths if path.stat().st_size == entry.bytes]
    return next(iter(whole or paths), None)


def defect(entry: Entry, path: Path) -> str | None:
    """Return how a file differs from its entry, as part of a message; None if it does not differ.

    Raises:
        WeightsError: The file cannot be read.
    """
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            return f"{size} bytes found, {entry.bytes} expected"
        found = sha256_of(path)
    except OSError as fault:
        raise WeightsError(
            f"{path}: cannot be read ({fault.strerror}). Make it readable."
        ) from fault
    return None if found == entry.sha256 else f"SHA-256 {found} found, {entry.sha256} expected"


def _how_to_get(entry: Entry) -> str:
    if entry.source == "included":
        return "They belong to the package: install sam4ct again."
    if entry.source == "local":
        return f"Add them again: sam4ct weights add FILE --name {entry.name} --replace"
    return (
        f"Fetch them: sam4ct weights fetch {entry.name} (offline: add --from FILE, "
        f"a copy of {entry.source})"
    )


def verified(entry: Entry) -> Path:
    """Return the file of an entry, after its size and SHA-256 matched.

    Raises:
        WeightsError: The file is missing or another one than the manifest lists.
    """
    path = find_file(entry)
    if path is None:
        folders = ", ".join(str(f) for f in search_folders(entry))
        raise WeightsError(
            f"weights {entry.name!r}: {entry.file} is in none of {folders}. {_how_to_get(entry)}"
        )
    fault = defect(entry, path)
    if fault:
        raise WeightsError(f"{path} is not {entry.name!r}: {fault}. {_how_to_get(entry)}")
    return path


def choose(manifest: Manifest, names: Sequence[str], cuda: bool) -> dict[str, Entry]:
    """Return the weights of a run by role, without opening a file.

    A role gets the first of these: the entry that is named; the manifest's default on "cuda"
    (the large published network), if there are a CUDA device and the file; the default on "any"
    (the compact network). A role with none of them is left out.

    Args:
        names: Names of entries, at most one per role.
        cuda: Whether the run has a CUDA device.

    Raises:
        WeightsError: A name is unknown, its file missing, or its role named twice.
    """
    chosen: dict[str, Entry] = {}
    for entry in map(manifest.get, dict.fromkeys(names)):
        if entry.role in chosen:
            both = f"{chosen[entry.role].name!r} and {entry.name!r}"
            raise WeightsError(f"weights {both} are both of role {entry.role}. Name one of them.")
        if find_file(entry) is None:
            raise WeightsError(f"weights {entry.name!r} are not here. {_how_to_get(entry)}")
        chosen[entry.role] = entry
    for role in ROLES:
        large = manifest.default(role, "cuda") if cuda else None
        usual = manifest.default(role, "any")
        entry_or_none = large if large and find_file(large) else usual
        if entry_or_none:
            chosen.setdefault(role, entry_or_none)
    for role, entry in chosen.items():
        logger.info("weights for %s: %s", role, entry.name)
    return chosen
