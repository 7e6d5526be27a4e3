"""Checkpoints of a training: its state, and its origin.

The origin is what the training began with: weights, data, and every setting that changes its
results. A training only goes on with the same origin; other checkpoints are refused.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sam4ct.errors import WorkError
from sam4ct.io.files import replacing, work_errors

CHECKPOINT = "checkpoint.pt"
"""Name of the file in the folder of a training."""
_ORIGIN = "origin"


def write_checkpoint(path: Path, state: Mapping[str, Any], origin: Mapping[str, Any]) -> None:
    """Write a state of tensors and plain values, completely or not at all.

    Raises:
        WorkError: The disk refuses.
    """
    with replacing(path) as file:
        torch.save({**state, _ORIGIN: dict(origin)}, file)


def read_checkpoint(path: Path, origin: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Return the state of a checkpoint, with its tensors on a device.

    Args:
        path: The checkpoint.
        origin: Origin of the training that is to go on.
        device: Where the tensors go.

    Raises:
        WorkError: The file is damaged, or of a training with another origin.
    """
    try:
        with work_errors(path):
            state = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError) as error:
        # torch's own text about damage ("174812789") helps no user; the traceback has it.
        raise WorkError(
            f"{path}: is damaged, or is no checkpoint. Remove it to train from the beginning, or"
            " choose another folder."
        ) from error
    theirs = state.pop(_ORIGIN, None) if isinstance(state, dict) else None
    if not isinstance(theirs, Mapping) or theirs.keys() != origin.keys():
        raise WorkError(
            f"{path}: is the checkpoint of another command or version of sam4ct. Choose another"
            " folder, or remove it to train from the beginning."
        )
    other = sorted(key for key in origin if theirs[key] != origin[key])
    if other:
        raise WorkError(
            f"{path}: was begun with other {', '.join(other)}. Give what it was begun with, or"
            " choose another folder."
        )
    return dict(state)
