"""Features: lengths of many short rows, as numpy's own functions give them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sam4ct.stages.features import FAR, dots, in_diameters, lengths


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_lengths_and_dot_products_are_numpys_to_the_bit(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, count, 3)) * rng.lognormal(0.0, 4.0, (2, count, 3))
    assert np.array_equal(lengths(one), np.linalg.norm(one, axis=1))
    assert np.array_equal(dots(one, other), (one * other).sum(axis=1))


def test_lengths_are_counted_in_diameters_up_to_a_limit() -> None:
    offsets = np.array([[0.0, 3.0, 4.0], [0.0, 0.0, 0.0], [90.0, 0.0, 0.0]])
    assert in_diameters(offsets, np.array([2.0, 1.0, 3.0])).tolist() == [2.5, 0.0, FAR]
