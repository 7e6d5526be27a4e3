"""Ways to write a frame as a TIFF file, for one file of a part or for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

from fuzz_faults.cases import Case, Frames, Writer
from fuzz_faults.registry import (
    Blame,
)

Pixels = NDArray[Any]


def stored(**options: Any) -> Writer:
    def write(path: Path, frame: Pixels) -> None:
        tifffile.imwrite(path, frame, **{"photometric": "minisblack"} | options)

    return write


def in_one(case: Case, part: Frames, write: Writer) -> Blame:
    """Let one file be written so; name it."""
    name = case.pick(part)
    part.writers[part.names.index(name)] = write
    return [name]


def anywhere(part: Frames) -> Blame:
    """Return what names something that is so in every file."""
    return [*part.names, part.folder.rpartition("/")[2]]


def in_all(part: Frames, write: Writer) -> Blame:
    part.encode(write)
    return anywhere(part)


def write_pages(path: Path, frame: Pixels) -> None:
    with tifffile.TiffWriter(path) as tif:
        for plane in frame:
            tif.write(plane, contiguous=False, metadata=None, photometric="minisblack")
