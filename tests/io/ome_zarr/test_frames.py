"""Movies of one Zarr array a frame: windows of them, in all their forms, and bad ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes.zarr_movies import (
    CHUNKS,
    MOVIE,
    SPACING,
    write_array,
    write_folder,
    write_group,
    write_image,
)

from sam4ct.errors import SequenceError
from sam4ct.io.movie import open_volumes
from sam4ct.io.ome_zarr.array import EVERY_CHUNK
from sam4ct.io.ome_zarr.movie import ZarrFrames, ZarrVolumes


def write_folder_of_arrays(path: Path) -> Path:
    for t, frame in enumerate(MOVIE):
        write_array(path / f"t{t:04d}.ome.zarr", frame, 2, dtype=">u2")
    return path


def write_group_of_images(path: Path) -> Path:
    zarr.create_group(path, zarr_format=2)
    zarr.create_group(path / "OME", zarr_format=2)
    for t, frame in enumerate(MOVIE):
        write_image(path / f"t{t:03d}", frame[None, None], "tczyx", 2)
    return path


FORMS: dict[str, Callable[[Path], Path]] = {
    "01": write_folder,
    "02": write_folder_of_arrays,
    "03.zarr": write_group,
    "04.zarr": lambda path: write_group(path, version=2),
    "05.zarr": write_group_of_images,
    "06.zarr": write_folder,
}
OME = ("01", "05.zarr", "06.zarr")


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ZarrFrames | ZarrVolumes]:
    root = tmp_path_factory.mktemp("frames")
    return {name: open_volumes(write(root / name)) for name, write in FORMS.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "01")


def frame_file(folder: Path, t: int, *parts: str) -> Path:
    return folder.joinpath(f"t{t:03d}.zarr", *parts)


@pytest.mark.parametrize("form", FORMS)
def test_movie_is_what_was_written(movies: dict[str, ZarrFrames], form: str) -> None:
    movie = movies[form]
    assert isinstance(movie, ZarrFrames)
    assert (movie.frames, movie.shape, movie.dtype) == (3, (6, 20, 30), np.uint16)
    assert movie.piece == CHUNKS
    assert movie.spacing_um == (SPACING if form in OME else (1.0, 1.0, 1.0))
    for t in range(3):
        np.testing.assert_array_equal(movie.frame(t), MOVIE[t])
    assert movie.frame(0).dtype.isnative


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15)
@given(data=st.data())
def test_window_is_that_part_of_the_frame(
    movies: dict[str, ZarrFrames], form: str, data: st.DataObject
) -> None:
    t = data.draw(st.integers(0, 2))
    bounds = [data.draw(st.tuples(*[st.integers(0, n + 2)] * 2)) for n in MOVIE.shape[1:]]
    window = [slice(a, b) for a, b in bounds]
    np.testing.assert_array_equal(movies[form].window(t, window), MOVIE[t][tuple(window)])


def test_frames_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    movie = np.arange(1, 13, dtype=np.uint8)[:, None, None, None] * np.ones((2, 3, 4), np.uint8)
    frames = ZarrFrames(write_group(tmp_path / "a.zarr", movie))
    assert [int(frames.frame(t)[0, 0, 0]) for t in range(12)] == list(range(1, 13))


@pytest.mark.parametrize(
    ("name", "digits"), [("{}", 1), ("t{:03d}", 3), ("{:04d}", 4), ("t{:03d}.zarr", 3)]
)
def test_digits_are_those_of_the_names(tmp_path: Path, name: str, digits: int) -> None:
    assert ZarrFrames(write_group(tmp_path / "a.zarr", name=name)).digits == digits


@pytest.mark.parametrize("bare", [False, True])
def test_images_over_time_are_a_movie_too(tmp_path: Path, bare: bool) -> None:
    for t, frame in enumerate(MOVIE[:, 0]):
        path = tmp_path / "01" / f"t{t:03d}.zarr"
        write_array(path, frame) if bare else write_image(path, frame, "yx")
    movie = open_volumes(tmp_path / "01")
    assert movie.shape == (20, 30)
    np.testing.assert_array_equal(movie.window(1, [slice(3, 9), slice(4)]), MOVIE[1, 0, 3:9, :4])


@pytest.mark.parametrize("axes", [1, 2])
def test_leading_axes_of_length_one_are_dropped_from_bare_arrays(tmp_path: Path, axes: int) -> None:
    write_group(tmp_path / "a.zarr", MOVIE.reshape(3, *(1,) * axes, 6, 20, 30))
    np.testing.assert_array_equal(open_volumes(tmp_path / "a.zarr").frame(2), MOVIE[2])


def test_names_of_axes_in_bare_arrays_count(tmp_path: Path) -> None:
    path = tmp_path / "01"
    write_array(path / "t000.zarr", MOVIE[0, :, :, None], dimension_names=("Z", "Y", "C", "X"))
    assert open_volumes(path).shape == (6, 20, 30)
    write_array(path / "t001.zarr", MOVIE[1], dimension_names=("x", "y", "z"))
    with pytest.raises(SequenceError, match=r"t001\.zarr: the array has the axes x, y, z of"):
        open_volumes(path)


def test_only_the_chunks_under_the_window_are_read(tmp_path: Path) -> None:
    path = tmp_path / "01"
    write_image(path / "t000.zarr", MOVIE[0], **{EVERY_CHUNK: True})
    write_image(path / "t001.zarr", MOVIE[1], **{EVERY_CHUNK: True})
    kept = {frame_file(path, 1, "s0", "c", "0", "1", x) for x in "01"}
    for file in frame_file(path, 1, "s0", "c").rglob("*"):
        if file.is_file() and file not in kept:
            file.unlink()
    movie, window = open_volumes(path), (slice(0, 4), slice(8, 16), slice(0, 30))
    np.testing.assert_array_equal(movie.window(1, window), MOVIE[1][window])
    with pytest.raises(SequenceError, match=r"t001\.zarr/s0/c/0/0/0: this chunk .* is missing"):
        movie.frame(1)


def test_absent_chunk_of_others_has_the_fill_value(folder: Path) -> None:
    frame_file(folder, 1, "s0", "c", "0", "0", "0").unlink()
    assert not ZarrFrames(folder).frame(1)[:4, :8, :16].any()


# Which movie


def test_tiff_files_come_first_then_zarr_frames_then_the_zarr_beside(tmp_path: Path) -> None:
    write_group(tmp_path / "01.zarr", MOVIE[:2])
    assert open_volumes(tmp_path / "01").frames == 2
    (tmp_path / "01").mkdir()
    assert open_volumes(tmp_path / "01").frames == 2
    write_folder(tmp_path / "01")
    assert open_volumes(tmp_path / "01").frames == 3
    (tmp_path / "01" / "t000.tif").touch()
    with pytest.raises(
        SequenceError, match=r"t000\.zarr \(and 2 more\): is not a frame\. Only t000\.tif"
    ):
        open_volumes(tmp_path / "01")


def test_group_that_is_an_image_is_one_movie(tmp_path: Path) -> None:
    """Its resolutions have numbers for names, too."""
    write_image(tmp_path / "a.zarr", MOVIE, "tzyx")
    write_array(tmp_path / "a.zarr" / "1", MOVIE[:, ::2])
    movie = open_volumes(tmp_path / "a.zarr")
    assert isinstance(movie, ZarrVolumes)
    assert movie.frames == 3


def test_group_without_frames_is_no_movie(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "a.zarr").create_group("notes")
    with pytest.raises(SequenceError, match=r"a\.zarr: has no OME-Zarr metadata"):
        open_volumes(tmp_path / "a.zarr")


# Damage


def other(t: int, frame: np.ndarray, axes: str = "zyx") -> Callable[[Path], object]:
    def replace(folder: Path) -> None:
        shutil.rmtree(frame_file(folder, t))
        write_image(frame_file(folder, t), frame, axes)

    return replace


def rename(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / old).rename(folder / new)


def without_shape(folder: Path) -> None:
    file = frame_file(folder, 1, "s0", "zarr.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": None}))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "other shape": (
        other(1, MOVIE[1, :4]),
        r"01/t001\.zarr: is uint16 of shape \(4, 20, 30\), but t000\.zarr is uint16 of shape"
        r" \(6, 20, 30\)\. Only the number of slices differs",
    ),
    "plane among volumes": (
        other(2, MOVIE[2, :1]),
        r"t002\.zarr: is uint16 of shape \(20, 30\), .*One is a plane, the other a volume",
    ),
    "other order": (
        other(2, MOVIE[2].transpose(2, 1, 0)),
        r"t002\.zarr: .*shape \(30, 20, 6\), .*in the order \(x, y, z\)",
    ),
    "other type": (
        other(2, MOVIE[2].astype(np.float32)),
        r"t002\.zarr: is float32 .* t000\.zarr is uint16 .*Save all frames with one type",
    ),
    "yes or no": (other(2, MOVIE[2] > 9), r"t002\.zarr/s0: has the type bool"),
    "channels": (
        other(2, np.stack([MOVIE[2]] * 2), "czyx"),
        r"t002\.zarr: the array has the axes c, z, y, x .*frames with the axes \[z,\] y, x\."
        r" It has 2 channels: save one alone",
    ),
    "several times": (
        other(0, MOVIE, "tzyx"),
        r"t000\.zarr: the array has the axes t, z, y, x .*If this is the whole movie, give it",
    ),
    "missing frame": (
        lambda f: shutil.rmtree(frame_file(f, 1)),
        r"01: t001\.zarr missing\. Add these frames, or renumber from 0",
    ),
    "missing first frame": (lambda f: shutil.rmtree(frame_file(f, 0)), r"01: t000\.zarr missing"),
    "frame twice": (rename("t002.zarr", "t1.zarr"), r"t1\.zarr: is frame 1, as is t001\.zarr"),
    "other name": (
        rename("t002.zarr", "cells.zarr"),
        r"cells\.zarr: is not a frame\. Move it away",
    ),
    "other file": (lambda f: (f / "a.txt").touch(), r"01/a\.txt: is not a frame"),
    "file for a frame": (
        lambda f: (shutil.rmtree(frame_file(f, 2)), frame_file(f, 2).touch()),
        r"t002\.zarr: is not a Zarr folder",
    ),
    "no metadata": (
        lambda f: frame_file(f, 1, "zarr.json").unlink(),
        r"t001\.zarr: is not a Zarr folder",
    ),
    "metadata cut off": (
        lambda f: frame_file(f, 1, "zarr.json").write_text('{"zarr_format": 3, "no'),
        r"t001\.zarr: cannot be read",
    ),
    "group without image": (
        lambda f: zarr.open_group(frame_file(f, 1)).attrs.put({}),
        r"t001\.zarr: has no OME-Zarr metadata",
    ),
    "array with damaged metadata": (
        without_shape,
        r"t001\.zarr/s0: the array or its metadata are missing|t001\.zarr/s0: cannot be read",
    ),
    "missing array": (
        lambda f: shutil.rmtree(frame_file(f, 1, "s0")),
        r"t001\.zarr/s0: the array or its metadata are missing",
    ),
    "no chunks": (
        lambda f: shutil.rmtree(frame_file(f, 1, "s0", "c")),
        r"t001\.zarr/s0: the array has no chunks",
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_bad_frame_is_named_when_the_movie_is_opened(kind: str, folder: Path) -> None:
    damage, message = DAMAGES[kind]
    damage(folder)
    with pytest.raises(SequenceError, match=message):
        open_volumes(folder)


def test_damaged_chunk_is_told_when_it_is_read(folder: Path) -> None:
    movie = open_volumes(folder)
    frame_file(folder, 1, "s0", "c", "1", "0", "1").write_bytes(b"\x28\xb5")
    movie.frame(0)
    message = r"t001\.zarr/s0/c/1/0/1: this chunk cannot be read .*\. Copy the folder again"
    with pytest.raises(SequenceError, match=message):
        movie.frame(1)


def test_movie_in_a_bare_array_of_a_group_is_told_from_frames(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "a.zarr")
    write_array(tmp_path / "a.zarr" / "0", MOVIE)
    with pytest.raises(
        SequenceError, match=r"a\.zarr/0: the array has the axes t, z, y, x .*whole"
    ):
        open_volumes(tmp_path / "a.zarr")


def test_gaps_and_strangers_in_a_group_are_refused(tmp_path: Path) -> None:
    path = write_group(tmp_path / "a.zarr")
    (path / "notes.txt").touch()
    (path / "1").rename(path / "4")
    with pytest.raises(SequenceError, match=r"a\.zarr: 1, 3 missing\. Add these frames"):
        open_volumes(path)
    (path / "4").rename(path / "1")
    assert open_volumes(path).frames == 3
    (path / "projection").mkdir()
    with pytest.raises(SequenceError, match=r"projection: is not a frame"):
        open_volumes(path)
