"""Submission: fill the templates of the SW folder, scripts and a README, with their values.

`@NAME@` in the templates beside this module stands for a value. Equal arguments give equal bytes:
the files hold no dates and no paths.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sam4ct import __version__
from sam4ct.errors import ProfileError, SequenceError, WeightsError
from sam4ct.models.weights.entry import ROLES, Entry
from sam4ct.models.weights.manifest import PIN, Manifest, load_manifest
from sam4ct.pipelines.package.folder import README, script_name, write_folder
from sam4ct.pipelines.package.parameters import markdown_table, parameter_tables
from sam4ct.profile import Profile, load_profile, profile_names

FOLDER = "SW"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The choices of a user for a submission."""

    datasets: tuple[str, ...] = ()
    """Names of shipped profiles; (): all."""
    sequences: tuple[str, ...] = ("01", "02")
    weights: tuple[str, ...] = ()
    """Names in the manifest, at most one per role; a script names those that it uses."""
    image: str = "sam4ct:latest"
    """Docker image."""
    sif: str = "sam4ct.sif"
    """Apptainer image file; a relative path counts from the folder of the scripts."""


def write_submission(out: Path, chosen: Submission, *, overwrite: bool = False) -> Path:
    """Write the folder `SW` of a submission.

    Args:
        out: Where `SW` is made; the datasets are expected beside it.
        chosen: What goes in.
        overwrite: Replace an older `SW`, if it holds nothing else.

    Returns:
        The folder.

    Raises:
        ProfileError: There is no such dataset.
        SequenceError: A sequence's name is no number.
        WeightsError: Weights that are unknown, useless, or two of a role.
        ResultError: `SW` is there already, or the disk refuses.
    """
    for name in chosen.sequences:
        if not (name.isascii() and name.isdigit()):
            raise SequenceError(f"--sequence {name!r}: is no number. Give digits, e.g. 01.")
    shipped = profile_names()
    names = list(dict.fromkeys(chosen.datasets or shipped))
    profiles = [load_profile(name) for name in names]
    if others := [name for name in names if name not in shipped]:
        raise ProfileError(
            f"--dataset {others[0]!r}: is a file, which the scripts would not find. Name a shipped"
            " profile; `sam4ct profiles list` shows them."
        )
    manifest = load_manifest()
    named = _named_weights(manifest, chosen.weights, _roles_of(profiles))
    content = {
        script_name(profile.dataset, sequence): _script(profile, sequence, named, chosen)
        for profile in profiles
        for sequence in chosen.sequences
    }
    content[README] = _readme(profiles, manifest, named, chosen, example=next(iter(content)))
    write_folder(out / FOLDER, content, overwrite=overwrite)
    return out / FOLDER


def _roles_of(profiles: Iterable[Profile]) -> list[str]:
    """Roles of the weights that are used with one of the profiles."""
    generates = any(p.generate_masks or p.mode == "track" for p in profiles)
    return [role for role in ROLES if role == "sam2" or generates]


def _named_weights(
    manifest: Manifest, names: Iterable[str], roles: Iterable[str]
) -> dict[str, Entry]:
    """Return the entries of named weights by role. Their files need not be here."""
    named: dict[str, Entry] = {}
    for entry in map(manifest.get, dict.fromkeys(names)):
        if entry.role in named:
            both = f"{named[entry.role].name!r} and {entry.name!r}"
            raise WeightsError(f"weights {both} are both of role {entry.role}. Name one of them.")
        if entry.role not in roles:
            raise WeightsError(
                f"--weights {entry.name}: no dataset chosen generates masks or follows cells."
                " Leave it out."
            )
        named[entry.role] = entry
    return named


def _script(
    profile: Profile, sequence: str, named: Mapping[str, Entry], chosen: Submission
) -> bytes:
    roles = _roles_of([profile])
    # With its hash: later runs use the submitted weights, or are refused.
    weights = [f"{e.name}{PIN}{e.sha256}" for role, e in named.items() if role in roles]
    options = ["--profile", profile.dataset, *(o for name in weights for o in ("--weights", name))]
    return _filled(
        "sequence.sh",
        VERSION=__version__,
        DATASET=shlex.quote(profile.dataset),
        SEQUENCE=sequence,
        IMAGE=shlex.quote(chosen.image),
        SIF=shlex.quote(chosen.sif),
        OPTIONS=shlex.join(options),
    )


def _readme(
    profiles: list[Profile],
    manifest: Manifest,
    named: Mapping[str, Entry],
    chosen: Submission,
    example: str,
) -> bytes:
    used = _used_weights(_roles_of(profiles), manifest, named)
    head = ("weights", "role", "file", "SHA-256", "window", "used")
    rows = [(e.name, e.role, e.file, e.sha256, _window_of(e), when) for e, when in used]
    return _filled(
        "submission.md",
        VERSION=__version__,
        EXAMPLE=example,
        IMAGE=chosen.image,
        SIF=chosen.sif,
        WEIGHTS=markdown_table(head, rows),
        PARAMETERS=parameter_tables(profiles),
        LICENCES=" ".join(f"{e.name}: {e.licence}." for e, _ in used),
    )


def _used_weights(
    roles: Iterable[str], manifest: Manifest, named: Mapping[str, Entry]
) -> list[tuple[Entry, str]]:
    """Return the weights that the scripts may use, and when."""
    used = []
    for role in roles:
        if role in named:
            used.append((named[role], "always: named in the scripts"))
            continue
        large, usual = manifest.default(role, "cuda"), manifest.default(role, "any")
        if large:
            used.append((large, "with a CUDA device, if the file is there"))
        if usual:
            used.append((usual, "otherwise"))
    return used


def _window_of(entry: Entry) -> str:
    """The size of the window that a network sees, in words."""
    if entry.role != "sam2":
        return f"{entry.image_size} voxels"
    diameters = entry.window_diameters
    return f"{diameters:g} cell diameters" if diameters else "`window_px`"


def _filled(template: str, **values: str) -> bytes:
    """Return a template with its values, UTF-8."""
    text = files(__package__).joinpath(template).read_text(encoding="utf-8")
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], text).encode()
