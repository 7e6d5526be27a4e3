"""Write label frames from regions as TIFF files, with one strip in memory at a time.

The empty strip, as nearly all strips of a large volume are, is encoded once and written often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from sam4ct.io.tiff.frame import PLAIN, write_planes
from sam4ct.lineage import MAX_LABEL
from sam4ct.regions import Region

_STRIP_BYTES = 1 << 18
"""Most bytes of a strip, as tifffile chooses itself: so files equal those of `encode_frame`."""
_STORED = np.dtype("<u2")

_encoded = tifffile.TIFF.COMPRESSORS[tifffile.COMPRESSION.ADOBE_DEFLATE]


def write_regions(path: Path, regions: Mapping[int, Region], shape: Sequence[int]) -> None:
    """Write a label frame atomically; the bytes are those of `encode_frame`.

    Args:
        path: The file.
        regions: By label, 1 to 65535. Each has pixels, all in the frame; none overlap.
        shape: ([z,] y, x)

    Raises:
        ValueError: A region breaks these rules; no file is written.
        WorkError: The disk is full, read-only or forbidden.
    """
    for label, region in regions.items():
        _refuse_unpaintable(label, region, tuple(shape))
    rows = min(shape[-2], max(1, _STRIP_BYTES // (shape[-1] * _STORED.itemsize)))
    options = {**PLAIN, "rowsperstrip": rows}
    write_planes(path, _strips(regions, shape, rows), shape, options)


def _refuse_unpaintable(label: int, region: Region, shape: tuple[int, ...]) -> None:
    if not 1 <= label <= MAX_LABEL:
        raise ValueError(f"label {label} is not one of 1 to {MAX_LABEL}")
    if not region.mask.any():
        raise ValueError(f"label {label} has no pixels")
    if len(region.corner) != len(shape) or region.clipped(shape) != region:
        raise ValueError(f"label {label} at {region.corner} is not in a frame of {shape}")


def _strips(regions: Mapping[int, Region], shape: Sequence[int], rows: int) -> Iterator[bytes]:
    """Yield the encoded strips of a frame, in order of z and y."""
    *depth, height, width = shape
    blank = {n: _encoded(np.zeros((n, width), _STORED)) for n in {rows, height % rows} - {0}}
    touching = _sections(regions, rows)
    for z in range(prod(depth)):
        for top in range(0, height, rows):
            lines = min(rows, height - top)
            if sections := touching.get((z, top)):
                strip = np.zeros((lines, width), _STORED)
                for label, section in sections:
                    _paint(strip, label, section)
                yield _encoded(strip)
            else:
                yield blank[lines]


def _sections(
    regions: Mapping[int, Region], rows: int
) -> Mapping[tuple[int, int], list[tuple[int, Region]]]:
    """Return the regions that touch each strip, by z and first row, in (y, x) of the strip."""
    touching = defaultdict(list)
    for label, region in regions.items():
        *first, y, x = region.corner
        masks = region.mask.reshape(-1, *region.mask.shape[-2:])
        for z, mask in enumerate(masks, start=first[0] if first else 0):
            for top in range(y - y % rows, y + len(mask), rows):
                touching[z, top].append((label, Region(mask, (y - top, x))))
    return touching


def _paint(strip: NDArray[np.uint16], label: int, section: Region) -> None:
    part = section.clipped(strip.shape)
    pixels = strip[part.box]
    if pixels[part.mask].any():
        raise ValueError(f"label {label} is painted over label {pixels[part.mask].max()}")
    pixels[part.mask] = label
