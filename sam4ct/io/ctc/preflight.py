"""Read and check all frames of a sequence before any work, and hash its files.

Each image and mask is read once, with one frame in memory. A caller that needs something of every
frame (a table of detections, for example) gets the frames in the same pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.ctc.instances import InstanceCheck
from sam4ct.io.ctc.sequence import CtcReader, CtcSequence, refuse_other_type
from sam4ct.io.files import sha256_of
from sam4ct.io.tiff import Frame, read_info

EachFrame = Callable[[int, Frame, NDArray[np.int32]], None]
"""Called with t, the image and its labels, both ([z,] y, x), in order of time."""


@dataclass(frozen=True)
class Preflight:
    """Facts of a sequence of which all frames were read."""

    frames: int
    shape: tuple[int, ...]
    """Shape of every image and mask, ([z,] y, x)."""
    image_dtype: str
    images_sha256: str
    """Over the names and bytes of all images, in order of time."""
    masks_sha256: str


def preflight(
    sequence: CtcSequence,
    *,
    each_frame: EachFrame | None = None,
) -> Preflight:
    """Read and check all frames of a sequence.

    Args:
        sequence: Its files.
        each_frame: Called with every frame that passed.

    Raises:
        SequenceError: An image or mask cannot be used, or all masks are empty or do not label
            cells one by one.
    """
    reader = CtcReader(sequence)
    images, masks, instances = _Fingerprint(), _Fingerprint(), InstanceCheck()
    has_labels = False
    for t in range(reader.frames):
        images.add(sequence.images[t])
        masks.add(sequence.masks[t])
        image, labels = reader.image(t), reader.labels(t)
        has_labels = has_labels or bool(labels.any())
        instances.add(sequence.masks[t], labels)
        if each_frame is not None:
            each_frame(t, image, labels)
    if not has_labels:
        raise SequenceError(
            f"{sequence.masks[0].parent}: all masks are empty, there is nothing to link."
            " Segment the cells first."
        )
    instances.finish()
    dtype = str(read_info(sequence.images[0]).dtype)
    return Preflight(reader.frames, reader.shape, dtype, images.hexdigest(), masks.hexdigest())


class _Fingerprint:
    """SHA-256 over files, which must all have one type."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._first: tuple[Path, np.dtype[Any]] | None = None

    def add(self, path: Path) -> None:
        info = read_info(path)
        if self._first is None:
            self._first = path, info.dtype
        refuse_other_type(path, info.dtype, *self._first)
        content = bytes.fromhex(sha256_of(path))
        self._hash.update(path.name.encode() + b"\0" + content)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
