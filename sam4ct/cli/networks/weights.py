"""`sam4ct weights`: list, verify, fetch and add network weights."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import POSITIVE
from sam4ct.errors import WeightsError
from sam4ct.models.weights.add import add
from sam4ct.models.weights.entry import ROLES, Entry
from sam4ct.models.weights.fetch import adopt, fetch
from sam4ct.models.weights.manifest import (
    MANIFEST,
    VARIABLE,
    destination,
    load_manifest,
    search_folders,
    setting_with,
)
from sam4ct.models.weights.verify import find_file, verified

EXISTING = click.Path(exists=True, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def weights() -> None:
    """List, verify, fetch and add network weights."""


def _condition(entry: Entry) -> str:
    """Check presence and size only: hashing large files takes seconds (`verify` does it)."""
    path = find_file(entry)
    if path is None:
        return "missing"
    return "present" if path.stat().st_size == entry.bytes else "wrong size"


@weights.command("list")
def list_weights() -> None:
    """List the weights of the manifest, and which are installed."""
    manifest = load_manifest()
    rows = [("NAME", "ROLE", "FILE", "SIZE", "STATE", "LICENCE")]
    for e in manifest.entries:
        rows.append((e.name, e.role, e.file, f"{e.bytes / 1e6:.1f} MB", _condition(e), e.licence))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    for note in manifest.notes:
        click.echo(f"\n{note}")


@weights.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Compare size and SHA-256 of the weights NAMES (without names: of all installed).

    NAME@sha256:HEX is refused if the manifest lists another hash.
    """
    manifest = load_manifest()
    entries = [manifest.get(n) for n in names] or [e for e in manifest.entries if find_file(e)]
    faults = []
    for entry in entries:
        try:
            click.echo(f"{entry.name}: ok, {verified(entry)}")
        except WeightsError as fault:
            faults.append(str(fault))
    if faults:
        raise WeightsError("\n".join(faults))


@weights.command("fetch")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--mirror", "mirrors", multiple=True, metavar="URL", envvar="SAM4CT_WEIGHTS_MIRROR",
    show_envvar=True, help="Try URL/FILE first; may be repeated.",
)  # fmt: skip
@click.option(
    "--from", "source", type=EXISTING,
    help="Copy this file, or the files in this folder; no network is used.",
)  # fmt: skip
@click.option(
    "--to", "folder", type=FOLDER, help="Folder for the files.  [default: your weights folder]"
)
def fetch_weights(
    names: tuple[str, ...], mirrors: tuple[str, ...], source: Path | None, folder: Path | None
) -> None:
    """Download the weights NAMES, or copy them, and check their SHA-256.

    NAME@sha256:HEX is refused if the manifest lists another hash.
    """
    if source and source.is_file() and len(names) > 1:
        raise WeightsError(f"--from {source}: is one file. Give one name, or a folder.")
    manifest = load_manifest()
    for entry in [manifest.get(name) for name in names]:
        into = folder or destination()
        path = _adopt(entry, source, into) if source else _download(entry, into, mirrors)
        click.echo(f"{entry.name}: {path}")
        if into.resolve() not in [f.resolve() for f in search_folders(entry)]:
            setting = f"{VARIABLE}={shlex.quote(setting_with(into))}"
            click.echo(f"So that sam4ct finds it there: export {setting}", err=True)


def _adopt(entry: Entry, source: Path, into: Path) -> Path:
    return adopt(entry, source / entry.file if source.is_dir() else source, into)


def _download(entry: Entry, folder: Path, mirrors: tuple[str, ...]) -> Path:
    with click.progressbar(
        length=entry.bytes, label=entry.file, file=sys.stderr, update_min_steps=1 << 20
    ) as bar:
        return fetch(entry, folder, mirrors, lambda done, _: bar.update(done - bar.pos))


@weights.command("add")
@click.argument("source", metavar="FILE", type=EXISTING_FILE)
@click.option("--name", required=True, help="Name of the weights.")
@click.option("--role", type=click.Choice(ROLES), help="Task of the network.")
@click.option("--config", help="Its architecture, e.g. sam2.1_hiera_t.")
@click.option("--overrides", type=EXISTING_FILE, help="JSON object of dotted configuration keys.")
@click.option("--image-size", type=int, help="Side of the network's image, in pixels.")
@click.option("--window-diameters", type=POSITIVE, help="Side of a window, in cell diameters.")
@click.option("--file", help="Name of the stored file. [default: that of FILE]")
@click.option("--licence", help="Licence of the weights.")
@click.option("--used-by", multiple=True, help="Mode or profile that uses it; may be repeated.")
@click.option(
    "--default-on", type=click.Choice(["any", "cuda"]), help="Make it the default on these devices."
)
@click.option("--note", help="A remark.")
@click.option("--replace", "renew", is_flag=True, help="Replace the weights of this name.")
@click.option(
    "--manifest", "manifest_path", type=click.Path(dir_okay=False, path_type=Path),
    help="Manifest to write. [default: the one in your weights folder]",
)  # fmt: skip
def add_weights(
    source: Path, manifest_path: Path | None, overrides: Path | None, renew: bool, **given: Any
) -> None:
    """Add your own weights FILE: copy it, and record its size and SHA-256.

    With --replace, values without an option stay as they were. In a checkout, the compact
    network of the package is replaced by

    sam4ct weights add FILE --name compact-sam2 --replace --manifest weights_manifest.json
    """
    values = {key: value for key, value in given.items() if value not in (None, ())}
    if overrides:
        values["overrides"] = _json_object(overrides)
    entry = add(source, manifest_path or destination() / MANIFEST, values, renew=renew)
    click.echo(f"{entry.name}: {entry.bytes} bytes, SHA-256 {entry.sha256}")


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise WeightsError(f"{path}: is not a JSON file ({fault}). Correct that place.") from fault
    if not isinstance(value, dict):
        raise WeightsError(f"{path}: must be a JSON object of dotted keys. Correct it.")
    return value
