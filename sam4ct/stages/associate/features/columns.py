"""Features: numbers that say of every choice what speaks for it, free of units.

What the rows of possible links, divisions and couples have in common: lengths are counted in
cell diameters and odds as logarithms, both within limits, so that one set of costs serves all
microscopes and no single feature outweighs all others. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from sam4ct.tables import Flags, Floats, Ints

FAR = 3.0
"""Cell diameters; larger distances count as this."""
LEAST_ODDS = -6.0
"""Log odds where nothing speaks for a link; features are log odds over this."""


@dataclass(frozen=True)
class Choices:
    """Base of possible links, and of divisions: selects and joins rows."""

    def take(self, rows: Ints | Flags) -> Self:
        """Return the rows that an index or a boolean mask selects."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of some parts, one at least."""
        return cls(*(_joined([getattr(part, f.name) for part in parts]) for f in fields(cls)))


@dataclass(frozen=True)
class Features:
    """Features of choices by name, a column each; one that has no column is 0 everywhere."""

    count: int
    """Of choices."""
    columns: Mapping[str, Floats]

    @classmethod
    def none(cls, count: int) -> Features:
        return cls(count, {})

    @classmethod
    def named(cls, count: int, columns: Mapping[str, Floats], names: Sequence[str]) -> Features:
        """Return columns in the order of the names that there are."""
        unknown = columns.keys() - set(names)
        assert not unknown, f"no feature is named {', '.join(unknown)}"
        return cls(count, {name: columns[name] for name in names if name in columns})

    @classmethod
    def unpacked(cls, features: Floats, names: Sequence[str]) -> Features:
        """Return the columns of an array (count, names)."""
        return cls(len(features), dict(zip(names, features.T, strict=True)))

    def packed(self, names: Sequence[str]) -> Floats:
        """Return the columns of some names as an array (count, names)."""
        return np.stack([self.column(name) for name in names], axis=1)

    def column(self, name: str) -> Floats:
        return self.columns[name] if name in self.columns else np.zeros(self.count)

    def only(self, names: Container[str]) -> Features:
        """Return these features without those of other names, which take memory."""
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
    """Lengths of offsets (N, 3) in cell diameters, at most FAR."""
    return np.asarray(np.minimum(FAR, lengths(offsets) / diameter))


def dots(one: Floats, other: Floats) -> Floats:
    """Dot products of rows (N, 3), to the bit what a sum over the axis gives, in half its time."""
    products = one * other
    return np.asarray(products[:, 0] + products[:, 1] + products[:, 2])


def lengths(offsets: Floats) -> Floats:
    """Lengths of rows (N, 3), as `np.linalg.norm` gives them."""
    return np.asarray(np.sqrt(dots(offsets, offsets)))


def scaled(logits: Floats) -> Floats:
    """Log odds cut to -6 to 6, as -1 to 1."""
    return np.asarray(np.clip(logits, LEAST_ODDS, -LEAST_ODDS) / -LEAST_ODDS)
