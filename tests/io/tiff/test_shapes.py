"""A frame of another shape: the likely reason, and the remedy that goes with it."""

from __future__ import annotations

import pytest

from sam4ct.io.tiff.shapes import remedy_for_shape

VOLUME = (35, 512, 708)


@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((512, 708, 35), "(y, x, z)"),
        ((708, 512, 35), "(x, y, z)"),
        ((35, 708, 512), "(z, x, y)"),
        ((512, 35, 708), "(y, z, x)"),
    ],
)
def test_axes_in_another_order_are_recognised(shape: tuple[int, ...], order: str) -> None:
    assert f"axes seem to be in the order {order}" in remedy_for_shape(shape, VOLUME)


def test_of_a_square_volume_the_plane_is_taken_for_unturned() -> None:
    assert "order (y, x, z)" in remedy_for_shape((64, 64, 12), (12, 64, 64))


def test_turned_plane_is_recognised() -> None:
    message = remedy_for_shape((708, 512), (512, 708))
    assert message.endswith("order (x, y). Save all images and masks in the order (y, x).")


def test_other_number_of_slices_is_recognised() -> None:
    assert "Only the number of slices differs" in remedy_for_shape((34, 512, 708), VOLUME)


def test_other_number_of_rows_is_not_taken_for_slices() -> None:
    assert remedy_for_shape((511, 708), (512, 708)).startswith("Crop or export")


@pytest.mark.parametrize("shapes", [(VOLUME, VOLUME[1:]), (VOLUME[1:], VOLUME)])
def test_plane_among_volumes_is_recognised(shapes: tuple[tuple[int, ...], ...]) -> None:
    message = remedy_for_shape(*shapes)
    assert message.startswith("One is a plane, the other a volume")
    assert "channels" not in message


def test_few_planes_may_be_channels() -> None:
    for count in range(2, 7):
        message = remedy_for_shape((count, 512, 708), (512, 708))
        assert f"if its {count} planes are channels, save one of them alone" in message


def test_shapes_with_nothing_in_common_are_just_different() -> None:
    assert remedy_for_shape((9, 8, 7), VOLUME).startswith("Crop or export")
