"""Label frames: whole numbers of any type; compression with loss is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile

from sam4ct.errors import SequenceError
from sam4ct.io.tiff.label_frames import read_label_frame, read_label_info, read_label_planes

LABELS = np.zeros((3, 32, 40), np.uint16)
LABELS[:, 2:9, 3:12], LABELS[1:, 15:25, 20:33] = 3, 200
PLANE = LABELS[1]
frames = pytest.mark.parametrize("labels", [PLANE, LABELS], ids=["2D", "3D"])


def save(path: Path, labels: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path, labels, photometric="minisblack", **options)
    return path


@frames
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_that_are_whole_numbers_are_labels(
    labels: np.ndarray, dtype: type, tmp_path: Path
) -> None:
    path = save(tmp_path / "mask000.tif", labels.astype(dtype))
    read = read_label_frame(path)
    assert read.dtype.kind == "i"
    np.testing.assert_array_equal(read, labels)
    np.testing.assert_array_equal(np.stack(list(read_label_planes(path))).reshape(read.shape), read)


def test_floats_are_exact_up_to_the_last_number_that_their_type_can_tell(tmp_path: Path) -> None:
    most = np.where(PLANE > 0, np.float32(2**24), 0)
    assert read_label_frame(save(tmp_path / "mask000.tif", most)).max() == 2**24


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, -np.inf, 2.0**25])
def test_floats_that_are_no_labels_are_refused_with_a_value(value: float, tmp_path: Path) -> None:
    path = save(tmp_path / "mask000.tif", np.where(PLANE == 3, np.float32(value), 0))
    with pytest.raises(SequenceError, match=rf"float32 and the value {re.escape(f'{value:g}')}"):
        read_label_frame(path)


LOSSY = [
    ("jpeg", {}),
    ("jpeg2000", {"level": 40}),
    ("jpeg2000", {"reversible": False, "level": 60}),
]


@frames
@pytest.mark.parametrize(("compression", "how"), LOSSY)
def test_masks_compressed_with_loss_are_refused(
    compression: str, how: dict[str, object], labels: np.ndarray, tmp_path: Path
) -> None:
    options = {"compression": compression, "compressionargs": how}
    path = save(tmp_path / "mask000.tif", labels.astype(np.uint8), **options)
    with pytest.raises(SequenceError, match=r"mask000\.tif: is compressed with loss \(JPEG"):
        read_label_info(path)


@frames
@pytest.mark.parametrize(
    ("compression", "how"),
    [
        ("jpeg", {"lossless": True}),
        ("jpeg2000", {"reversible": True}),
        *((name, {}) for name in ("zlib", "lzw", "zstd", "packbits", "png")),
    ],
)
def test_masks_compressed_without_loss_are_read_in_silence(
    compression: str,
    how: dict[str, object],
    labels: np.ndarray,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = {"compression": compression, "compressionargs": how}
    path = save(tmp_path / "mask000.tif", labels.astype(np.uint8), **options)
    np.testing.assert_array_equal(read_label_frame(path), labels)
    assert not caplog.records


def test_compression_that_may_have_lost_something_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for t in range(3):
        path = tmp_path / f"mask{t:03d}.tif"
        read_label_frame(save(path, PLANE.astype(np.uint8), compression="jpegxl"))
    (record,) = caplog.records
    assert "JPEGXL, which may have changed the labels" in record.getMessage()
