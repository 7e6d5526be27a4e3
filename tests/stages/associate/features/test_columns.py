"""Features: columns by name, and lengths of many short rows as numpy gives them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam4ct.stages.associate.features.columns import FAR, Features, dots, in_diameters, lengths


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_lengths_and_dot_products_are_numpys_to_the_bit(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, count, 3)) * rng.lognormal(0.0, 4.0, (2, count, 3))
    assert np.array_equal(lengths(one), np.linalg.norm(one, axis=1))
    assert np.array_equal(dots(one, other), (one * other).sum(axis=1))


def test_lengths_are_counted_in_diameters_up_to_a_limit() -> None:
    offsets = np.array([[0.0, 3.0, 4.0], [0.0, 0.0, 0.0], [90.0, 0.0, 0.0]])
    assert in_diameters(offsets, np.array([2.0, 1.0, 3.0])).tolist() == [2.5, 0.0, FAR]


NAMES = ("one", "other", "third")


def test_features_without_a_column_are_zero() -> None:
    told = Features.named(2, {"other": np.array([1.0, 2.0])}, NAMES)
    assert told.packed(NAMES).tolist() == [[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]]
    assert told.column("third").tolist() == [0.0, 0.0]
    with pytest.raises(AssertionError, match="no feature is named last"):
        Features.named(2, {"last": np.zeros(2)}, NAMES)


def test_features_come_in_the_order_of_their_names() -> None:
    columns = {name: np.zeros(1) for name in reversed(NAMES)}
    assert tuple(Features.named(1, columns, NAMES).columns) == NAMES


@given(st.integers(0, 5), st.integers(1, 4), st.integers(0, 99))
def test_rows_of_features_are_taken_and_joined_as_those_of_an_array(
    count: int, parts: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    array = rng.normal(size=(count, 3))
    told = Features.unpacked(array, NAMES)
    rows, flags = rng.integers(0, max(1, count), min(count, 3)), rng.random(count) < 0.5
    for some in (rows, flags):
        assert told[some].count == len(array[some])
        assert np.array_equal(told[some].packed(NAMES), array[some])
    joined = Features.concat([told] * parts)
    assert np.array_equal(joined.packed(NAMES), np.concatenate([array] * parts))
    assert Features.concat([Features.none(count)] * parts).count == count * parts
    assert tuple(told.only(("other",)).columns) == ("other",)
