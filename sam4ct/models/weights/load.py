"""Find, verify, choose and load weights.

A file is opened as a checkpoint only after its size and SHA-256 matched the manifest. It cannot run
code, and it is never loaded in part. torch takes seconds to import, so it is imported only where
a file is loaded; to list, choose and verify weights does not need it.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sam4ct.errors import WeightsError
from sam4ct.models.weights.entry import ROLES, Entry
from sam4ct.models.weights.manifest import Manifest, load_manifest, search_folders
from sam4ct.models.weights.networks import build

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "Entry",
    "Manifest",
    "choose",
    "defect",
    "find_file",
    "load_manifest",
    "load_sam2",
    "load_sam_med3d",
    "load_state",
    "network_from_state",
    "read_state",
    "sha256_of",
    "verified",
]

logger = logging.getLogger(__name__)

STATE_KEY = {"sam2": "model", "sam_med3d": "model_state_dict"}
"""Key under which published checkpoints (.pt, .pth) keep their weights."""


def find_file(entry: Entry) -> Path | None:
    """Return an entry's file, or None.

    The first folder with a file of the right size wins. If there is none, the first file of
    another size is returned.
    """
    # Not Path.is_file(): it fails in a folder that this user may not enter.
    paths = [p for f in search_folders(entry) if os.path.isfile(p := f / entry.file)]
    whole = [path for path in paths if path.stat().st_size == entry.bytes]
    return next(iter(whole or paths), None)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 lower-case hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def _tensors(path: Path, role: str) -> object:
    """Read the content of a checkpoint that should be its weights, without running code."""
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load, load_file

    try:
        if path.suffix == ".safetensors":
            # The reader of safetensors cannot open a path whose bytes are not UTF-8.
            return load_file(path) if _is_utf8(path) else load(path.read_bytes())
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as fault:
        raise WeightsError(
            f"{path}: refused: it is damaged or holds more than tensors, which may run code. "
            "Use the published file, or save its state dict as safetensors."
        ) from fault
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as fault:
        raise WeightsError(
            f"{path}: is damaged, or is no checkpoint ({fault}). Copy it again."
        ) from fault
    return content.get(STATE_KEY[role]) if isinstance(content, dict) else None


def _is_utf8(path: Path) -> bool:
    """Whether the bytes of a path are UTF-8; names from other systems may not be."""
    return not any("\udc80" <= letter <= "\udcff" for letter in str(path))


def read_state(path: Path, role: str) -> dict[str, Tensor]:
    """Read the weights of a checkpoint file, on the CPU, floating-point ones as float32.

    Args:
        path: A safetensors file, or a PyTorch file with the state under `STATE_KEY[role]`.

    Raises:
        WeightsError: The file is damaged, may run code, or holds no weights.
    """
    import torch

    state = _tensors(path, role)
    if (
        not isinstance(state, Mapping)
        or not state
        or not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items())
    ):
        raise WeightsError(
            f"{path}: no weights found. A {role} checkpoint has a dict of tensors under "
            f"{STATE_KEY[role]!r}; a .safetensors file has nothing else. Give such a file."
        )
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def load_state(entry: Entry) -> dict[str, Tensor]:
    """Verify the file of an entry and read its weights; see `read_state`."""
    return read_state(verified(entry), entry.role)


def load_sam2(entry: Entry, device: str | torch.device) -> Any:
    """Build the SAM 2 network of an entry with its weights, in evaluation mode on a device.

    Raises:
        WeightsError: The entry has another role; or its file is missing, damaged, not the one
            in the manifest, or of another architecture than the entry says.
    """
    return _load(entry, "sam2", device)


def load_sam_med3d(entry: Entry, device: str | torch.device) -> Any:
    """Build the SAM-Med3D network of an entry with its weights; see `load_sam2`."""
    return _load(entry, "sam_med3d", device)


def _load(entry: Entry, role: str, device: str | torch.device) -> Any:
    if entry.role != role:
        raise WeightsError(
            f"weights {entry.name!r} are for {entry.role}, not for {role}. Choose others."
        )
    path = verified(entry)
    return network_from_state(entry, read_state(path, role), path).to(device)


def network_from_state(entry: Entry, state: Mapping[str, Tensor], path: Path) -> Any:
    """Build the network of an entry and load weights into it.

    Args:
        state: Exactly the network's tensors, by name.
        path: Where they come from, for messages.

    Raises:
        WeightsError: The network cannot be built, or the tensors are not the network's.
    """
    network = build(entry)
    expected = network.state_dict()
    wrong = {
        "missing": [k for k in expected if k not in state],
        "unexpected": [k for k in state if k not in expected],
        "of another shape": [
            k for k in expected if k in state and expected[k].shape != state[k].shape
        ],
    }
    faults = [f"{len(v)} {what} ({', '.join(v[:3])})" for what, v in wrong.items() if v]
    if faults:
        raise WeightsError(
            f"{path}: not the weights of {entry.name!r}, configuration {entry.config}: "
            f"tensors {'; '.join(faults)}. Correct the entry's config and overrides, or the file."
        )
    network.load_state_dict(dict(state))
    return network.requires_grad_(False)
