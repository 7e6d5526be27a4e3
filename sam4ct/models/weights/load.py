"""Load the weights of a manifest entry into its network.

A file is opened as a checkpoint only after its size and SHA-256 matched the manifest. It cannot run
code, and it is never loaded in part. torch takes seconds to import, so it is imported only where
a file is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sam4ct.errors import WeightsError
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.networks import build
from sam4ct.models.weights.verify import verified

if TYPE_CHECKING:
    import torch
    from torch import Tensor

STATE_KEY = {"sam2": "model", "sam_med3d": "model_state_dict"}
"""Key under which published checkpoints (.pt, .pth) keep their weights."""


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
