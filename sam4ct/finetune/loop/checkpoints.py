"""Checkpoints of a training: its state, and what it was begun with.

Owns the file and which checkpoints are refused. A training may only go on with what
it was begun with, its origin: weights, data, every setting on which its course
depends. What state and origin hold is left to tune.py and training.py.
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
    """Write a state, tensors and plain values, atomically.

    Raises:
        WorkError: The disk refuses.
    """
    with replacing(path) as file:
        torch.save({**state, _ORIGIN: dict(origin)}, file)


def read_checkpoint(path: Path, origin: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Return the state that a training goes on from, its tensors on a device.

    Args:
        path: The checkpoint.
        origin: Of the training that is to go on.
        device: Gets the tensors.

    Raises:
        WorkError: The file is damaged, or not of a training of this origin.
    """
    try:
        with work_errors(path):
            state = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError) as error:
        # What torch says of damage ("174812789") helps nobody; the traceback has it.
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
