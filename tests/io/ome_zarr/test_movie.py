"""OME-Zarr movies: windows of them, whoever wrote them, and what is said of damaged ones."""

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
from scenes.zarr_movies import MOVIE, write_ours

from sam4ct.errors import SequenceError
from sam4ct.io.movie import open_volumes
from sam4ct.io.ome_zarr.metadata import ome_metadata, read_ome
from sam4ct.io.ome_zarr.movie import ZarrVolumes


def write_foreign(path: Path, axes: str = "tczyx", movie: np.ndarray = MOVIE[:, None]) -> None:
    """A movie as others write it: Zarr 2, OME-Zarr 0.4, big-endian, its own array name."""
    scale = [1.0] * (len(axes) - 3) + [500.0, 50.0, 50.0]
    units = {axis: {"unit": "nanometer"} for axis in "zyx"}
    image = {
        "version": "0.4",
        "axes": [{"name": axis, "type": "?"} | units.get(axis, {}) for axis in axes],
        "datasets": [
            {"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": scale}]},
            {"path": "s1"},
        ],
        "coordinateTransformations": [{"type": "scale", "scale": [2.0] * len(axes)}],
    }
    group = zarr.create_group(path, zarr_format=2, attributes={"multiscales": [image]})
    group.create_array("s0", shape=movie.shape, chunks=(1, *movie.shape[1:]), dtype=">u2")
    group["s0"][...] = movie


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    write_ours(tmp_path / "01.zarr")
    return tmp_path / "01.zarr"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    write_foreign(tmp_path / "01.zarr")
    return tmp_path / "01.zarr"


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ZarrVolumes]:
    folder = tmp_path_factory.mktemp("zarr")
    write_ours(folder / "ours.zarr")
    write_foreign(folder / "foreign.zarr")
    return {path.stem: ZarrVolumes(path) for path in folder.iterdir()}


writers = pytest.mark.parametrize("writer", ["ours", "foreign"])


@writers
def test_movie_is_what_was_written(movies: dict[str, ZarrVolumes], writer: str) -> None:
    movie = movies[writer]
    assert (movie.frames, movie.shape, movie.dtype) == (3, (6, 20, 30), np.uint16)
    for t in range(3):
        np.testing.assert_array_equal(movie.frame(t), MOVIE[t])
    assert movie.frame(0).dtype.isnative


@writers
@settings(max_examples=30)
@given(data=st.data())
def test_window_is_that_part_of_the_frame(
    movies: dict[str, ZarrVolumes], writer: str, data: st.DataObject
) -> None:
    t = data.draw(st.integers(0, 2))
    bounds = [sorted(data.draw(st.tuples(*[st.integers(0, n + 2)] * 2))) for n in MOVIE.shape[1:]]
    window = [slice(a, b) for a, b in bounds]
    np.testing.assert_array_equal(movies[writer].window(t, window), MOVIE[t][tuple(window)])


@pytest.mark.parametrize(
    ("writer", "spacing"), [("ours", (2.0, 0.5, 0.25)), ("foreign", (1.0, 0.1, 0.1))]
)
def test_spacing_is_in_micrometres(
    movies: dict[str, ZarrVolumes], writer: str, spacing: tuple[float, ...]
) -> None:
    assert movies[writer].spacing_um == pytest.approx(spacing)


def test_spacing_that_nobody_knows_has_no_unit() -> None:
    said = ome_metadata("01", 3, None)
    assert "unit" not in str(said)
    assert read_ome(Path("x"), said).spacing_um == (1.0, 1.0, 1.0)


def test_planes_over_time_are_a_movie_too(tmp_path: Path) -> None:
    write_ours(tmp_path / "2d.zarr", MOVIE[:, 0])
    movie = ZarrVolumes(tmp_path / "2d.zarr")
    assert (movie.shape, movie.spacing_um) == ((20, 30), (1.0, 0.5, 0.25))
    np.testing.assert_array_equal(movie.window(1, [slice(3, 9), slice(4)]), MOVIE[1, 0, 3:9, :4])


def test_volume_of_one_slice_is_a_plane_as_in_tiff(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.zarr", movie=MOVIE[:, None, :1])
    movie = ZarrVolumes(tmp_path / "a.zarr")
    assert movie.shape == (20, 30)
    np.testing.assert_array_equal(movie.frame(2), MOVIE[2, 0])


def test_only_the_chunks_under_the_window_are_read(ours: Path) -> None:
    kept = {ours / "0" / "c" / "1" / "0" / "1" / str(x) for x in (0, 1)}
    for file in (ours / "0" / "c").rglob("*"):
        if file.is_file() and file not in kept:
            file.unlink()
    window = (slice(0, 4), slice(8, 16), slice(0, 30))
    np.testing.assert_array_equal(ZarrVolumes(ours).window(1, window), MOVIE[1][window])


def test_absent_chunk_of_others_has_the_fill_value(foreign: Path) -> None:
    (foreign / "s0" / "1.0.0.0.0").unlink()
    assert not ZarrVolumes(foreign).frame(1).any()


# Damage


def rewrite(file: Path, change: Callable[[dict], None]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def ome_of(path: Path, change: Callable[[dict], None]) -> None:
    rewrite(
        path / "zarr.json", lambda content: change(content["attributes"]["ome"]["multiscales"][0])
    )


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing folder": (shutil.rmtree, r"a\.zarr: there is no such folder"),
    "no Zarr": (lambda p: (p / "zarr.json").unlink(), r"a\.zarr: is not a Zarr folder"),
    "metadata cut off": (
        lambda p: (p / "zarr.json").write_text('{"zarr_format": 3, "no'),
        r"a\.zarr: cannot be read",
    ),
    "metadata empty": (lambda p: (p / "zarr.json").write_text(""), r"a\.zarr: cannot be read"),
    "not OME": (
        lambda p: rewrite(p / "zarr.json", lambda c: c.update(attributes={})),
        r"a\.zarr: has no OME-Zarr metadata",
    ),
    "missing array": (
        lambda p: shutil.rmtree(p / "0"),
        r"a\.zarr/0: the array or its metadata are missing",
    ),
    "array of another name": (
        lambda p: ome_of(p, lambda image: image["datasets"][0].update(path="s0")),
        r"a\.zarr/s0: the array or its metadata are missing",
    ),
    "array without metadata": (
        lambda p: (p / "0" / "zarr.json").unlink(),
        r"a\.zarr/0: the array or its metadata are missing",
    ),
    "array with damaged metadata": (
        lambda p: rewrite(p / "0" / "zarr.json", lambda c: c.pop("shape")),
        r"a\.zarr/0: the array or its metadata are missing",
    ),
    "no chunks": (lambda p: shutil.rmtree(p / "0" / "c"), r"a\.zarr/0: the array has no chunks"),
    "missing chunk": (
        lambda p: (p / "0/c/1/0/2/1").unlink(),
        r"a\.zarr/0/c/1/0/2/1: this chunk of the array is missing",
    ),
    "chunk cut off": (
        lambda p: (p / "0/c/1/0/2/1").write_bytes(b"\x28\xb5"),
        r"a\.zarr/0/c/1/0/2/1: this chunk of frame 1 cannot be read .*\. Copy the folder again",
    ),
    "fewer axes in the metadata": (
        lambda p: ome_of(
            p, lambda image: image.update(axes=image["axes"][1:], datasets=[{"path": "0"}])
        ),
        r"a\.zarr/0: the array has 4 axes, but its metadata name 3 \(z, y, x\)",
    ),
    "time last": (
        lambda p: ome_of(p, lambda image: image.update(axes=image["axes"][::-1])),
        r"has the axes x, y, z, t .*Give a movie with the axes t, \[z,\] y, x",
    ),
    "unknown unit": (
        lambda p: ome_of(p, lambda image: image["axes"][1].update(unit="parsec")),
        r"the axis z has the unit 'parsec'\. Use micrometer",
    ),
    "scale of no size": (
        lambda p: ome_of(
            p,
            lambda image: image["datasets"][0]["coordinateTransformations"][0].update(
                scale=[1, 0, 1, 1]
            ),
        ),
        r"scale is not one positive number an axis",
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_named_with_its_place(kind: str, tmp_path: Path) -> None:
    damage, message = DAMAGES[kind]
    write_ours(path := tmp_path / "a.zarr")
    damage(path)
    with pytest.raises(SequenceError, match=message):
        ZarrVolumes(path).frame(1)


def test_channels_are_refused(tmp_path: Path) -> None:
    write_foreign(path := tmp_path / "a.zarr", movie=np.stack([MOVIE, MOVIE], axis=1))
    with pytest.raises(SequenceError, match=r"axes t, c, z, y, x .*It has 2 channels: save one"):
        ZarrVolumes(path)


def write_series(path: Path, count: int = 1, **attributes: object) -> Path:
    """A folder of images as bioformats2raw writes it: one a series, and one of metadata."""
    layout = {"bioformats2raw.layout": 3}
    group = zarr.create_group(path, zarr_format=2, attributes=attributes or layout)
    group.create_group("OME", attributes={"series": [str(n) for n in range(count)]})
    for n in range(count):
        write_foreign(path / str(n))
    return path


@pytest.mark.parametrize("version", [{}, {"ome": {"bioformats2raw.layout": 3}}])
def test_only_series_of_a_folder_of_bioformats2raw_is_the_movie(
    tmp_path: Path, version: dict[str, object]
) -> None:
    movie = open_volumes(write_series(tmp_path / "01.zarr", **version))
    assert isinstance(movie, ZarrVolumes)
    np.testing.assert_array_equal(movie.frame(2), MOVIE[2])
    assert movie.spacing_um == (1.0, 0.1, 0.1)
    assert open_volumes(tmp_path / "01").frames == len(MOVIE)


@pytest.mark.parametrize("count", [0, 2])
def test_folder_of_several_series_is_refused_by_its_layout(tmp_path: Path, count: int) -> None:
    path = write_series(tmp_path / "01.zarr", count)
    with pytest.raises(SequenceError, match=rf"01\.zarr: holds {count} images by bioformats2raw"):
        open_volumes(path)


def test_single_volume_without_time_is_refused(tmp_path: Path) -> None:
    write_foreign(path := tmp_path / "a.zarr", "zyx", MOVIE[0])
    with pytest.raises(SequenceError, match="Give a movie with the axes t,"):
        ZarrVolumes(path)


def test_bare_array_is_refused(ours: Path) -> None:
    with pytest.raises(SequenceError, match="is a bare Zarr array"):
        ZarrVolumes(ours / "0")


def test_booleans_are_refused(tmp_path: Path) -> None:
    write_ours(path := tmp_path / "a.zarr", MOVIE > 0)
    with pytest.raises(SequenceError, match="has the type bool"):
        ZarrVolumes(path)
