"""Read and write the propagated masks of one frame pair as run lengths in Parquet.

One row is one region. Its mask is the lengths of alternating runs of background and object along
the flattened mask (C order), beginning with background. Regions come back exactly, also empty ones
and those with empty margins; positions are frame pixels, ([z,] y, x).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sam4ct.errors import WorkError
from sam4ct.io.work.tables import REMEDY, read_columns, write_columns
from sam4ct.regions import Mask, Region

_LIST = pa.list_(pa.field("item", pa.int32(), nullable=False))
_SCHEMA = pa.schema(
    [
        pa.field("t", pa.int64(), nullable=False),
        pa.field("label", pa.int64(), nullable=False),
        pa.field("t2", pa.int64(), nullable=False),
        pa.field("object_score", pa.float64(), nullable=False),
        pa.field("corner", _LIST, nullable=False),
        pa.field("shape", _LIST, nullable=False),
        pa.field("runs", _LIST, nullable=False),
    ]
)
_ROWS_PER_GROUP = 128
"""Rows that are decompressed at once: a reader of few labels skips the other groups."""


class MaskRow(NamedTuple):
    """Region `label` of frame t, propagated to frame t2."""

    t: int
    label: int
    t2: int
    object_score: float
    """Logit; below 0 the object is more likely absent."""
    region: Region
    """In pixels of frame t2; may be empty."""


def write_masks(path: Path, rows: Iterable[tuple[int, int, int, float, Region]]) -> None:
    """Write propagated masks atomically, in the order given.

    Args:
        path: Target file.
        rows: As `MaskRow`.

    Raises:
        WorkError: The disk refuses.
    """
    listed = [MaskRow(*row) for row in rows]
    columns = [
        pa.array([row.t for row in listed], pa.int64()),
        pa.array([row.label for row in listed], pa.int64()),
        pa.array([row.t2 for row in listed], pa.int64()),
        pa.array([row.object_score for row in listed], pa.float64()),
        _lists([row.region.corner for row in listed]),
        _lists([row.region.mask.shape for row in listed]),
        _lists([_runs(row.region.mask) for row in listed]),
    ]
    write_columns(path, pa.table(columns, schema=_SCHEMA), _ROWS_PER_GROUP)


def read_masks(
    path: Path, *, t: int | None = None, labels: Iterable[int] | None = None
) -> list[MaskRow]:
    """Read propagated masks in the order of the file; only row groups with selected rows are read.

    Args:
        path: File of `write_masks`.
        t: Only regions of this source frame, that is, one direction of the pair.
        labels: Only regions of these labels.

    Raises:
        WorkError: The file is missing or damaged.
    """
    keys = read_columns(path, _SCHEMA, ["t", "label"])
    wanted = np.ones(len(keys), dtype=bool)
    if t is not None:
        wanted &= keys["t"].to_numpy() == t
    if labels is not None:
        wanted &= np.isin(keys["label"].to_numpy(), list(labels))
    rows = np.flatnonzero(wanted)
    groups, position = np.unique(rows // _ROWS_PER_GROUP, return_inverse=True)
    found = read_columns(path, _SCHEMA, groups=groups.tolist())
    return _decoded(path, found.take(position * _ROWS_PER_GROUP + rows % _ROWS_PER_GROUP))


def _decoded(path: Path, rows: pa.Table) -> list[MaskRow]:
    """Return rows with their regions; WorkError if a mask and its shape do not agree."""
    runs = rows["runs"].combine_chunks()
    lengths, offsets = runs.values.to_numpy(), runs.offsets.to_numpy()
    decoded = []
    others = rows.drop_columns(["runs"]).to_pylist()
    for row, (first, last) in zip(others, pairwise(offsets), strict=True):
        mask = _mask(lengths[first:last], row["shape"])
        if mask is None or mask.ndim != len(row["corner"]):
            raise WorkError(f"{path}: the mask of label {row['label']} is damaged. {REMEDY}")
        region = Region(mask, tuple(row["corner"]))
        decoded.append(MaskRow(row["t"], row["label"], row["t2"], row["object_score"], region))
    return decoded


def _runs(mask: Mask) -> NDArray[np.int64]:
    """Return the lengths of the runs False, True, False, ... of a mask; [] without pixels."""
    flat = mask.ravel()
    # A leading False makes the first change the beginning of the first True run.
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return np.diff(changes, prepend=0, append=flat.size) if flat.size else changes


def _mask(runs: NDArray[np.int32], shape: Sequence[int]) -> Mask | None:
    """Invert `_runs`; None if runs and shape do not agree."""
    if min(shape, default=0) < 0 or (runs < 0).any() or int(runs.sum()) != prod(shape):
        return None
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(shape)


def _lists(values: Sequence[Sequence[int] | NDArray[np.int64]]) -> pa.ListArray:
    """Return an Arrow column of lists, without a Python object for every number."""
    offsets = np.cumsum([0, *(len(value) for value in values)])
    flat = np.fromiter(chain.from_iterable(values), dtype=np.int64, count=int(offsets[-1]))
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(flat, pa.int32()), type=_LIST
    )
