"""Every broken rule of a result folder is found, and the message names the file."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scenes.bad_inputs import FRAMES, SHAPE, image, label_frame, make_dataset, save

from sam4ct.errors import SequenceError
from sam4ct.io.ctc.painted_frames import VolumeFrames
from sam4ct.io.ctc.track_table import write_tracks
from sam4ct.io.ctc.validate import validate_result
from sam4ct.io.tiff import read_frame
from sam4ct.lineage import Track
from sam4ct.regions import Region

VOLUME = (3, *SHAPE)
TRACKS = [Track(1, 0, FRAMES - 1), Track(2, 0, FRAMES - 1)]


def make_result(root: Path, shape: tuple[int, ...] = SHAPE) -> tuple[Path, Path]:
    """Return a valid result folder and the folder of its images."""
    dataset = make_dataset(root, shape)
    result = dataset / "01_RES"
    result.mkdir()
    for t in range(FRAMES):
        save(result / f"mask{t:03d}.tif", label_frame(t, shape))
    write_tracks(result / "res_track.txt", TRACKS)
    return result, dataset / "01"


@pytest.mark.parametrize("shape", [SHAPE, VOLUME])
@pytest.mark.parametrize("with_images", [True, False])
def test_valid_result_has_no_problems(
    tmp_path: Path, shape: tuple[int, ...], with_images: bool
) -> None:
    result, images = make_result(tmp_path, shape)
    assert validate_result(result, images if with_images else None) == []


def relabel(labels: np.ndarray, old: int, new: int) -> np.ndarray:
    return np.where(labels == old, new, labels).astype(labels.dtype)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no tracks": (lambda r: (r / "res_track.txt").unlink(), "res_track.txt: cannot be read"),
    "tracks unreadable": (
        lambda r: (r / "res_track.txt").write_text("1 0\n"),
        "res_track.txt: line 1",
    ),
    "label used twice": (
        lambda r: write_tracks(r / "res_track.txt", [*TRACKS, TRACKS[0]]),
        "res_track.txt: track 1: the label is used twice",
    ),
    "parent overlaps": (
        lambda r: write_tracks(r / "res_track.txt", [TRACKS[0], Track(2, 0, 3, parent=1)]),
        "res_track.txt: track 2: begins at frame 0, but its parent 1 ends at frame 3",
    ),
    "mask missing": (lambda r: (r / "mask002.tif").unlink(), "mask002.tif: is missing"),
    "mask doubled": (
        lambda r: save(r / "mask0002.tif", label_frame(2)),
        "mask002.tif: is frame 2, as is mask0002.tif",
    ),
    "foreign file": (lambda r: (r / "log.txt").write_text(""), "log.txt: is not a frame"),
    "mask truncated": (
        lambda r: (r / "mask001.tif").write_bytes((r / "mask001.tif").read_bytes()[:60]),
        "mask001.tif: is not a TIFF file, or only the start of one",
    ),
    "other type": (
        lambda r: save(r / "mask001.tif", label_frame(1).astype(np.int32)),
        "mask001.tif: has the type int32, not uint16",
    ),
    "other shape": (
        lambda r: save(r / "mask003.tif", label_frame(3)[:-1]),
        "mask003.tif: has the shape (15, 20), not (16, 20)",
    ),
    "label without track": (
        lambda r: save(r / "mask001.tif", relabel(label_frame(1), 0, 7)),
        "mask001.tif: frame 1: label 7 is not in the track table",
    ),
    "gap in a track": (
        lambda r: save(r / "mask001.tif", relabel(label_frame(1), 2, 0)),
        "mask001.tif: frame 1: track 2 has no pixels",
    ),
    "pixels after the end": (
        lambda r: write_tracks(r / "res_track.txt", [TRACKS[0], Track(2, 0, 2)]),
        "mask003.tif: frame 3: label 2 has pixels, but lives in frames 0 to 2",
    ),
}


@pytest.mark.parametrize("with_images", [True, False])
@pytest.mark.parametrize("case", DAMAGES)
def test_broken_rule_is_found(tmp_path: Path, case: str, with_images: bool) -> None:
    result, images = make_result(tmp_path)
    damage, expected = DAMAGES[case]
    damage(result)
    problems = validate_result(result, images if with_images else None)
    assert any(expected in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("with_images", "expected"),
    [(True, "res_track.txt: track 2: ends after the last"), (False, "mask004.tif: is missing")],
)
def test_track_that_outlives_the_sequence_is_found(
    tmp_path: Path, with_images: bool, expected: str
) -> None:
    result, images = make_result(tmp_path)
    write_tracks(result / "res_track.txt", [TRACKS[0], Track(2, 0, FRAMES)])
    (problem,) = validate_result(result, images if with_images else None)
    assert expected in problem


@pytest.mark.parametrize("name", [None, "man_track.txt"])
def test_missing_table_is_the_only_thing_said(tmp_path: Path, name: str | None) -> None:
    result, images = make_result(tmp_path)
    if name is None:
        (result / "res_track.txt").unlink()
    else:
        (result / "res_track.txt").rename(result / name)
    (problem,) = validate_result(result, images)
    said = (
        "res_track.txt: cannot be read" if name is None else "Name that of a result res_track.txt"
    )
    assert said in problem


def test_any_number_may_stand_in_the_table(tmp_path: Path) -> None:
    result, _ = make_result(tmp_path)
    (result / "res_track.txt").write_text(f"1 0 3 0\n2 0 {10**30} 0\n")
    (problem, late) = validate_result(result)
    assert "mask004.tif: is missing" in problem
    assert "track 2: ends after the last frame" in late


def test_mask_without_image_is_found(tmp_path: Path) -> None:
    result, images = make_result(tmp_path)
    image(images.parent, FRAMES - 1).unlink()
    (problem,) = [p for p in validate_result(result, images) if "mask003.tif" in p]
    assert "there is no image of frame 3" in problem


def test_other_width_than_the_images_is_found(tmp_path: Path) -> None:
    result, images = make_result(tmp_path)
    for t in range(FRAMES):
        (result / f"mask{t:03d}.tif").rename(result / f"mask{t:04d}.tif")
    (problem,) = validate_result(result, images)
    assert "01_RES: frame numbers have 4 digits, but those of the images 3" in problem


@pytest.mark.parametrize(
    ("cut", "named"),
    [
        (["t001"], ["t001"]),
        (["mask001"], ["mask001"]),
        (["t001", "mask002"], ["mask002", "t001"]),
        ([f"t{t:03d}" for t in range(FRAMES)], ["mask000"]),
        ([f"mask{t:03d}" for t in range(FRAMES)], ["mask000"]),
    ],
)
def test_files_of_another_shape_than_most_are_named_and_both_sides_if_all_are(
    tmp_path: Path, cut: list[str], named: list[str]
) -> None:
    result, images = make_result(tmp_path)
    for name in cut:
        path = (result if "mask" in name else images) / f"{name}.tif"
        save(path, read_frame(path)[:-1])
    problems = validate_result(result, images)
    assert [Path(problem.partition(":")[0]).stem for problem in problems] == named
    if len(cut) == FRAMES:
        assert f"has the shape {(15, 20) if 'mask' in cut[0] else SHAPE}" in problems[0]
        assert "01/t000.tif has" in problems[0]
        assert validate_result(result) == []


def test_absent_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="01_RES: cannot be listed"):
        validate_result(tmp_path / "01_RES")


def test_memory_is_that_of_a_plane(tmp_path: Path) -> None:
    shape = (8, 2048, 2048)
    cells = {label: Region(np.ones((8, 9, 9), bool), (0, 9 * label, 0)) for label in (1, 2)}
    VolumeFrames(tmp_path, shape).write(0, cells)
    write_tracks(tmp_path / "res_track.txt", [Track(1, 0, 0), Track(2, 0, 0)])
    tracemalloc.start()
    try:
        assert validate_result(tmp_path) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * np.prod(shape) * 2  # bytes of a frame: 67 MB
