"""Enter a weight file into a manifest, with its size and hash.

The file is loaded first. A file that cannot be loaded, or has another architecture than the entry
says, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sam4ct.errors import WeightsError
from sam4ct.io.files import sha256_of
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.fetch import adopt
from sam4ct.models.weights.load import network_from_state, read_state
from sam4ct.models.weights.manifest import (
    PACKAGED_WEIGHTS,
    Manifest,
    load_manifest,
    packaged_manifest,
    read_manifest,
    write_manifest,
)


def add(source: Path, manifest_path: Path, values: Mapping[str, Any], *, renew: bool) -> Entry:
    """Copy a weight file into the folder of a manifest, and enter it there.

    Args:
        source: A checkpoint, as `read_state` takes it.
        manifest_path: Created if it is missing. With the packaged manifest, the file is copied
            into the package.
        values: Fields of the entry, with `name`; bytes and sha256 are computed.
        renew: Replace the entry of that name; fields not in `values` stay as they were.

    Raises:
        WeightsError: The entry exists already, or the entry or the file is incomplete or wrong.
    """
    manifest = read_manifest(manifest_path) if manifest_path.exists() else Manifest(())
    packaged = manifest_path.resolve() == packaged_manifest()
    folder = PACKAGED_WEIGHTS if packaged else manifest_path.parent
    entry = replace(_entry(source, manifest, values, packaged, renew), folder=folder)
    _refuse_collision(entry, manifest, source, renew)
    network_from_state(entry, read_state(source, entry.role), source)
    adopt(entry, source, folder)
    write_manifest(manifest_path, manifest.updated([entry]))
    return entry


def _entry(
    source: Path, manifest: Manifest, values: Mapping[str, Any], packaged: bool, renew: bool
) -> Entry:
    """Build the entry: computed values override those given, which override the old ones."""
    known = load_manifest().updated(manifest.entries)
    old = next((e for e in known.entries if e.name == values["name"]), None)
    if old and not renew:
        raise WeightsError(f"weights {old.name!r} are listed already. Add --replace, or rename.")
    file = Path(old.file).with_suffix(source.suffix).name if old else source.name
    try:
        computed = {"bytes": source.stat().st_size, "sha256": sha256_of(source)}
    except OSError as fault:
        raise WeightsError(
            f"{source}: cannot be read ({fault.strerror}). Give a file that you may read."
        ) from fault
    entry = Entry.from_json(
        {
            "licence": "unspecified",
            **(old.to_json() if old else {}),
            "file": file,
            "source": "included" if packaged else "local",
            **values,
            **computed,
        }
    )
    known.updated([entry])  # refuses a second default at once, not when it is read next
    return entry


def _refuse_collision(entry: Entry, manifest: Manifest, source: Path, renew: bool) -> None:
    """Refuse to overwrite a file of another entry, or one without an entry."""
    others = [e.name for e in manifest.entries if e.file == entry.file and e.name != entry.name]
    if others:
        raise WeightsError(f"{entry.file} is the file of {others[0]!r}. Give another: --file NAME.")
    target = (entry.folder or Path()) / entry.file
    if target.exists() and not renew and not target.samefile(source):
        raise WeightsError(f"{target} is there already. Give another name: --file NAME.")
