"""Prompt points: a box, points inside and points outside, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scenes.drawn import ball

from sam4ct.models.sam2.prompts import BOX, NEGATIVE, PADDING, POSITIVE, prompt_points

MASK = ball((64, 96), (30, 60), 11.0)


def prompt(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    points, kinds = prompt_points(mask[None])
    return points[0], kinds[0]


def under(mask: NDArray[np.bool_], points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What lies under points given as (x, y)."""
    x, y = points.T.astype(int)
    return mask[y, x]


def test_a_prompt_has_the_published_number_of_points_in_sams_order() -> None:
    _, kinds = prompt(MASK)
    assert kinds.tolist() == [*BOX, *[1] * 11, *[0] * 54]


def test_the_box_is_that_of_the_mask_in_x_and_y() -> None:
    points, _ = prompt(MASK)
    assert points[:2].tolist() == [[49, 19], [71, 41]]


def test_positive_points_lie_inside_and_negative_ones_outside() -> None:
    points, kinds = prompt(MASK)
    assert under(MASK, points[kinds == 1]).all()
    assert not under(MASK, points[kinds == 0]).any()


def test_points_are_spread_from_the_outline_to_the_depth() -> None:
    points, kinds = prompt(MASK)
    depth = np.hypot(*(points[kinds == 1] - [60, 30]).T)
    assert depth.min() < 2
    assert depth.max() > 9
    assert len(np.unique(points, axis=0)) == len(points)


def test_the_same_mask_gives_the_same_points_whatever_stands_beside_it() -> None:
    other = ball(MASK.shape, (20, 20), 5.0)
    points, kinds = prompt_points(np.stack([other, MASK]))
    assert np.array_equal(points[1], prompt(MASK)[0])
    assert np.array_equal(kinds[1], prompt(MASK)[1])


def test_an_empty_mask_has_padding_alone() -> None:
    _, kinds = prompt(np.zeros((20, 30), bool))
    assert set(kinds) == {PADDING}


def test_a_mask_with_fewer_pixels_than_points_is_padded() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4, 5:8] = True
    points, kinds = prompt(mask)
    inside = points[kinds == 1]
    assert sorted(inside.tolist()) == [[5, 4], [6, 4], [7, 4]]
    assert np.count_nonzero(kinds == PADDING) == POSITIVE - 3


@pytest.mark.parametrize("count", [0, 2])
def test_a_mask_without_room_outside_has_no_negative_points(count: int) -> None:
    mask = np.ones((20, 30), bool)
    mask.flat[:count] = False
    _, kinds = prompt(mask)
    assert np.count_nonzero(kinds == 0) == count
    assert np.count_nonzero(kinds == PADDING) == NEGATIVE - count
