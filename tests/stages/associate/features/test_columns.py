"""Columns: features by name, and lengths in cell diameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam4ct.stages.associate.features.columns import MAX_DIAMETERS, Features, in_diameters


def test_lengths_are_counted_in_diameters_up_to_a_limit() -> None:
    offsets = np.array([[0.0, 3.0, 4.0], [0.0, 0.0, 0.0], [90.0, 0.0, 0.0]])
    assert in_diameters(offsets, np.array([2.0, 1.0, 3.0])).tolist() == [2.5, 0.0, MAX_DIAMETERS]


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
