"""The small tables that stages hand to each other.

A table is a frozen dataclass of equally long numpy columns. Names and dtypes
are fixed here and are the schema of the files; `io.tables` writes them.
Frames `t` are zero-based; lengths in micrometres where the name says so, else
in pixels; positions in array order, z is 0 in 2D.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SPARE = 8
"""A column that grows, row after row of unknown number, has one place in this many free."""


@dataclass(frozen=True)
class Table:
    """Base: checks dtypes and lengths, selects and joins rows."""

    KINDS: ClassVar[dict[str, type]] = {"Ints": np.int64, "Floats": np.float64, "Flags": np.bool_}
    OPTIONAL: ClassVar[tuple[str, ...]] = ()
    """Columns that files of earlier versions lack, the last ones."""

    def __post_init__(self) -> None:
        lengths = set()
        for name, dtype in self.schema().items():
            given = np.asarray(getattr(self, name))
            if given.size and not np.can_cast(given.dtype, dtype, "same_kind"):
                raise ValueError(f"{type(self).__name__}.{name} is {given.dtype}, not {dtype}")
            column: NDArray[Any] = given.astype(dtype, copy=False)
            if column.ndim != 1:
                raise ValueError(f"{type(self).__name__}.{name} has shape {column.shape}")
            object.__setattr__(self, name, column)
            lengths.add(len(column))
        if len(lengths) > 1:
            raise ValueError(f"{type(self).__name__}: columns of lengths {sorted(lengths)}")

    @classmethod
    def schema(cls) -> dict[str, type]:
        """Column names and numpy dtypes, in file order."""
        return {f.name: cls.KINDS[str(f.type)] for f in fields(cls)}

    @classmethod
    def empty(cls) -> Self:
        return cls(**{name: np.empty(0, dtype) for name, dtype in cls.schema().items()})

    @classmethod
    def concat(cls, parts: Iterable[Self]) -> Self:
        """Join the rows of all parts; of parts that are made one by one, one is held at a time."""
        columns: dict[str, NDArray[Any]] = {n: np.empty(0, d) for n, d in cls.schema().items()}
        count = 0
        for part in parts:
            end = count + len(part)
            for name, column in columns.items():
                if end > len(column):
                    # Large columns grow where they are. Nothing else refers to them yet.
                    column.resize(end + end // SPARE, refcheck=False)
                column[count:end] = getattr(part, name)
            count = end
        for column in columns.values():
            column.resize(count, refcheck=False)
        return cls(**columns)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Return the rows that an index or a boolean mask selects."""
        return type(self)(**{name: getattr(self, name)[rows] for name in self.schema()})

    def __len__(self) -> int:
        return len(getattr(self, next(iter(self.schema()))))


@dataclass(frozen=True)
class Detections(Table):
    """One row a region of the input masks, ordered by frame and label."""

    t: Ints
    label: Ints
    size: Ints
    z: Floats
    y: Floats
    x: Floats
    z0: Ints
    y0: Ints
    x0: Ints
    """First voxel of the bounding box."""
    z1: Ints
    y1: Ints
    x1: Ints
    """One past its last voxel."""
    border: Flags
    """Touches the edge of the frame in y or x."""
    contrast: Floats
    """How much it stands out from the background (`intensity.contrasts`); nan if not measured."""

    def places_um(self, spacing_um: ArrayLike) -> Floats:
        """Centroids in micrometres, (N, 3), from the voxel size (z, y, x)."""
        return np.asarray(np.stack([self.z, self.y, self.x], axis=1) * np.asarray(spacing_um))

    def in_frame(self, t: int) -> Self:
        """Return the rows of a frame."""
        return self.take(np.arange(*np.searchsorted(self.t, [t, t + 1])))


@dataclass(frozen=True)
class Sightings(Detections):
    """One row a region that was segmented at a click, near a cell that is followed."""

    seeded: Flags
    """There is a seed behind it; else the cell was expected there."""
    at_search_edge: Flags
    """At the edge of what was looked at: it may have come from beyond, or go there."""


@dataclass(frozen=True)
class Evidence(Table):
    """One row a source region (t, label) and a target region (t2, label2) it may be.

    t2 may be before or after t. A row exists where the propagated mask or the
    unmoved region touches the target, or where the target is near.
    """

    t: Ints
    label: Ints
    t2: Ints
    label2: Ints
    iou_prop: Floats
    """Propagated mask and target: intersection over union."""
    containment_prop: Floats
    """Share of the propagated mask that lies in the target."""
    coverage_prop: Floats
    """Share of the target that the propagated mask covers."""
    overlap: Floats
    """Unmoved source and target: intersection over union."""
    distance_um: Floats
    """Between the centroids of source and target."""
    size_ratio: Floats
    """Target size over source size."""
    object_score: Floats
    """SAM 2's logit that the object is in the target frame at all; 0 without SAM 2."""
    similarity: Floats
    """Cosine of what SAM 2 remembers of source and target; 0 where it was not asked."""
    border: Flags
    """Source or target touches the edge of the frame."""


@dataclass(frozen=True)
class Links(Table):
    """One row an accepted link from (t, label) forward to (t2, label2), t < t2."""

    OPTIONAL: ClassVar[tuple[str, ...]] = ("answered",)

    t: Ints
    label: Ints
    t2: Ints
    label2: Ints
    division: Flags
    """One of the two links from a mother to its daughters."""
    confidence: Floats
    """Probability that the link is right, 0 to 1."""
    answered: Flags = field(default_factory=lambda: np.empty(0, np.bool_))
    """A person said that it is right; nowhere, if the column is left out."""

    def __post_init__(self) -> None:
        if not len(self.answered):
            object.__setattr__(self, "answered", np.zeros(len(self.t), np.bool_))
        super().__post_init__()


@dataclass(frozen=True)
class Cuts(Table):
    """One row a mask (t, label) that covers two cells, and how it is cut into halves."""

    t: Ints
    label: Ints
    first: Ints
    """Label of one half."""
    second: Ints
    """Label of the other half."""
    z: Floats
    y: Floats
    x: Floats
    """Which way the second half lies from the first, micrometres."""
    share: Floats
    """Of the mask's voxels, those of the first half."""


@dataclass(frozen=True)
class Joins(Table):
    """One row a fragment (t, label) that is part of the cell whose larger part is (t, into)."""

    t: Ints
    label: Ints
    into: Ints


SPARSE = 4
"""Possible labels by rows that are looked up; where there are more, a table would be large."""


def row_numbers(detections: Detections, t: Ints, label: Ints) -> Ints:
    """Return the row of each (t, label); detections are ordered by both, and have them all."""
    if not len(t):
        return np.empty(0, np.int64)
    first, last = int(t.min()), int(t.max())
    # Of a long sequence, only the frames in question are searched.
    low, high = np.searchsorted(detections.t, [first, last + 1]).tolist()
    some, known = detections.t[low:high] - first, detections.label[low:high]
    base = int(max(known.max(initial=0), label.max())) + 1
    if (last - first + 1) * base > SPARSE * len(t):
        keys, wanted = some * base + known, (t - first) * base + label
        rows = np.searchsorted(keys, wanted)
        assert len(keys)
        assert (keys.take(rows, mode="clip") == wanted).all()
        return np.asarray(low + rows, dtype=np.int64)
    # Usual labels are few, and looked up sooner than searched for.
    row = np.full((last - first + 1, base), -1)
    row[some, known] = np.arange(low, high)
    rows = row[t - first, label]
    assert rows.min() >= 0
    return np.asarray(rows)
