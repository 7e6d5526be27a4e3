"""Fragments are joined, and masks cut, as a person has said."""

from __future__ import annotations

import numpy as np
import pytest

from sam4ct.corrections import Correction, End, Kind
from sam4ct.stages.correct import cut_of, joined_by, to_cut
from sam4ct.tables import Detections, Joins


def cells(*sizes: int) -> Detections:
    """Regions of frame 0 with labels from 1 on."""
    columns = {name: np.zeros(len(sizes), kind) for name, kind in Detections.schema().items()}
    numbers = {"label": np.arange(1, len(sizes) + 1), "size": np.array(sizes)}
    return Detections(**(columns | numbers))  # type: ignore[arg-type]


def joins(*pairs: tuple[int, int]) -> Joins:
    label, into = np.array(pairs, np.int64).reshape(-1, 2).T
    return Joins(np.zeros(len(pairs), np.int64), label, into)


def rows(table: Joins) -> list[tuple[int, int]]:
    return list(zip(table.label.tolist(), table.into.tolist(), strict=True))


def one(*labels: int) -> Correction:
    return Correction(Kind.ONE_CELL, tuple(End(0, label) for label in labels))


def two(label: int) -> Correction:
    return Correction(Kind.TWO_CELLS, (End(0, label),))


@pytest.mark.parametrize(
    ("said", "found", "left", "asked"),
    [
        ([one(1, 2)], [], [], [(1, 2)]),
        ([one(1, 2, 3)], [], [], [(1, 2), (3, 2)]),
        ([one(1, 2), one(2, 3)], [], [], [(1, 2), (3, 2)]),
        ([one(1, 3)], [(3, 4)], [], [(1, 3), (4, 3)]),
        ([one(1, 2)], [(3, 4)], [(3, 4)], [(1, 2)]),
        ([two(3)], [(3, 4)], [], []),
        ([two(4)], [(3, 4)], [], []),
        ([two(1)], [(3, 4)], [(3, 4)], []),
    ],
)
def test_fragments_are_joined_into_the_largest(
    said: list[Correction],
    found: list[tuple[int, int]],
    left: list[tuple[int, int]],
    asked: list[tuple[int, int]],
) -> None:
    rest, joined = joined_by(said, joins(*found), cells(10, 30, 20, 5))
    assert (rows(rest), rows(joined)) == (left, asked)


def test_of_joined_fragments_none_is_cut() -> None:
    assert to_cut([two(3), two(1)], joins((3, 4))) == [(0, 1)]


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_mask_is_cut_at_its_waist(ndim: int) -> None:
    """Two discs of unlike size that touch: the waist is not in the middle."""
    grid = np.indices((13,) * (ndim - 1) + (40,)) - 6
    along = grid[-1] - 2
    across = (grid[:-1] ** 2).sum(axis=0)
    mask = (across + along**2 < 36) | (across + (along - 14) ** 2 < 81)
    axis, share = cut_of(mask, np.array([1.0, 1.0, 1.0]))
    assert abs(axis[2]) > 0.99
    first = (np.indices(mask.shape)[-1] < 14)[mask].mean()
    assert share == pytest.approx(first, abs=0.05)


def test_slices_far_apart_count_as_far_apart() -> None:
    mask = np.ones((6, 8, 8), bool)
    assert abs(cut_of(mask, np.array([5.0, 1.0, 1.0]))[0][0]) > 0.99
    assert abs(cut_of(mask, np.array([1.0, 1.0, 1.0]))[0][0]) < 0.01


def test_two_pixels_are_cut_between_them() -> None:
    assert cut_of(np.ones((1, 2), bool), np.ones(3)) == ((0.0, 0.0, 1.0), 0.5)
