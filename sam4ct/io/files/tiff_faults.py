"""Refuse TIFF files with faults that tifffile only logs, or does not check.

These are files that are cut off, several images in one file, and parts of larger data sets.
"""

from __future__ import annotations

import logging
import math
import operator
import struct
from pathlib import Path

import numpy as np
import tifffile

from sam4ct.errors import SequenceError

# What tifffile and imagecodecs raise on damaged bytes; tests/io/tiff/test_frame.py damages
# files at random to keep this list honest.
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)

# Its warnings would appear between our messages. Those that matter are checked below.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def refuse_other_kinds(path: Path, tif: tifffile.TiffFile) -> None:
    """Refuse a file with several images, or one that tifffile completes from other files."""
    if len(tif.series) > 1:
        raise SequenceError(
            f"{path}: holds {len(tif.series)} images of different kinds, e.g. a preview."
            " Save the frame alone."
        )
    if tif.series[0].is_multifile:
        raise SequenceError(
            f"{path}: is a part of a data set of many files. Save each frame as a plain TIFF."
        )


def refuse_broken_chain(path: Path, tif: tifffile.TiffFile) -> None:
    """Refuse a file whose list of pages is broken.

    Call this before `series` is used: that may replace the pages by virtual ones.
    """
    if not len(tif.pages):
        raise _damaged(path)
    end = tif.pages.next_page_offset
    if end is None:
        return
    tif.filehandle.seek(end)
    width = tif.tiff.offsetsize
    if tif.filehandle.read(width) != bytes(width):
        raise _damaged(path)


def refuse_lost_planes(path: Path, tif: tifffile.TiffFile, shape: tuple[int, ...]) -> None:
    """Refuse an ImageJ stack with fewer planes than its header counts."""
    expected = (tif.imagej_metadata or {}).get("images")
    if expected is not None and int(expected) != int(np.prod(shape[:-2])):
        raise _damaged(path)


def refuse_missing_data(path: Path, tif: tifffile.TiffFile) -> None:
    """Refuse pixels beyond the end of the file, or too few: decoders would fill in zeros.

    Uncompressed pixels in one piece (`dataoffset`) need no check: reading them fails by itself.
    """
    if tif.series[0].dataoffset is not None:
        return
    size = tif.filehandle.size
    for page in tif.pages:
        # Before anything is read: a damaged width may claim gigabytes.
        alike = page.keyframe
        if alike is None or len(page.dataoffsets) < math.prod(alike.chunked):
            raise _damaged(path)
        ends = map(operator.add, page.dataoffsets, page.databytecounts)
        if max(ends, default=0) > size:
            raise _damaged(path)


def _damaged(path: Path) -> SequenceError:
    return SequenceError(f"{path}: is truncated or damaged. Copy or export it again.")
