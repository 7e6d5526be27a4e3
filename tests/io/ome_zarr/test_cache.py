"""Cached windows: equal to those that are not, read once, within a bound."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenes.tracked_movie import movie, save, write_zarr

from sam4ct.io.movie import open_volumes
from sam4ct.io.ome_zarr import cache as cached_volumes
from sam4ct.io.ome_zarr.cache import CachedVolumes, block_shape
from sam4ct.types import VolumeReader

SHAPE = (7, 20, 30)
BLOCK = (3, 8, 8)
SOURCE = Path("A/01.zarr")


@dataclass
class Counting:
    """Frames in memory, and the windows that were asked for."""

    stored: NDArray[Any]
    piece: tuple[int, ...] = (1, 1, 1)
    asked: list[tuple[int, tuple[tuple[int, int], ...]]] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return len(self.stored)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stored.shape[1:]

    def window(self, t: int, window: Sequence[slice]) -> NDArray[Any]:
        if not 0 <= t < self.frames:
            raise ValueError(f"no frame {t}")
        self.asked.append((t, tuple((part.start, part.stop) for part in window)))
        return self.stored[t][tuple(window)].copy()

    @property
    def voxels(self) -> int:
        return sum(prod(stop - start for start, stop in window) for _, window in self.asked)


def cached(**options: Any) -> tuple[CachedVolumes, Counting]:
    behind = Counting(movie(3, SHAPE))
    return CachedVolumes(behind, **{"block": BLOCK} | options), behind


def part(*bounds: tuple[int | None, int | None]) -> list[slice]:
    return [slice(*ends) for ends in bounds]


ALL = part(*[(None, None)] * 3)


def ends(length: int) -> st.SearchStrategy[slice]:
    bound = st.none() | st.integers(-length - 2, length + 2)
    return st.builds(slice, bound, bound)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.tuples(*map(ends, SHAPE))), min_size=1, max_size=6),
    st.tuples(*(st.integers(1, n + 2) for n in SHAPE)),
    st.sampled_from([0, 1000, 1 << 20]),
)
def test_windows_equal_those_behind(
    windows: list[tuple[int, tuple[slice, ...]]], block: tuple[int, ...], max_bytes: int
) -> None:
    volumes, behind = cached(block=block, max_bytes=max_bytes)
    for t, window in windows:
        got = volumes.window(t, window)
        np.testing.assert_array_equal(got, behind.stored[t][window])
        assert got.dtype == behind.stored.dtype


def test_images_are_cached_too() -> None:
    behind = Counting(movie(2, SHAPE[1:]), piece=(1, 1))
    volumes = CachedVolumes(behind, block=(8, 8))
    for _ in range(2):
        np.testing.assert_array_equal(
            volumes.window(1, part((3, 19), (5, 21))), behind.stored[1, 3:19, 5:21]
        )
    assert behind.asked == [(1, ((0, 20), (0, 24)))]


def test_what_was_read_is_not_read_again() -> None:
    volumes, behind = cached()
    volumes.window(1, part((0, 4), (5, 12), (0, 9)))
    assert behind.asked == [(1, ((0, 3), (0, 16), (0, 16))), (1, ((3, 6), (0, 16), (0, 16)))]
    volumes.window(1, part((1, 5), (0, 16), (3, 16)))
    assert len(behind.asked) == 2
    volumes.window(1, part((1, 3), (0, 8), (12, 20)))
    assert behind.asked[2:] == [(1, ((0, 3), (0, 8), (16, 24)))]
    volumes.window(0, part((0, 1), (0, 1), (0, 1)))
    assert behind.asked[3:] == [(0, ((0, 3), (0, 8), (0, 8)))]


def test_blocks_that_are_not_touched_are_not_read() -> None:
    volumes, behind = cached()
    volumes.window(0, part((3, 6), (8, 16), (8, 16)))
    assert behind.asked == [(0, ((3, 6), (8, 16), (8, 16)))]


@pytest.mark.parametrize(
    ("piece", "most", "read"),
    [
        ((1, 1, 1), 3 * 24 * 30, [(0, 24, 0, 30)]),
        ((1, 1, 1), 3 * 16 * 30, [(0, 8, 0, 30), (8, 24, 0, 30)]),
        ((1, 1, 1), 3 * 8 * 16, [(y, y + 8, *x) for y in (0, 8, 16) for x in ((0, 16), (16, 30))]),
        ((1, 16, 1), 3 * 16 * 32, [(0, 16, 0, 30), (16, 24, 0, 30)]),
        ((1, 24, 16), 1, [(0, 24, 0, 16), (0, 24, 16, 30)]),
        ((1, 24, 30), 1, [(0, 24, 0, 30)]),
    ],
)
def test_no_more_is_read_at_once_than_is_said_or_a_piece_has(
    piece: tuple[int, ...],
    most: int,
    read: list[tuple[int, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cached_volumes, "MOST_AT_ONCE", most)
    behind = Counting(movie(1, (3, 24, 30)), piece)
    volumes = CachedVolumes(behind, block=BLOCK)
    np.testing.assert_array_equal(volumes.window(0, ALL), behind.stored[0])
    assert [(*y, *x) for _, (_, y, x) in behind.asked] == read


def test_parts_cover_a_box_those_that_are_kept_first() -> None:
    volumes, behind = cached()
    volumes.window(0, part((0, 3), (8, 16), (8, 16)))
    found = list(volumes.parts(0, tuple(part((0, 3), (9, 20), (9, 30)))))
    assert [at[1:] for at, _ in found] == [(slice(8, 16),) * 2, (slice(8, 20), slice(8, 30))]
    for at, values in found:
        np.testing.assert_array_equal(values, behind.stored[0][at])


def test_blocks_used_last_are_kept_within_the_bound() -> None:
    size = prod(BLOCK) * 2
    volumes, behind = cached(max_bytes=2 * size)
    a, b, c = (part((0, 3), (0, 8), (x, x + 8)) for x in (0, 8, 16))
    for window in (a, b, a, c, a, b):  # c pushes b out, and b then c
        volumes.window(0, window)
    assert [asked[1][2][0] for asked in behind.asked] == [0, 8, 16, 8]
    assert volumes._bytes == 2 * size


def test_bytes_are_those_of_the_blocks_alone() -> None:
    """A block that were a view would keep all that was read with it."""
    volumes, _ = cached(block=(1, 4, 30))
    volumes.window(0, ALL)
    assert all(block.base is None for block in volumes._kept.values())
    assert volumes._bytes == prod(SHAPE) * 2


def test_windows_are_the_callers_own() -> None:
    volumes, behind = cached()
    volumes.window(0, ALL)[...] = 0
    np.testing.assert_array_equal(volumes.window(0, ALL), behind.stored[0])


def test_frame_is_read_where_it_is_sliced() -> None:
    volumes, behind = cached()
    frame = volumes.volume(2)
    assert frame.shape == SHAPE
    assert behind.asked == []
    np.testing.assert_array_equal(
        frame[slice(1, 3), slice(0, 5), slice(29, 30)], behind.stored[2, 1:3, :5, 29:30]
    )
    assert behind.voxels == 3 * 8 * 6


def test_reader_stands_in_for_another() -> None:
    reader: VolumeReader = cached()[0]
    assert (reader.frames, reader.shape) == (3, SHAPE)


def test_threads_may_read() -> None:
    volumes, behind = cached(max_bytes=4000)
    wrong: list[int] = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            t, z, y, x = (int(rng.integers(n)) for n in (3, *SHAPE))
            box = part((z, z + 4), (y, y + 9), (x, x + 9))
            if not np.array_equal(volumes.window(t, box), behind.stored[t][tuple(box)]):
                wrong.append(seed)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert volumes._bytes == sum(block.nbytes for block in volumes._kept.values()) <= 4000


@pytest.mark.parametrize(
    ("shape", "piece", "block"),
    [
        ((200, 1000, 900), (1, 1, 1), (8, 64, 64)),
        ((200, 1000, 900), (34, 125, 113), (34, 125, 113)),
        ((200, 1000, 900), (1, 145, 900), (8, 145, 900)),
        ((991, 1871, 2965), (1, 1871, 2965), (8, 256, 1024)),
        ((200, 1000, 900), (1, 8, 900), (8, 64, 900)),
        ((5, 30, 900), (1, 1, 1), (5, 30, 64)),
        ((1000, 900), (48, 48), (96, 96)),
    ],
)
def test_blocks_are_whole_pieces(
    shape: tuple[int, ...], piece: tuple[int, ...], block: tuple[int, ...]
) -> None:
    assert block_shape(shape, piece) == block


def write(folder: Path, kind: str) -> tuple[Path, tuple[int, ...]]:
    """Write two frames of 7 x 40 x 50 in a way, and return in which pieces."""
    frames = movie(2, (7, 40, 50))
    options: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
        "uncompressed": ({}, (1, 1, 1)),
        "strips": ({"compression": "zlib", "rowsperstrip": 6}, (1, 6, 50)),
        "planes": ({"compression": "zlib"}, (1, 40, 50)),
        "tiles": ({"compression": "lzw", "tile": (16, 32)}, (1, 16, 32)),
        "tiles of several planes": ({"compression": "zlib", "tile": (2, 16, 16)}, (1, 40, 50)),
    }
    if kind == "Zarr":
        return write_zarr(folder / "01.zarr", frames, (1, 4, 9, 17)), (4, 9, 17)
    arguments, piece = options[kind]
    (folder / "01").mkdir()
    for t, frame in enumerate(frames):
        path = folder / "01" / f"t{t:03d}.tif"
        tifffile.imwrite(path, frame, photometric="minisblack", **arguments)
    return folder / "01", piece


@pytest.mark.parametrize(
    "kind",
    ["uncompressed", "strips", "planes", "tiles", "tiles of several planes", "Zarr"],
)
def test_movies_on_disk_are_read_in_their_pieces(tmp_path: Path, kind: str) -> None:
    source, piece = write(tmp_path, kind)
    behind = open_volumes(source)
    assert behind.piece == piece
    volumes = CachedVolumes(behind)
    for box in (part((1, 6), (3, 31), (5, 50)), ALL):
        np.testing.assert_array_equal(volumes.window(1, box), movie(2, (7, 40, 50))[1][tuple(box)])


def test_pieces_of_images_have_no_z(tmp_path: Path) -> None:
    save(tmp_path / "01" / "t000.tif", movie(1, (40, 50))[0])
    write_zarr(tmp_path / "02.zarr", movie(1, (40, 50)), (1, 9, 17))
    assert open_volumes(tmp_path / "01").piece == (40, 50)
    assert open_volumes(tmp_path / "02.zarr").piece == (9, 17)


# Refusals


@pytest.mark.parametrize("t", [-1, 3])
def test_frames_that_are_not_there_are_our_fault(t: int) -> None:
    with pytest.raises(ValueError, match="no frame"):
        cached()[0].window(t, ALL)


@pytest.mark.parametrize("block", [(8, 8), (0, 8, 8)])
def test_blocks_that_do_not_fit_are_our_fault(block: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="blocks of"):
        cached(block=block)
