"""Files that are no frames: the message says what they are and how to get frames from them."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.bad_inputs import FRAMES, image, label_frame, make_dataset, mask
from scenes.refusals import check_all, refusal

from sam4ct.errors import SequenceError
from sam4ct.io.ctc.sequence import find_sequences
from sam4ct.io.files.names import frame_files
from sam4ct.io.movie import open_volumes
from sam4ct.pipelines.tools.convert import movie_files

GUIDE = "sam4ct import IMAGES MASKS NEW_DATASET"
SHAPES = [(16, 20), (6, 16, 20)]


def replaced(folder: Path, *names: str) -> Path:
    """Put empty files of other names in place of all frames."""
    shutil.rmtree(folder)
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return folder


FORMATS = {
    "movie.nd2": "ND2",
    "movie.CZI": "CZI",
    "movie.avi": "AVI",
    "movie.h5": "HDF5",
    "movie.npy": "NumPy",
    "img_001.png": "PNG",
}


@pytest.mark.parametrize(("name", "kind"), FORMATS.items())
@pytest.mark.parametrize("folder", ["01", "01_ERR_SEG"])
def test_other_formats_are_named_with_what_is_wanted_and_how(
    tmp_path: Path, name: str, kind: str, folder: str
) -> None:
    dataset = make_dataset(tmp_path)
    path = replaced(dataset / folder, name) / name
    message = refusal(dataset)
    wanted = "t000.tif" if folder == "01" else "mask000.tif"
    assert message.startswith(
        f"{path}: the format {kind} is not read here. Save one single-channel"
    )
    assert wanted in message
    assert GUIDE in message
    assert not re.search(r"\b[Nn]ame", message)


def test_files_of_one_format_are_one_message(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    replaced(dataset / "01", "img_001.png", "img_001_cp_masks.png", "img_002.png", "notes.txt")
    message = refusal(dataset)
    assert "img_001.png (and 2 more): the format PNG" in message
    assert "notes.txt: is not a frame. Put the frames t000.tif" in message
    assert "holds no frames" not in message


@pytest.mark.parametrize("shape", SHAPES)
def test_preview_beside_frames_is_to_be_moved_not_converted(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    dataset = make_dataset(tmp_path, shape)
    (dataset / "01" / "preview.png").touch()
    message = refusal(dataset)
    assert "preview.png: is not a frame" in message
    assert "Move other files away" in message
    assert "Save" not in message


@pytest.mark.parametrize("header", [{}, {"imagej": True, "metadata": {"axes": "TYX"}}])
def test_stack_of_another_name_is_never_to_be_named_as_one_frame_of_a_movie(
    tmp_path: Path, header: dict[str, object]
) -> None:
    dataset = make_dataset(tmp_path)
    path = replaced(dataset / "01") / "movie.tif"
    stack = np.stack([label_frame(t) for t in range(FRAMES)])
    tifffile.imwrite(path, stack, photometric="minisblack", **header)
    message = refusal(dataset)
    assert f"{FRAMES} planes" in message
    assert "save one" in message.lower()
    assert GUIDE in message
    assert ("rename the volumes so" in message) == (not header)


def test_single_frames_of_other_names_are_to_be_renamed(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    for t in range(FRAMES):
        mask(dataset, t).rename(dataset / "01_ERR_SEG" / f"man_seg{t:03d}.tif")
    message = refusal(dataset)
    assert (
        "man_seg000.tif (and 3 more): is not named as a frame. Rename the frames mask000.tif"
        in (message)
    )


@pytest.mark.parametrize("name", ["movie.tif", "movie.nd2"])
@pytest.mark.parametrize("read", [find_sequences, open_volumes, movie_files])
def test_file_given_for_a_folder_is_told_to_be_one(tmp_path: Path, name: str, read: object) -> None:
    path = tmp_path / name
    path.touch()
    kind = "TIFF" if name.endswith("tif") else "ND2"
    with pytest.raises(SequenceError) as refused:
        read(path)  # type: ignore[operator]
    message = str(refused.value)
    assert message.startswith(
        f"{path}: is a file in format {kind}, not a folder. Save one single-channel"
    )
    assert GUIDE in message


@pytest.mark.parametrize("folder", ["01", "01_ERR_SEG"])
@pytest.mark.parametrize("ending", [".TIF", ".Tif", ".TIFF", ".tiff"])
def test_endings_in_capitals_are_taken(tmp_path: Path, folder: str, ending: str) -> None:
    dataset = make_dataset(tmp_path)
    for path in sorted((dataset / folder).iterdir()):
        path.rename(path.with_suffix(ending))
    check_all(dataset)


def test_two_files_of_one_frame_that_differ_by_case_are_refused(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    shutil.copy(image(dataset, 1), image(dataset, 1).with_suffix(".TIF"))
    message = refusal(dataset)
    assert "is frame 1, as is t001.TIF. Remove one of them." in message


def touched(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return folder


def test_frames_numbered_with_three_digits_may_go_beyond_999(tmp_path: Path) -> None:
    found = frame_files(touched(tmp_path / "01", [f"t{t:03d}.tif" for t in range(1001)]), "t")
    assert list(found.files) == list(range(1001))
    assert not found.problems
    assert (found.digits, found.width) == (3, 4)
    touched(tmp_path / "01_ERR_SEG", [f"mask{t:03d}.tif" for t in range(1001)])
    (sequence,) = find_sequences(tmp_path)
    assert sequence.digits == 4


def test_number_padded_otherwise_than_the_others_is_to_be_renamed(tmp_path: Path) -> None:
    names = [*(f"t{t:03d}.tif" for t in range(4)), "t0004.tif", "t1000.tif"]
    found = frame_files(touched(tmp_path / "01", names), "t")
    (problem,) = found.problems
    assert "t0004.tif: the frame number has 4 digits, not 3. Rename it t004.tif" in problem


def test_dates_are_no_frame_numbers(tmp_path: Path) -> None:
    found = frame_files(touched(tmp_path / "01", ["t000.tif", "t20240131.tif"]), "t")
    (problem,) = found.problems
    assert "t20240131.tif: frame 20240131 is too large a number. Number the frames" in problem
    assert list(found.files) == [0]


def test_folder_that_may_be_listed_but_not_entered_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset(tmp_path)
    (dataset / "01").chmod(0o600)
    may = os.access
    monkeypatch.setattr(  # whom rights do not bind, as root, is asked as anyone else
        os, "access", lambda path, mode: may(path, mode) and bool(os.stat(path).st_mode & 0o100)
    )
    message = refusal(dataset)
    assert message.startswith(f"{dataset / '01'}: cannot be read (Permission denied). Make the")


def test_masks_may_have_more_digits_than_images(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    for t in range(FRAMES):
        mask(dataset, t).rename(dataset / "01_ERR_SEG" / f"mask{t:04d}.tif")
    check_all(dataset)
    (sequence,) = find_sequences(dataset)
    assert sequence.digits == 3


def test_a_named_pipe_in_the_place_of_a_frame_is_named_and_not_opened(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "t000.tif", label_frame(0))
    os.mkfifo(tmp_path / "t001 (1).tif")
    (problem,) = frame_files(tmp_path, "t").problems
    assert "t001 (1).tif: " in problem
