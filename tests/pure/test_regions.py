"""Regions: what they measure, and that no part of them leaves a frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scenes.drawn import label_frame

from sam4ct.regions import DENSE_LABELS, Region, RegionSet, labels_under, regions_of

SHAPES = [(20, 30), (6, 20, 30)]
FRAMES = arrays.arrays(np.int64, st.sampled_from(SHAPES), elements=st.integers(0, 4))


def whole(shape: tuple[int, ...], corner: tuple[int, ...]) -> Region:
    return Region(np.ones(shape, bool), corner)


def painted(regions: dict[int, Region], shape: tuple[int, ...]) -> NDArray[np.int64]:
    frame = np.zeros(shape, np.int64)
    for label, region in regions.items():
        frame[region.box][region.mask] = label
    return frame


@given(FRAMES)
def test_regions_of_a_frame_painted_again_are_the_frame(frame: NDArray[np.int64]) -> None:
    assert np.array_equal(painted(regions_of(frame), frame.shape), frame)


@pytest.mark.parametrize("shape", SHAPES)
def test_regions_are_tight_and_in_order_of_their_labels(shape: tuple[int, ...]) -> None:
    frame = label_frame(shape, {9: (3,) * len(shape), 2: (4,) * (len(shape) - 1) + (12,)}, radius=2)
    regions = regions_of(frame)
    assert list(regions) == [2, 9]
    assert all(r == r.tight() for r in regions.values())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint64"])
def test_regions_are_found_in_any_integer_type(dtype: str) -> None:
    frame = label_frame((20, 30), {7: (5, 5)}).astype(dtype)
    assert list(regions_of(frame)) == [7]


@pytest.mark.parametrize("background", [True, False])
def test_labels_may_be_large_and_sparse(background: bool) -> None:
    frame = np.full((4, 6), 0 if background else 5, np.int64)
    frame[1, 2:4] = DENSE_LABELS + 1
    frame[3, 3:] = 2**31 - 1
    assert list(regions_of(frame)) == [5] * (not background) + [DENSE_LABELS + 1, 2**31 - 1]
    assert np.array_equal(painted(regions_of(frame), frame.shape), frame)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_empty_frame_has_no_regions(shape: tuple[int, ...]) -> None:
    assert regions_of(np.zeros(shape, np.uint16)) == {}


def test_mask_and_corner_must_have_the_same_dimensions() -> None:
    with pytest.raises(ValueError, match="mask is 2D"):
        whole((2, 2), (0, 0, 0))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (whole((2, 3), (4, 5)), True),
        (whole((2, 3), (4, 6)), False),
        (whole((3, 2), (4, 5)), False),
        (Region(np.zeros((2, 3), bool), (4, 5)), False),
        ("a region", False),
    ],
)
def test_regions_are_equal_if_mask_and_place_are(other: object, same: bool) -> None:
    assert (whole((2, 3), (4, 5)) == other) is same


def test_size_and_centroid_count_pixels_of_the_mask_alone() -> None:
    region = Region(np.array([[1, 0, 0], [1, 0, 1]], bool), (10, 20))
    assert region.size == 3
    assert region.centroid == pytest.approx([10 + 2 / 3, 20 + 2 / 3])


def test_an_empty_region_has_no_centroid() -> None:
    assert np.isnan(Region(np.zeros((2, 2), bool), (0, 0)).centroid).all()


def test_tight_drops_empty_rows_and_columns_and_moves_the_corner() -> None:
    mask = np.zeros((6, 7), bool)
    mask[2:4, 3] = True
    assert Region(mask, (10, 20)).tight() == whole((2, 1), (12, 23))


@pytest.mark.parametrize("shape", [(3, 4), (0, 4), (2, 3, 4)])
def test_a_tight_empty_region_has_no_pixels(shape: tuple[int, ...]) -> None:
    assert Region(np.zeros(shape, bool), (1,) * len(shape)).tight().mask.size == 0


@given(
    st.tuples(st.integers(-8, 12), st.integers(-8, 12)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_a_clipped_region_lies_in_the_frame(corner: tuple[int, int], size: tuple[int, int]) -> None:
    canvas = np.zeros((30, 30), bool)
    canvas[tuple(slice(c + 10, c + 10 + n) for c, n in zip(corner, size, strict=True))] = True
    frame = np.zeros((8, 9), bool)
    clipped = whole(size, corner).clipped(frame.shape)
    frame[clipped.box] = clipped.mask
    assert np.array_equal(frame, canvas[10:18, 10:19])


def test_labels_under_a_region_are_counted_without_background() -> None:
    frame = np.array([[0, 7, 7], [3, 7, 0]])
    found, counts = labels_under(whole((2, 2), (0, 0)), frame)
    assert (found.tolist(), counts.tolist()) == ([3, 7], [1, 2])


def test_nothing_lies_under_an_empty_region() -> None:
    found, counts = labels_under(Region(np.zeros((0, 0), bool), (0, 0)), np.ones((3, 3), int))
    assert (len(found), len(counts)) == (0, 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_part_is_the_mask_under_a_box_of_the_frame(shape: tuple[int, ...]) -> None:
    frame = label_frame(shape, [(4,) * (len(shape) - 1) + (12,)], radius=3)
    region = regions_of(frame)[1]
    box = tuple(slice(s.start + 1, s.stop) for s in region.box)
    assert np.array_equal(region.part(box), frame[box] > 0)
    assert np.array_equal(region.part(region.box), region.mask)


def test_a_part_shares_the_mask_of_the_region() -> None:
    region = whole((4, 4), (10, 20))
    region.part((slice(10, 12), slice(20, 24)))[...] = False
    assert region.size == 8


# Frames too large to hold


@st.composite
def frames_and_regions(draw: st.DrawFn) -> tuple[NDArray[np.int64], Region]:
    """A label frame, and any region in it."""
    frame = draw(FRAMES)
    low = [draw(st.integers(0, n - 1)) for n in frame.shape]
    high = [draw(st.integers(a + 1, n)) for a, n in zip(low, frame.shape, strict=True)]
    shape = tuple(b - a for a, b in zip(low, high, strict=True))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    return frame, Region(rng.random(shape) < 0.5, tuple(low))


@given(frames_and_regions())
def test_a_set_of_regions_answers_as_their_frame_does(
    case: tuple[NDArray[np.int64], Region],
) -> None:
    frame, region = case
    found, counts = labels_under(region, frame)
    under = RegionSet(regions_of(frame)).under(region)
    assert list(under.items()) == list(zip(found.tolist(), counts.tolist(), strict=True))


def test_regions_of_a_set_may_overlap() -> None:
    regions = RegionSet({7: whole((4, 4), (0, 0)), 3: whole((2, 2), (2, 2))})
    assert list(regions.under(whole((2, 3), (2, 1))).items()) == [(3, 4), (7, 6)]


def test_boxes_that_meet_without_a_common_pixel_share_nothing() -> None:
    corner, other = np.eye(2, dtype=bool), np.eye(2, dtype=bool)[::-1]
    assert RegionSet({1: Region(corner, (5, 5))}).under(Region(other, (5, 5))) == {}


@pytest.mark.parametrize("regions", [{}, {1: whole((2, 2), (0, 0))}])
def test_nothing_of_a_set_lies_under_an_empty_region(regions: dict[int, Region]) -> None:
    assert RegionSet(regions).under(Region(np.zeros((0, 0), bool), (0, 0))) == {}


def test_an_empty_set_has_nothing_under_any_region() -> None:
    assert RegionSet({}).under(whole((2, 2), (0, 0))) == {}
