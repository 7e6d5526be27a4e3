"""Voxel spacing: read where a file states it in a unit of length, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from sam4ct.errors import SequenceError
from sam4ct.io.tiff.frame import read_frame
from sam4ct.io.tiff.spacing import GIVE_SPACING, encode_stack, spacing_of, warn_of_odd_spacing

VOLUME = np.arange(5 * 8 * 9, dtype=np.uint16).reshape(5, 8, 9)


def imagej(folder: Path, resolution: tuple[float, float] = (5.0, 5.0), **said: Any) -> Path:
    path = folder / "t000.tif"
    metadata = {"axes": "ZYX", **said}
    tifffile.imwrite(path, VOLUME, imagej=True, resolution=resolution, metadata=metadata)
    return path


def ome(folder: Path, **said: Any) -> Path:
    path = folder / "t000.tif"
    tifffile.imwrite(path, VOLUME, ome=True, metadata={"axes": "ZYX", **said})
    return path


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("um", 1.5), ("micron", 1.5), (r"\u00B5m", 1.5), ("nm", 0.0015), ("mm", 1500.0)],
)
def test_a_stack_of_imagej_states_its_spacing(tmp_path: Path, unit: str, expected: float) -> None:
    found = spacing_of(imagej(tmp_path, spacing=1.5, unit=unit))
    assert found == pytest.approx((expected, 0.2 * expected / 1.5, 0.2 * expected / 1.5))


def test_axes_may_differ_in_spacing_and_unit(tmp_path: Path) -> None:
    path = imagej(tmp_path, (4.0, 2.0), spacing=900.0, unit="um", zunit="nm")
    assert spacing_of(path) == pytest.approx((0.9, 0.5, 0.25))


@pytest.mark.parametrize(
    "said",
    [{}, {"spacing": 2.0}, {"unit": "um"}, {"spacing": 2.0, "unit": "pixel"},
     {"spacing": 0.0, "unit": "um"}, {"spacing": "nan", "unit": "um"}],
)  # fmt: skip
def test_a_stack_that_does_not_say_enough_has_no_spacing(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    assert spacing_of(imagej(tmp_path, **said)) is None


def test_ome_states_sizes_in_micrometres_unless_it_names_another_unit(tmp_path: Path) -> None:
    sizes = {"PhysicalSizeX": 0.126, "PhysicalSizeY": 0.127, "PhysicalSizeZ": 500.0}
    found = spacing_of(ome(tmp_path, **sizes, PhysicalSizeZUnit="nm"))
    assert found == pytest.approx((0.5, 0.127, 0.126))


@pytest.mark.parametrize("missing", ["X", "Y", "Z"])
def test_ome_without_one_of_the_sizes_has_no_spacing(tmp_path: Path, missing: str) -> None:
    said = {f"PhysicalSize{axis}": 0.5 for axis in "XYZ" if axis != missing}
    assert spacing_of(ome(tmp_path, **said)) is None


def test_broken_ome_has_no_spacing(tmp_path: Path) -> None:
    path = tmp_path / "t000.tif"
    broken = '<?xml version="1.0"?><OME><Pixels PhysicalSizeX="1"></OME>'
    tifffile.imwrite(path, VOLUME, description=broken, metadata=None)
    assert spacing_of(path) is None


def test_a_plain_file_and_an_image_have_no_spacing(tmp_path: Path) -> None:
    path = tmp_path / "t000.tif"
    tifffile.imwrite(path, VOLUME)
    assert spacing_of(path) is None
    tifffile.imwrite(path, VOLUME[0], imagej=True, resolution=(5, 5), metadata={"unit": "um"})
    assert spacing_of(path) is None


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "t000.tif").write_text("no tiff")
    with pytest.raises(SequenceError, match=r"t000\.tif"):
        spacing_of(tmp_path / "t000.tif")


@pytest.mark.parametrize("spacing", [(2.0, 0.4, 0.4), (1.0, 0.09, 0.09), (6.0, 1.242, 1.5)])
def test_an_encoded_stack_keeps_voxels_and_spacing(
    tmp_path: Path, spacing: tuple[float, float, float]
) -> None:
    path = tmp_path / "t000.tif"
    path.write_bytes(encode_stack(VOLUME, spacing))
    assert spacing_of(path) == pytest.approx(spacing)
    assert np.array_equal(read_frame(path), VOLUME)
    assert bytes(encode_stack(VOLUME, spacing)) == path.read_bytes()


def test_only_volumes_of_16_bit_are_encoded() -> None:
    for frame in (VOLUME[0], VOLUME.astype(np.int32)):
        with pytest.raises(ValueError, match="not 3D uint16"):
            encode_stack(frame, (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("stated", "odd"),
    [
        (None, False),
        ((1.0, 1.0, 1.0), False),
        ((5.0, 0.05, 0.05), False),
        ((5.1, 0.05, 0.05), True),
        ((1e9, 1.0, 1.0), True),
        ((1001.0, 1001.0, 1001.0), True),
        ((0.0009, 0.0009, 0.0009), True),
    ],
)
def test_voxels_that_no_microscope_has_are_warned_of_with_their_size(
    stated: tuple[float, float, float] | None, odd: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_odd_spacing(Path("01/t000.tif"), stated, GIVE_SPACING)
    assert bool(caplog.records) == odd
    if stated is not None and odd:
        said = caplog.records[0].getMessage()
        assert said.startswith(f"01/t000.tif: has voxels of {stated[0]:g} x {stated[1]:g} x")
        assert said.endswith("Add --spacing Z Y X.")
