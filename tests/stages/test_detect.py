"""Detect: one row a region, whatever the labels are called."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scenes.drawn import label_frame

from sam4ct.regions import regions_of
from sam4ct.stages.detect import detect_frame

FRAMES = arrays.arrays(
    np.int64,
    st.sampled_from([(7, 9), (3, 7, 9)]),
    elements=st.sampled_from([0, 0, 1, 4, 70_000, 2**31 - 1]),
)


@given(FRAMES)
def test_every_region_has_one_row_with_its_size_place_and_box(frame: NDArray[np.int64]) -> None:
    rows = detect_frame(3, frame)
    regions = regions_of(frame)
    assert rows.label.tolist() == list(regions)
    assert set(rows.t.tolist()) <= {3}
    assert rows.size.tolist() == [r.size for r in regions.values()]
    for i, region in enumerate(regions.values()):
        place = [rows.z[i], rows.y[i], rows.x[i]][-frame.ndim :]
        assert place == pytest.approx(region.centroid.tolist())
        starts = [rows.z0[i], rows.y0[i], rows.x0[i]][-frame.ndim :]
        ends = [rows.z1[i], rows.y1[i], rows.x1[i]][-frame.ndim :]
        assert tuple(map(slice, starts, ends)) == region.box


def test_a_flat_frame_has_one_slice() -> None:
    rows = detect_frame(0, label_frame((20, 30), [(10, 15)]))
    assert (rows.z.tolist(), rows.z0.tolist(), rows.z1.tolist()) == ([0.0], [0], [1])


@pytest.mark.parametrize(
    ("place", "border"),
    [((10, 15), False), ((4, 15), True), ((15, 15), True), ((10, 4), True), ((10, 25), True)],
)
@pytest.mark.parametrize("depth", [0, 9])
def test_border_means_an_edge_in_y_or_x(place: tuple[int, int], border: bool, depth: int) -> None:
    shape, centre = (20, 30), place
    frame = label_frame((depth, *shape) if depth else shape, [(4, *centre) if depth else centre])
    assert detect_frame(0, frame).border.tolist() == [border]


def test_contrast_is_that_of_each_region_or_not_measured() -> None:
    frame = label_frame((20, 30), {3: (10, 8), 9: (10, 20)})
    assert detect_frame(0, frame, np.array([1.5, -2.0])).contrast.tolist() == [1.5, -2.0]
    assert np.isnan(detect_frame(0, frame).contrast).all()
    # A frame without background has no contrasts to give.
    assert np.isnan(detect_frame(0, frame, np.empty(0)).contrast).all()


def test_a_region_may_be_in_several_parts() -> None:
    frame = np.zeros((9, 9), int)
    frame[0, 0] = frame[8, 8] = 2
    rows = detect_frame(0, frame)
    assert (rows.size.tolist(), rows.y.tolist(), rows.y1.tolist()) == ([2], [4.0], [9])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint32"])
def test_labels_of_any_integer_type_are_found(dtype: str) -> None:
    assert detect_frame(0, label_frame((20, 20), {9: (10, 10)}).astype(dtype)).label.tolist() == [9]


def test_a_frame_without_background_is_all_regions() -> None:
    assert detect_frame(0, np.array([[5, 5, 8]])).size.tolist() == [2, 1]


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 8)])
def test_an_empty_frame_has_no_rows(shape: tuple[int, ...]) -> None:
    assert len(detect_frame(0, np.zeros(shape, np.uint16))) == 0
