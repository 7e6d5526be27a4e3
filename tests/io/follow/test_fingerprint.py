"""Digests of movies: in which frames a change is seen, whatever the movie is stored as."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr
from scenes.tracked_movie import movie, save, write_zarr
from scenes.zarr_movies import write_folder, write_group

from sam4ct.io.follow.fingerprint import MovieDigests, digest_movie
from sam4ct.io.movie import open_volumes
from sam4ct.io.ome_zarr.metadata import ome_metadata

FRAMES = 4


def tiff(path: Path) -> Path:
    for t, frame in enumerate(movie(FRAMES)):
        save(path / "01" / f"t{t:03d}.tif", frame)
    return path / "01"


def zarr_3(path: Path) -> Path:
    return write_zarr(path / "01.zarr", movie(FRAMES), (1, 2, 6, 7))


def chunks_of_two(path: Path) -> Path:
    return write_zarr(path / "01.zarr", movie(FRAMES), (2, 4, 12, 14))


def of_version_2(path: Path, separator: str) -> Path:
    """Zarr 2 with channels, of which there is one."""
    image = {
        "version": "0.4",
        "axes": [{"name": axis} for axis in "tczyx"],
        "datasets": [{"path": "s0"}],
    }
    group = zarr.create_group(path / "01.zarr", zarr_format=2, attributes={"multiscales": [image]})
    voxels = movie(FRAMES)[:, None]
    group.create_array(
        "s0",
        shape=voxels.shape,
        chunks=(1, 1, 2, 6, 7),
        dtype=voxels.dtype,
        chunk_key_encoding={"name": "v2", "separator": separator},
    )[...] = voxels
    return path / "01.zarr"


def zarr_2_flat(path: Path) -> Path:
    return of_version_2(path, ".")


def zarr_2_nested(path: Path) -> Path:
    return of_version_2(path, "/")


def shards(path: Path) -> Path:
    """Each file holds two frames, in chunks of one."""
    voxels = movie(FRAMES)
    group = zarr.create_group(path / "01.zarr", attributes=ome_metadata("01", 3, None))
    group.create_array(
        "0",
        shape=voxels.shape,
        chunks=(1, 2, 6, 7),
        shards=(2, 4, 12, 14),
        dtype=voxels.dtype,
    )[...] = voxels
    return path / "01.zarr"


def zarr_frames(path: Path) -> Path:
    write_folder(path / "01", movie(FRAMES))
    return path / "01"


def zarr_group(path: Path) -> Path:
    write_group(path / "01.zarr", movie(FRAMES))
    return path / "01.zarr"


Maker = Callable[[Path], Path]
FORMS: dict[Maker, tuple[str, list[int]]] = {
    tiff: ("t002.tif", [2]),
    zarr_3: ("0/c/2/1/0/1", [2]),
    chunks_of_two: ("0/c/1/0/0/0", [2, 3]),
    zarr_2_flat: ("s0/2.0.1.0.1", [2]),
    zarr_2_nested: ("s0/2/0/1/0/1", [2]),
    shards: ("0/c/1/0/0/0", [2, 3]),
    zarr_frames: ("t002.zarr/s0/c/0/1/0", [2]),
    zarr_group: ("2/c/0/1/0", [2]),
}
"""A file of each form, and the frames of which it has voxels."""


def digests(source: Path) -> MovieDigests:
    return digest_movie(source, open_volumes(source))


def differing(before: MovieDigests, after: MovieDigests) -> list[int]:
    pairs = zip(before.frames, after.frames, strict=True)
    return [t for t, (a, b) in enumerate(pairs) if a != b]


@pytest.mark.parametrize("form", FORMS)
def test_touched_file_is_seen_in_its_frames_alone(form: Maker, tmp_path: Path) -> None:
    source = form(tmp_path)
    name, frames = FORMS[form]
    before = digests(source)
    assert len(set(before.frames)) == FRAMES / len(frames)
    assert digests(source) == before
    status = (source / name).stat()
    os.utime(source / name, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    after = digests(source)
    assert differing(before, after) == frames
    assert (after.shared == before.shared, after.whole == before.whole) == (True, False)


@pytest.mark.parametrize("form", [zarr_3, zarr_2_flat, zarr_group])
def test_metadata_of_the_movie_are_shared(form: Maker, tmp_path: Path) -> None:
    source = form(tmp_path)
    before = digests(source)
    zarr.open_group(source).attrs["remark"] = "other"
    after = digests(source)
    assert differing(before, after) == []
    assert after.shared != before.shared


def test_metadata_of_a_frame_are_its_own(tmp_path: Path) -> None:
    source = zarr_frames(tmp_path)
    before = digests(source)
    zarr.open_group(source / "t001.zarr").attrs["remark"] = "other"
    after = digests(source)
    assert differing(before, after) == [1]
    assert after.shared == before.shared


def test_frames_that_are_added_change_no_other(tmp_path: Path) -> None:
    source = tiff(tmp_path)
    before = digests(source)
    shutil.copy2(source / "t003.tif", source / "t004.tif")
    after = digests(source)
    assert after.frames[:FRAMES] == before.frames
    assert (after.shared == before.shared, after.whole == before.whole) == (True, False)


def test_shape_is_shared(tmp_path: Path) -> None:
    source = tiff(tmp_path)
    before = digests(source)
    for path in source.iterdir():
        save(path, movie(1, (4, 12, 15))[0])
    assert digests(source).shared != before.shared
