"""Find the files that hold a part of a Zarr array, and the part that a file holds.

A file holds one chunk, or a shard of several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import zarr

_BETWEEN = re.compile(r"[/.]")
"""Separators between the numbers in the name of a chunk, in Zarr 2 and 3."""


def chunk_files(
    folder: Path, array: zarr.Array[Any], index: Sequence[slice]
) -> Iterator[tuple[Path, tuple[slice, ...]]]:
    """Yield the files that hold a part of an array, existing or not, and the part in each.

    Args:
        folder: Of the array.
        array: The open array.
        index: The part, one slice an axis, with bounds and steps of one.
    """
    lengths = _in_one_file(array)
    touched = (
        range(part.start // n, -(-part.stop // n)) if part.stop > part.start else ()
        for part, n in zip(index, lengths, strict=True)
    )
    for chunk in product(*touched):
        held = tuple(
            slice(max(part.start, i * n), min(part.stop, (i + 1) * n))
            for part, i, n in zip(index, chunk, lengths, strict=True)
        )
        yield folder / array.metadata.encode_chunk_key(chunk), held


def held_along(array: zarr.Array[Any], axis: int, name: str) -> range:
    """Return the indices along an axis that a file holds; none if it is not a chunk.

    Args:
        array: The array.
        axis: Number of the axis.
        name: Of the file, below the array's folder.
    """
    numbers = _BETWEEN.split(name.removeprefix("c/").removeprefix("c."))
    if len(numbers) != array.ndim or not all(n.isascii() and n.isdigit() for n in numbers):
        return range(0)
    length = _in_one_file(array)[axis]
    first = int(numbers[axis]) * length
    return range(first, min(first + length, array.shape[axis]))


def _in_one_file(array: zarr.Array[Any]) -> tuple[int, ...]:
    return tuple(array.shards or array.chunks)
