"""Frames written as OME-TIFF that states the size of a voxel, and files linked as they stand."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import tifffile

from sam4ct.errors import SequenceError
from sam4ct.io.files import work_errors
from sam4ct.io.tiff import Frame
from sam4ct.io.tiff.frame import PLAIN
from sam4ct.profile import Spacing

_STORED: Mapping[str, str] = {
    "bool": "uint8",
    "int64": "int32",
    "uint64": "uint32",
    "float16": "float32",
}
"""How types that OME-TIFF does not know are written."""
_SAME_BYTES: Mapping[str, Any] = {"UUID": f"urn:uuid:{'0' * 8}-0000-4000-8000-{'0' * 12}"}
"""In place of a random number, so that equal frames give equal files."""


def write_image(path: Path, frame: Frame, where: str, spacing: Spacing, interval: float) -> None:
    """Write a frame, ([z,] y, x), uncompressed, in its own type where OME-TIFF knows it.

    Args:
        path: The file.
        frame: Its pixels.
        where: What is blamed if they do not fit.
        spacing: Size of a voxel (z, y, x) in micrometres; nan is left out.
        interval: Seconds from frame to frame; nan is left out.

    Raises:
        SequenceError: There are whole numbers of more than 32 bits.
        WorkError: The disk refuses.
    """
    stored = frame.astype(_STORED.get(frame.dtype.name, frame.dtype), copy=False)
    if frame.dtype.kind in "ui" and stored.dtype != frame.dtype and (stored != frame).any():
        raise SequenceError(
            f"{where} has pixels of more than 32 bits, up to {frame.max()}. Save it as uint16 or"
            " as floats."
        )
    said = {f"PhysicalSize{axis}": size for axis, size in zip("ZYX", spacing, strict=True)}
    said |= {"TimeIncrement": interval}
    sizes = {name: value for name, value in said.items() if isfinite(value)}
    units = {f"{name}Unit": "s" if name.startswith("T") else "\N{MICRO SIGN}m" for name in sizes}
    axes = {"axes": "ZYX"[-frame.ndim :], "Creator": "sam4ct"}
    _write(
        path,
        stored,
        {
            **PLAIN,
            "compression": None,
            "ome": True,
            "metadata": {**axes, **sizes, **units, **_SAME_BYTES},
        },
    )


def write_labels(path: Path, labels: Frame) -> None:
    """Write a label frame, ([z,] y, x), uint16 or uint32, compressed, with nothing but pixels.

    Raises:
        WorkError: The disk refuses.
    """
    _write(path, labels, PLAIN)


def linked(source: Path, target: Path) -> bool:
    """Link a file, hard where the disk is the same one, else by its whole path.

    Returns:
        Whether there is a link; False where the file system has none.
    """
    source = Path(os.path.realpath(source))
    for link in (os.link, os.symlink):
        try:
            link(source, target)
        except OSError:
            continue
        return True
    return False


def _write(path: Path, frame: Frame, options: Mapping[str, Any]) -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, frame, **options)
    with work_errors(path), path.open("xb") as file:
        file.write(buffer.getbuffer())
