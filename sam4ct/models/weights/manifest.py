"""The manifest of weight files, `weights_manifest.json`, and the folders that hold weights.

Entries of a user's manifest add to those of the packaged one, or replace them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from sam4ct.errors import WeightsError, suggestion
from sam4ct.models.weights.entry import Entry

MANIFEST = "weights_manifest.json"
PACKAGE = Path(__file__).resolve().parents[2]
PACKAGED_WEIGHTS = PACKAGE / "weights"
CONTAINER_WEIGHTS = Path("/weights")
"""Where users of a container mount their weights."""
VARIABLE = "SAM4CT_WEIGHTS"
"""Environment variable with the folders of the user's weights."""
PIN = "@sha256:"
"""Separates a name from the hash that its weights must have."""


@dataclass(frozen=True)
class Manifest:
    """Entries with unique names, and notes for the user."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [f"name {e.name!r}" for e in self.entries]
        defaults = [f"{e.role} on {e.default_on}" for e in self.entries if e.default_on]
        for key, count in Counter(names + defaults).items():
            if count > 1:
                raise WeightsError(f"weights manifest: {count} entries for {key}. Leave one.")

    def get(self, reference: str) -> Entry:
        """Return the entry of a name.

        Args:
            reference: NAME, or NAME@sha256:HEX to demand that hash.

        Raises:
            WeightsError: There is none (the message suggests the nearest name and adds the
                notes), or the manifest lists another hash.
        """
        name, pinned, wanted = reference.partition(PIN)
        by_name = {e.name: e for e in self.entries}
        if name not in by_name:
            told = "".join(f" {note}" for note in self.notes)
            raise WeightsError(f"weights {name!r} are unknown. {suggestion(name, by_name)}{told}")
        entry = by_name[name]
        if pinned and wanted != entry.sha256:
            raise WeightsError(
                f"weights {name!r} are asked for with the SHA-256 {wanted or 'missing'}, but the"
                f" manifest lists {entry.sha256}. Write {name}{PIN}{entry.sha256}, or correct the"
                " manifest."
            )
        return entry

    def default(self, role: str, on: str) -> Entry | None:
        """Return the default entry of a role on "cuda" or "any" device."""
        return next((e for e in self.entries if (e.role, e.default_on) == (role, on)), None)

    def updated(self, entries: Iterable[Entry]) -> Manifest:
        """Return this manifest with entries added, replacing those of the same name."""
        by_name = {e.name: e for e in (*self.entries, *entries)}
        return Manifest(tuple(by_name.values()), self.notes)


def packaged_manifest() -> Path:
    """Return the manifest of this installation: in the package, or next to it in a checkout."""
    for folder in (PACKAGE, PACKAGE.parent):
        if (folder / MANIFEST).is_file():
            return folder / MANIFEST
    raise WeightsError(f"{PACKAGE / MANIFEST} is missing. Install sam4ct again.")


def named_folders() -> list[Path]:
    """Return the folders of `$SAM4CT_WEIGHTS` (a list like `$PATH`); else a mounted /weights."""
    named = [Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return named or ([CONTAINER_WEIGHTS] if CONTAINER_WEIGHTS.is_dir() else [])


def user_folders() -> list[Path]:
    """Return the user's folders: those named, which need not exist, and then the cache."""
    # Path.home() fails for a user id without a home, which clusters and containers have.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    return [
        *named_folders(),
        *([cache / "sam4ct" / "weights"] if cache.is_absolute() else []),
    ]


def destination() -> Path:
    """Return the folder for new weights: the first that is writable, or can be made.

    If `$SAM4CT_WEIGHTS` names folders and none is writable, the first of them is returned, so
    that the user sees the error.

    Raises:
        WeightsError: The user has no such folder.
    """
    named = named_folders() if os.environ.get(VARIABLE) else []
    writable = [folder for folder in named or user_folders() if _is_writable(folder)]
    if not (writable or named):
        raise WeightsError(f"There is no folder for weights. Set the variable {VARIABLE} to one.")
    return (writable or named)[0]


def _is_writable(folder: Path) -> bool:
    """Whether files can be created in a folder, or a missing folder can be created."""
    path = folder.absolute()
    nearest = next(place for place in (path, *path.parents) if os.path.lexists(place))
    return os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK)


def setting_with(folder: Path) -> str:
    """Return a value of `$SAM4CT_WEIGHTS` with one more folder."""
    return os.pathsep.join(map(str, [*named_folders(), folder.resolve()]))


def search_folders(entry: Entry) -> list[Path]:
    """Return the folders that may have the file of an entry, in the order of the search."""
    own = [entry.folder] if entry.folder else []
    return [*own, PACKAGED_WEIGHTS, *user_folders()]


def _objects(value: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(v, dict) for v in value)


def read_manifest(path: Path) -> Manifest:
    """Read one manifest file; files of its entries are searched in its folder first.

    Raises:
        WeightsError: The file is unreadable, not JSON, or has a wrong entry.
    """
    folder = PACKAGED_WEIGHTS if path.resolve() == packaged_manifest() else path.parent
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise WeightsError(
            f"{path}: is not a readable weights manifest ({fault}). Correct it."
        ) from fault
    listed = raw.get("weights") if isinstance(raw, dict) else None
    if not _objects(listed) or set(raw) - {"notes", "weights"}:
        raise WeightsError(
            f'{path}: must hold "weights", a list of objects, and at most "notes". Correct it.'
        )
    try:
        entries = tuple(replace(Entry.from_json(e), folder=folder) for e in listed)
        return Manifest(entries, tuple(raw.get("notes", ())))
    except WeightsError as fault:
        raise WeightsError(f"{path}: {fault}") from fault


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError of the block, which writes `path`, into a WeightsError."""
    try:
        yield
    except OSError as fault:
        raise WeightsError(
            f"{path}: cannot be written: {fault.strerror}. Free some space, make the folder "
            f"writable, or choose another (--to, or the variable {VARIABLE})."
        ) from fault


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest file, completely or not at all.

    Raises:
        WeightsError: The file cannot be written.
    """
    raw = {"notes": list(manifest.notes), "weights": [e.to_json() for e in manifest.entries]}
    text = json.dumps(raw, indent=2, ensure_ascii=False) + "\n"
    part = path.with_name(path.name + ".part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)


def load_manifest(extra: Sequence[Path] = ()) -> Manifest:
    """Return the packaged manifest, overridden by those in the user's folders and by extra ones.

    Args:
        extra: Manifest files; later ones override earlier ones, and those of the folders.
    """
    folders = [f / MANIFEST for f in reversed(user_folders())]
    manifest = read_manifest(packaged_manifest())
    for path in (*filter(os.path.isfile, folders), *extra):
        manifest = manifest.updated(read_manifest(path).entries)
    return manifest
