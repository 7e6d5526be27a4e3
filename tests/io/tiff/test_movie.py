"""Movies in folders of TIFF files: windows of them, whoever wrote them, and damaged ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes.bad_inputs import truncate
from scenes.zarr_movies import write_ours

from sam4ct.errors import SequenceError
from sam4ct.io.movie import open_volumes, refuse_unlike
from sam4ct.io.ome_zarr.movie import ZarrVolumes
from sam4ct.io.tiff import read_frame
from sam4ct.io.tiff import windows as tiff_windows
from sam4ct.io.tiff.movie import TiffVolumes
from sam4ct.io.tiff.spacing import encode_stack

MOVIE = np.random.default_rng(0).integers(1, 999, (2, 5, 90, 70)).astype(np.uint16)
WRITERS: dict[str, dict[str, object]] = {
    "plain": {},
    "big-endian": {"byteorder": ">"},
    "strips": {"compression": "zlib", "rowsperstrip": 16, "predictor": True},
    "one strip": {"compression": "lzw"},
    "uncompressed strips": {"rowsperstrip": 16, "contiguous": False},
    "tiles": {"compression": "zlib", "tile": (32, 16)},
    "uncompressed tiles": {"tile": (32, 16), "byteorder": ">"},
    "tiles in space": {"compression": "zlib", "tile": (2, 32, 32)},
    "ImageJ": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "OME": {"ome": True, "compression": "zlib", "metadata": {"axes": "ZYX"}},
}


def write(folder: Path, movie: np.ndarray = MOVIE, **how: object) -> Path:
    folder.mkdir(parents=True)
    for t, frame in enumerate(movie):
        tifffile.imwrite(folder / f"t{t:03d}.tif", frame, photometric="minisblack", **how)
    return folder


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TiffVolumes]:
    root = tmp_path_factory.mktemp("tiff")
    return {name: TiffVolumes(write(root / name, **how)) for name, how in WRITERS.items()}


@pytest.mark.parametrize("writer", WRITERS)
def test_movie_is_what_was_written(movies: dict[str, TiffVolumes], writer: str) -> None:
    movie = movies[writer]
    assert (movie.frames, movie.shape, movie.dtype) == (2, MOVIE.shape[1:], MOVIE.dtype)
    for t in range(2):
        np.testing.assert_array_equal(movie.frame(t), MOVIE[t])
    assert movie.frame(0).dtype.isnative


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=15)
@given(data=st.data())
def test_window_is_that_part_of_the_frame(
    movies: dict[str, TiffVolumes], writer: str, data: st.DataObject
) -> None:
    t = data.draw(st.integers(0, 1))
    bounds = [data.draw(st.tuples(*[st.integers(0, n + 2)] * 2)) for n in MOVIE.shape[1:]]
    window = [slice(a, b) for a, b in bounds]
    np.testing.assert_array_equal(movies[writer].window(t, window), MOVIE[t][tuple(window)])


@pytest.mark.parametrize("writer", ["plain", "strips", "tiles"])
def test_images_are_movies_too(tmp_path: Path, writer: str) -> None:
    movie = TiffVolumes(write(tmp_path / "01", MOVIE[:, 0], **WRITERS[writer]))
    assert movie.shape == MOVIE.shape[2:]
    part = (slice(3, 50), slice(20, 60))
    np.testing.assert_array_equal(movie.window(1, part), MOVIE[1, 0][part])


@pytest.mark.parametrize("how", [{}, {"tile": (32, 32)}, {"rowsperstrip": 16}])
def test_jpeg_is_read_by_window(tmp_path: Path, how: dict[str, object]) -> None:
    folder = write(tmp_path / "01", MOVIE.astype(np.uint8), compression="jpeg", **how)
    window = (slice(1, 4), slice(10, 60), slice(20, 50))
    expected = read_frame(folder / "t001.tif")[window]
    np.testing.assert_array_equal(TiffVolumes(folder).window(1, window), expected)


@pytest.mark.parametrize(("writer", "most"), [("strips", 2), ("tiles", 4), ("one strip", 1)])
def test_only_the_pieces_under_the_window_are_decoded(
    movies: dict[str, TiffVolumes], writer: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces, decoded = tiff_windows._pieces, []

    def counted(*args: object) -> list[int]:
        found = list(pieces(*args))
        decoded.append(len(found))
        return found

    monkeypatch.setattr(tiff_windows, "_pieces", counted)
    window = (slice(1, 3), slice(30, 34), slice(14, 18))
    np.testing.assert_array_equal(movies[writer].window(0, window), MOVIE[0][window])
    assert decoded == [most, most]


def test_empty_tiles_hold_nothing(tmp_path: Path) -> None:
    """Writers of sparse files leave tiles out."""
    frame = np.zeros((2, 64, 64), np.uint16)
    frame[0, 3, 3], frame[1, 40:, 40:] = 5, 9
    (tmp_path / "01").mkdir()
    tiles = (
        tile.tobytes() if tile.any() else b""
        for plane in frame
        for tile in plane.reshape(2, 32, 2, 32).swapaxes(1, 2).reshape(4, 32, 32)
    )
    tifffile.imwrite(
        tmp_path / "01" / "t000.tif",
        tiles,
        shape=frame.shape,
        dtype=frame.dtype,
        tile=(32, 32),
        photometric="minisblack",
    )
    np.testing.assert_array_equal(TiffVolumes(tmp_path / "01").frame(0), frame)


def test_spacing_is_that_of_the_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "01")
    assert TiffVolumes(folder).spacing_um == (1.0, 1.0, 1.0)
    (folder / "t000.tif").write_bytes(encode_stack(MOVIE[0], (2.0, 0.5, 0.25)))
    assert TiffVolumes(folder).spacing_um == pytest.approx((2.0, 0.5, 0.25))


# Which movie


def test_movie_is_found_in_either_form(tmp_path: Path) -> None:
    write_ours(tmp_path / "01.zarr", MOVIE)
    for path in (tmp_path / "01.zarr", tmp_path / "01"):
        movie = open_volumes(path)
        assert isinstance(movie, ZarrVolumes)
        np.testing.assert_array_equal(movie.frame(1), MOVIE[1])
    write(tmp_path / "01")
    assert isinstance(open_volumes(tmp_path / "01"), TiffVolumes)
    assert isinstance(open_volumes(tmp_path / "01.zarr"), ZarrVolumes)


def test_missing_movie_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match=r"01: cannot be listed"):
        open_volumes(tmp_path / "01")
    with pytest.raises(SequenceError, match=r"01\.zarr: there is no such folder"):
        open_volumes(tmp_path / "01.zarr")


# Damage


def save(folder: Path, frame: np.ndarray, name: str = "t001.tif") -> None:
    tifffile.imwrite(folder / name, frame, photometric="minisblack")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no frames": (lambda f: [p.unlink() for p in f.iterdir()], r"01: holds no frames"),
    "missing frame": (lambda f: (f / "t000.tif").unlink(), r"01: t000\.tif missing"),
    "another format": (
        lambda f: [p.rename(p.with_suffix(".png")) for p in f.iterdir()],
        r"t000\.png \(and \d more\): the format PNG is not read here",
    ),
    "other files": (lambda f: (f / "a.txt").write_text(""), r"a\.txt: is not a frame"),
    "cut off": (lambda f: truncate(f / "t001.tif", 0.6), r"t001\.tif: .*(damaged|only the start)"),
    "empty": (lambda f: (f / "t001.tif").write_bytes(b""), r"t001\.tif: the file is empty"),
    "other shape": (
        lambda f: save(f, MOVIE[1, :4]),
        r"t001\.tif: is uint16 of shape \(4, 90, 70\), but t000\.tif .*number of slices differs",
    ),
    "other type": (lambda f: save(f, MOVIE[1].astype(np.uint8)), r"t001\.tif: is uint8 .*one type"),
    "yes or no": (lambda f: save(f, MOVIE[1] > 9, "t000.tif"), r"t000\.tif: has the type bool"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_named_with_its_place(kind: str, tmp_path: Path) -> None:
    damage, message = DAMAGES[kind]
    damage(folder := write(tmp_path / "01", compression="zlib"))
    with pytest.raises(SequenceError, match=message):
        TiffVolumes(folder).frame(1)


@pytest.mark.parametrize("kind", ["cut off", "empty", "other shape", "other type"])
def test_headers_of_all_frames_are_looked_at_when_asked_for(kind: str, tmp_path: Path) -> None:
    movie = open_volumes(folder := write(tmp_path / "01", compression="zlib"))
    refuse_unlike(movie)
    damage, message = DAMAGES[kind]
    damage(folder)
    with pytest.raises(SequenceError, match=message):
        refuse_unlike(movie)


@pytest.mark.parametrize("writer", ["plain", "strips", "tiles", "tiles in space"])
def test_damage_that_comes_later_is_named_too(tmp_path: Path, writer: str) -> None:
    movie = TiffVolumes(write(folder := tmp_path / "01", **WRITERS[writer]))
    movie.frame(1)
    truncate(folder / "t001.tif", 0.3)
    with pytest.raises(SequenceError, match=r"t001\.tif: "):
        movie.frame(1)


def test_scrambled_bytes_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "01", compression="zlib", rowsperstrip=16)
    with tifffile.TiffFile(folder / "t001.tif") as tif:
        start = tif.pages[3].dataoffsets[1]
    with (folder / "t001.tif").open("r+b") as file:
        file.seek(start)
        file.write(bytes(40))
    window = [slice(3, 4), slice(20, 24), slice(0, 5)]
    with pytest.raises(SequenceError, match=r"t001\.tif: cannot be read"):
        TiffVolumes(folder).window(1, window)


@pytest.mark.parametrize("window", [(2, [slice(None)] * 3), (-1, [slice(None)] * 3), (0, [])])
def test_window_outside_the_movie_is_our_own_mistake(
    movies: dict[str, TiffVolumes], window: tuple[int, list[slice]]
) -> None:
    with pytest.raises(ValueError, match="of 2 frames of"):
        movies["plain"].window(*window)
