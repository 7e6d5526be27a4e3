"""Families of cells by shape: how a cell gets its shape, and how it divides.

Each shape is a `Cell` with another outline, made from a cell of `cell.spawn`; it moves and ages
like any cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sam4ct.simulate.cells.budding import budding, separated
from sam4ct.simulate.cells.cell import Cell, CellLaw, divide
from sam4ct.simulate.cells.crawlers import crawler, divided_crawler
from sam4ct.simulate.cells.rods import halved_rod, rod


@dataclass(frozen=True)
class Family:
    """How cells of one shape are made."""

    shaped: Callable[[np.random.Generator, CellLaw, Cell], Cell]
    """Gives a cell of `cell.spawn`, of any age, this shape."""
    divide: Callable[[np.random.Generator, CellLaw, Cell, tuple[int, int]], tuple[Cell, Cell]]
    """Returns the two cells after a division, with the labels given."""


FAMILIES = {
    "blob": Family(lambda rng, law, cell: cell, divide),
    "rod": Family(rod, halved_rod),
    "budding": Family(budding, separated),
    "crawler": Family(crawler, divided_crawler),
}
