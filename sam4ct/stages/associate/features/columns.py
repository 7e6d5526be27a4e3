"""Features of candidates as named columns, and how lengths and odds become free of units.

Lengths are in cell diameters and odds are logarithms, both within limits. So one set of costs
serves all microscopes, and no feature outweighs all others.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from sam4ct.tables import Flags, Floats, Ints

MAX_DIAMETERS = 3.0
"""Cell diameters; larger distances count as this."""
MIN_LOG_ODDS = -6.0
"""Log odds where nothing speaks for a link; features are log odds divided by this limit."""


@dataclass(frozen=True)
class CandidateRows:
    """Base of candidates: selects and joins rows."""

    def take(self, rows: Ints | Flags) -> Self:
        """Return the rows that an index or a boolean mask selects."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of some parts, at least one."""
        return cls(*(_joined([getattr(part, f.name) for part in parts]) for f in fields(cls)))


@dataclass(frozen=True)
class Features:
    """Features of candidates, one column each; one that has no column is 0 everywhere."""

    count: int
    """Candidates."""
    columns: Mapping[str, Floats]
    """By name, (count,) each."""

    @classmethod
    def none(cls, count: int) -> Features:
        return cls(count, {})

    @classmethod
    def named(cls, count: int, columns: Mapping[str, Floats], names: Sequence[str]) -> Features:
        """Return columns in the order of `names`; all must be named there."""
        unknown = columns.keys() - set(names)
        assert not unknown, f"no feature is named {', '.join(unknown)}"
        return cls(count, {name: columns[name] for name in names if name in columns})

    @classmethod
    def unpacked(cls, features: Floats, names: Sequence[str]) -> Features:
        """Return the columns of an array (count, names)."""
        return cls(len(features), dict(zip(names, features.T, strict=True)))

    def packed(self, names: Sequence[str]) -> Floats:
        """Return the columns of some names as an array (count, names), to fit costs to."""
        return np.stack([self.column(name) for name in names], axis=1)

    def column(self, name: str) -> Floats:
        return self.columns[name] if name in self.columns else np.zeros(self.count)

    def only(self, names: Container[str]) -> Features:
        """Return the features of these names alone, to save memory."""
        kept = {name: column for name, column in self.columns.items() if name in names}
        return Features(self.count, kept)

    def __getitem__(self, rows: Ints | Flags) -> Features:
        count = np.count_nonzero(rows) if rows.dtype == bool else len(rows)
        return Features(int(count), {name: c[rows] for name, c in self.columns.items()})

    @classmethod
    def concat(cls, parts: Sequence[Features]) -> Features:
        """Return the rows of some parts that have columns of the same names."""
        columns = {name: _joined([p.columns[name] for p in parts]) for name in parts[0].columns}
        return cls(sum(part.count for part in parts), columns)


def _joined(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Features):
        return Features.concat(parts)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def in_diameters(offsets: Floats, diameter: Floats) -> Floats:
    """Return the lengths of offsets (N, 3) in cell diameters, at most MAX_DIAMETERS."""
    return np.asarray(np.minimum(MAX_DIAMETERS, np.linalg.norm(offsets, axis=1) / diameter))


def scaled(logits: Floats) -> Floats:
    """Return log odds between -6 and 6, divided by 6."""
    return np.asarray(np.clip(logits, MIN_LOG_ODDS, -MIN_LOG_ODDS) / -MIN_LOG_ODDS)
