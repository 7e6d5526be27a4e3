"""Painted mask frames: the bytes of whole frames, however they are painted, or no file at all."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sam4ct.errors import WorkError
from sam4ct.io.ctc.painted_frames import VolumeFrames
from sam4ct.io.tiff import paint as tiff_regions
from sam4ct.io.tiff.frame import encode_frame, read_frame
from sam4ct.io.tiff.paint import write_regions
from sam4ct.regions import Region, regions_of
from sam4ct.types import RegionWriter

SHAPE = (4, 24, 40)
CUBE = np.ones((2, 3, 3), bool)
CELLS = {3: Region(CUBE, (0, 0, 0)), 7: Region(CUBE, (2, 21, 37))}


def sparse(shape: tuple[int, ...]) -> np.ndarray:
    """Labels in a corner of the first plane, and across the middle of the last one."""
    labels = np.zeros(shape, np.uint16)
    first, last = labels.reshape(-1, *shape[-2:])[[0, -1]]
    first[:3, :4], last[shape[-2] // 2 :, 5:9], last[-1, -3:] = 65535, 2, 1
    labels.reshape(-1, *shape[-2:])[[0, -1]] = first, last
    return labels


@pytest.fixture
def frames(tmp_path: Path) -> VolumeFrames:
    return VolumeFrames(tmp_path / "masks", SHAPE)


# A strip has 131072 pixels: less than a plane, as many rows as divide it or not, less than a row.
@pytest.mark.parametrize(
    "shape", [(24, 40), (700, 400), SHAPE, (1, 5, 14), (3, 700, 400), (2, 512, 512), (2, 3, 140000)]
)
def test_bytes_are_those_of_the_whole_frame(tmp_path: Path, shape: tuple[int, ...]) -> None:
    labels = sparse(shape)
    write_regions(tmp_path / "f.tif", regions_of(labels), shape)
    assert (tmp_path / "f.tif").read_bytes() == bytes(encode_frame(labels))


@given(
    hnp.arrays(
        np.uint16,
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=8),
        elements=st.integers(0, 4),
    )
)
def test_boxes_of_regions_may_overlap(
    tmp_path_factory: pytest.TempPathFactory, labels: np.ndarray
) -> None:
    path = tmp_path_factory.getbasetemp() / "f.tif"
    write_regions(path, regions_of(labels), labels.shape)
    assert path.read_bytes() == bytes(encode_frame(labels))


def test_frame_without_cells_is_empty(frames: VolumeFrames) -> None:
    frames.write(0, {})
    assert frames.path(0).read_bytes() == bytes(encode_frame(np.zeros(SHAPE, np.uint16)))


def test_order_of_the_regions_does_not_matter(frames: VolumeFrames) -> None:
    frames.write(0, CELLS)
    frames.write(1, dict(reversed(CELLS.items())))
    assert frames.path(0).read_bytes() == frames.path(1).read_bytes()


def test_more_than_a_tiff_can_hold_becomes_a_big_one(
    frames: VolumeFrames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sam4ct.io.tiff.frame.TIFF_BYTES", 2 * np.prod(SHAPE) - 1)
    frames.write(0, CELLS)
    with tifffile.TiffFile(frames.path(0)) as tif:
        assert tif.is_bigtiff
        assert np.unique(tif.asarray()).tolist() == [0, 3, 7]


def test_strips_without_cells_are_encoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded, heights = tiff_regions._encoded, []

    def counted(strip: np.ndarray) -> bytes:
        heights.append(len(strip))
        return encoded(strip)

    monkeypatch.setattr(tiff_regions, "_encoded", counted)
    write_regions(tmp_path / "f.tif", CELLS, (9, 1000, 400))
    # Four strips a plane, empty ones of two heights; each cell is in one strip of two planes.
    assert sorted(heights) == [19, 327, 327, 327, 327, 327]


def test_memory_is_that_of_a_strip(tmp_path: Path) -> None:
    shape = (8, 2048, 2048)
    ball = {label: Region(np.ones((8, 64, 64), bool), (0, 70 * label, 0)) for label in range(1, 20)}
    tracemalloc.start()
    try:
        VolumeFrames(tmp_path, shape).write(0, ball)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.25 * np.prod(shape[1:]) * 2  # bytes of a plane: 8 MB


@pytest.mark.parametrize(
    ("label", "region", "problem"),
    [
        (9, Region(CUBE, (1, 2, 2)), "label 9 is painted over label 3"),
        (9, Region(CUBE, (3, 9, 9)), r"label 9 at \(3, 9, 9\) is not in a frame of \(4, 24, 40\)"),
        (9, Region(CUBE, (0, -1, 9)), r"label 9 at \(0, -1, 9\) is not in a frame"),
        (9, Region(CUBE[0], (0, 0)), r"label 9 at \(0, 0\) is not in a frame"),
        (9, Region(~CUBE, (0, 9, 9)), "label 9 has no pixels"),
        (0, Region(CUBE, (0, 9, 9)), "label 0 is not one of 1 to 65535"),
        (65536, Region(CUBE, (0, 9, 9)), "label 65536 is not one of"),
    ],
)
def test_what_cannot_be_painted_is_our_fault_and_leaves_no_file(
    frames: VolumeFrames, label: int, region: Region, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        frames.write(0, {**CELLS, label: region})
    assert not frames.has(0)
    assert not list(frames.folder.glob("*"))


def test_frame_is_there_once_it_is_painted(frames: VolumeFrames) -> None:
    writer: RegionWriter = frames
    assert not frames.has(5)
    writer.write(5, CELLS)
    assert frames.has(5)
    assert not frames.has(4)
    assert [path.name for path in frames.folder.iterdir()] == ["mask005.tif"]


def test_frame_numbers_are_as_wide_as_asked(tmp_path: Path) -> None:
    assert VolumeFrames(tmp_path, SHAPE, 4).path(7) == tmp_path / "mask0007.tif"


def test_frame_that_is_painted_again_is_replaced(frames: VolumeFrames) -> None:
    frames.write(0, CELLS)
    frames.write(0, {1: CELLS[3]})
    assert np.unique(read_frame(frames.path(0))).tolist() == [0, 1]


def test_full_disk_is_told_and_leaves_no_file(
    frames: VolumeFrames, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WorkError, match=r"mask000\.tif: No space left.* Free some space"):
        frames.write(0, CELLS)
    assert not list(frames.folder.iterdir())
