"""Push cells of any shape apart until they hardly overlap.

A cell is a rigid body of discs (balls in 3D); where discs of two cells overlap, both cells are
moved and turned. Lengths are units.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sam4ct.simulate.cells.cell import Cell, Float

Indices = NDArray[np.int64]


def settled(cells: list[Cell], contact: float, rounds: int = 6) -> list[Cell]:
    """Return cells moved and turned so that they overlap less.

    Args:
        cells: In any number of dimensions.
        contact: Smallest distance of two discs, in sums of their radii; reached about.
        rounds: Number of rounds over all overlaps.
    """
    if len(cells) < 2:
        return cells
    local, radii, owner = _discs(cells)
    positions = np.array([cell.position for cell in cells])
    axes = np.array([cell.axes for cell in cells])
    inertia = np.bincount(owner, (local**2).sum(1) + 0.5 * radii**2)
    for _ in range(rounds):
        arms = np.einsum("md,mde->me", local, axes[owner])
        push, touched = _pushes(positions[owner] + arms, radii, owner, contact)
        if not touched.any():
            break
        each = np.maximum(1.0, np.bincount(owner, touched))
        positions = positions + _summed(push, owner, len(cells)) / each[:, None]
        twist = push[:, :, None] * arms[:, None, :]
        torque = _summed(twist - twist.transpose(0, 2, 1), owner, len(cells))
        turn = np.eye(positions.shape[1]) + 0.5 * torque / inertia[:, None, None]
        axes = _orthonormal(axes @ turn.transpose(0, 2, 1))
    return [
        replace(cell, position=position, axes=own)
        for cell, position, own in zip(cells, positions, axes, strict=True)
    ]


def apart(cells: list[Cell], least: float = 0.75) -> list[Cell]:
    """Return the cells without those that overlap an earlier one.

    Args:
        cells: In any number of dimensions.
        least: Smallest distance of two discs, in sums of their radii.
    """
    if len(cells) < 2:
        return cells
    local, radii, owner = _discs(cells)
    axes = np.array([cell.axes for cell in cells])
    arms = np.einsum("md,mde->me", local, axes[owner])
    centres = np.array([cell.position for cell in cells])[owner] + arms
    a, b, _, _ = _overlaps(centres, radii, owner, least)
    gone: set[int] = set()
    for first, second in sorted(zip(owner[a].tolist(), owner[b].tolist(), strict=True)):
        if first not in gone:
            gone.add(second)
    return [cell for n, cell in enumerate(cells) if n not in gone]


def _discs(cells: list[Cell]) -> tuple[Float, Float, Indices]:
    """Return all discs: centres in their cells' axes (m, D), radii (m,), cells (m,)."""
    discs = [cell.discs() for cell in cells]
    owner = np.repeat(np.arange(len(cells)), [len(radii) for _, radii in discs])
    return (
        np.concatenate([centres for centres, _ in discs]),
        np.concatenate([radii for _, radii in discs]),
        owner,
    )


def _overlaps(
    centres: Float, radii: Float, owner: Indices, contact: float
) -> tuple[Indices, Indices, Float, Float]:
    """Return pairs of discs of different cells that are too near.

    Returns:
        First and second disc of each pair, (p,); overlap, (p,); vector between them, (p, D).
    """
    pairs = cKDTree(centres).query_pairs(2.0 * float(radii.max()), output_type="ndarray")
    pairs = pairs[owner[pairs[:, 0]] != owner[pairs[:, 1]]]
    a, b = pairs[:, 0], pairs[:, 1]
    way = centres[b] - centres[a]
    overlap = contact * (radii[a] + radii[b]) - np.linalg.norm(way, axis=1)
    hit = overlap > 0
    return a[hit], b[hit], overlap[hit], way[hit]


def _pushes(centres: Float, radii: Float, owner: Indices, contact: float) -> tuple[Float, Float]:
    """Return the push on each disc, (m, D), and the number of discs that push it, (m,)."""
    a, b, overlap, way = _overlaps(centres, radii, owner, contact)
    distance = np.maximum(np.linalg.norm(way, axis=1), 1e-6)
    half = way * (0.5 * overlap / distance)[:, None]
    push = np.zeros_like(centres)
    np.add.at(push, a, -half)
    np.add.at(push, b, half)
    count = len(centres)
    touched = np.bincount(a, minlength=count) + np.bincount(b, minlength=count)
    return push, touched.astype(float)


def _summed(values: Float, owner: Indices, count: int) -> Float:
    total = np.zeros((count, *values.shape[1:]))
    np.add.at(total, owner, values)
    return total


def _orthonormal(axes: Float) -> Float:
    """Return rows (n, D, D) orthonormalised; the first keeps its direction."""
    q, r = np.linalg.qr(axes.transpose(0, 2, 1))
    signs = np.sign(np.diagonal(r, axis1=1, axis2=2))
    return np.asarray((q * signs[:, None, :]).transpose(0, 2, 1))
