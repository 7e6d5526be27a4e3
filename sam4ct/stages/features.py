"""Features: numbers that say of every choice what speaks for it, free of units.

What the rows of possible links, divisions and couples have in common: lengths are counted in
cell diameters and odds as logarithms, both within limits, so that one set of costs serves all
microscopes and no single feature outweighs all others. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

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
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


def packed(columns: dict[str, Floats], names: tuple[str, ...], count: int) -> Floats:
    """Return columns as one array (count, names), 0 where there is none; empties the columns."""
    features = np.empty((count, len(names)), order="F")
    for number, name in enumerate(names):
        features[:, number] = columns.pop(name, 0.0)
    assert not columns, f"no feature is named {', '.join(columns)}"
    return features


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
