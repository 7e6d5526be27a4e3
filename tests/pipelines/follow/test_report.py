"""The report of cells that are followed: what it shows, and how little it reads for that."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenes.report_fakes import FACTS, LINKS, TRACKS, FakeSequence, Page

from sam4ct.io.ome_zarr.cache import CachedVolumes
from sam4ct.lineage import Track
from sam4ct.pipelines.follow.report import read_extract, write_track_report
from sam4ct.regions import Region, regions_of
from sam4ct.report.frames import extract
from sam4ct.report.frames.extract import MOST_VOXELS, Box, Extract
from sam4ct.report.frames.viewer import shown_frames
from sam4ct.tables import Links

MARGIN = extract.MARGIN_PX
LAYER = 8
"""Planes that are read at once."""


class Parts:
    """A movie that is read in layers of planes."""

    shape: tuple[int, ...]

    def window(self, t: int, window: Sequence[slice]) -> NDArray[Any]:
        raise NotImplementedError

    def parts(self, t: int, box: Box) -> Iterator[tuple[Box, NDArray[Any]]]:
        for first in range(box[0].start, box[0].stop, LAYER):
            at = (slice(first, min(first + LAYER, box[0].stop)), *box[1:])
            yield at, self.window(t, at)


@dataclass
class Cubes(Parts):
    """A movie of bright cubes; remembers what was read of it."""

    shape: tuple[int, int, int]
    corners: dict[int, tuple[int, int, int]]
    """By region label, in every frame that has cells."""
    frames: int = 1
    alive: int = 10**6
    """Frames from the first that have cells."""
    side: int = 12
    reads: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    """Frame and shape of every window."""

    def window(self, t: int, window: Sequence[slice]) -> NDArray[np.uint8]:
        size = tuple(part.stop - part.start for part in window)
        self.reads.append((t, size))
        found = np.zeros(size, np.uint8)
        for corner in self.corners.values():
            ends = [
                (max(0, c - part.start), max(0, c + self.side - part.start))
                for c, part in zip(corner, window, strict=True)
            ]
            found[tuple(slice(low, high) for low, high in ends)] = 200
        return found

    def regions(self, t: int) -> dict[int, Region]:
        cube = np.ones((self.side,) * 3, bool)
        return {n: Region(cube, corner) for n, corner in self.corners.items() if t < self.alive}

    def track_of(self, t: int) -> dict[int, int]:
        return {label: label + 100 for label in self.regions(t)}

    @property
    def tracks(self) -> list[Track]:
        end = min(self.frames, self.alive) - 1
        return [Track(label + 100, 0, end) for label in self.corners]

    @property
    def links(self) -> Links:
        rows = [(t, n) for t in range(min(self.frames, self.alive) - 1) for n in self.corners]
        t, label = np.array(rows, int).reshape(-1, 2).T
        certain = np.zeros(len(rows), bool)
        return Links(t, label, t + 1, label, certain, np.linspace(0.1, 0.9, len(rows)))

    @property
    def planes(self) -> list[int]:
        """Frames of the windows that are thumbnails: of one slice, and small."""
        return [t for t, size in self.reads if size[0] == 1 and max(size) < 60]


def written(folder: Path, movie: Cubes, facts: Mapping[str, object] | None = None) -> Page:
    path = folder / "report.html"
    links, tracks = movie.links, movie.tracks
    write_track_report(path, movie, movie.regions, movie.track_of, tracks, links, facts or {})
    return Page(path)


def facts_on(page: Page) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.text))


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> int:
    """Few voxels may be shown, so that small movies are made coarser, too."""
    monkeypatch.setattr(extract, "MOST_VOXELS", 40_000)
    return 40_000


# The page


def test_the_page_holds_what_that_of_linked_volumes_holds(tmp_path: Path) -> None:
    sequence = FakeSequence(3)

    class Movie(Parts):
        frames, shape = sequence.frames, sequence.shape

        def window(self, t: int, window: Sequence[slice]) -> NDArray[np.uint16]:
            return sequence.image(t)[tuple(window)]

    def regions(t: int) -> dict[int, Region]:
        return regions_of(sequence.labels(t))

    def track_of(t: int) -> dict[int, int]:
        return {label: label - 10 for label in regions(t)}

    path = tmp_path / "report.html"
    write_track_report(path, Movie(), regions, track_of, TRACKS, LINKS, {**FACTS, "mode": "track"})
    page = Page(path)
    lines = [a["data-track"] for _, a in page.elements if a.get("class") == "track"]
    assert sorted(map(str, lines)) == ["1", "2", "3", "4"]
    cards = [(a["data-t"], a["data-track"]) for tag, a in page.elements if "data-t" in a]
    assert cards == [("3", "2"), ("3", "3"), ("2", "1"), ("1", "1")]
    outlined = [[cell[0] for cell in frame["cells"]] for frame in page.data["frames"]]
    assert outlined == [[1, 4]] * 3 + [[2, 3, 4]] * 3
    assert {len(frame["slices"]) for frame in page.data["frames"]} == {4}
    assert facts_on(page)["Without a seed"] == "1"


def test_what_is_around_the_cells_is_shown_with_the_numbers_of_the_frame(tmp_path: Path) -> None:
    movie = Cubes((300, 400, 500), {1: (100, 200, 300), 2: (150, 210, 340)})
    page = written(tmp_path, movie)
    facts = facts_on(page)
    assert facts["Frame size"] == " \N{MULTIPLICATION SIGN} ".join(("500", "400", "300 px"))
    assert facts["Shown"] == "x 276 to 375, y 176 to 245, z 76 to 185"
    volume = page.data["volume"]
    assert (volume["depth"], volume["numbers"][0], volume["numbers"][-1]) == (300, 76, 185)
    assert volume["zs"][0] == 0
    cells = {cell[0]: cell for cell in page.data["frames"][0]["cells"]}
    assert cells[101][2] / page.data["size"][0] == pytest.approx((MARGIN + 6) / 100, abs=0.01)


def test_a_frame_that_is_shown_whole_needs_no_word_about_it(tmp_path: Path) -> None:
    assert "Shown" not in facts_on(written(tmp_path, Cubes((20, 30, 30), {1: (4, 9, 9)})))


def test_the_side_keeps_its_proportions_when_pixels_are_left_out(
    tmp_path: Path, coarse: int
) -> None:
    movie = Cubes((30, 100, 200), {1: (0, 0, 0), 2: (18, 88, 188)})
    page = written(tmp_path, movie, {"spacing_um": (2.0, 0.5, 0.5)})
    assert facts_on(page)["Shown"].endswith("every 4th pixel")
    width, height = page.data["volume"]["side"]
    assert height / width == pytest.approx(30 * 2.0 / (200 * 0.5), rel=0.01)
    assert facts_on(page)["Slices"] == "4 px apart"


def test_a_movie_without_links_has_a_page_without_them(tmp_path: Path) -> None:
    movie = Cubes((20, 30, 30), {1: (4, 9, 9)})
    assert not len(movie.links)
    page = written(tmp_path, movie)
    assert "Least certain" not in page.text
    assert [len(frame["cells"]) for frame in page.data["frames"]] == [1]


def test_frames_after_all_tracks_have_ended_are_shown_without_cells(tmp_path: Path) -> None:
    page = written(tmp_path, Cubes((20, 30, 30), {1: (4, 9, 9)}, frames=5, alive=2))
    assert [len(frame["cells"]) for frame in page.data["frames"]] == [1, 1, 0, 0, 0]


def test_where_nothing_is_followed_the_whole_frame_is_shown(tmp_path: Path) -> None:
    page = written(tmp_path, Cubes((90, 100, 110), {}))
    assert "Shown" not in facts_on(page)
    assert [frame["cells"] for frame in page.data["frames"]] == [[]]


def test_regions_that_are_in_no_track_are_not_shown(tmp_path: Path) -> None:
    movie = Cubes((20, 30, 40), {1: (4, 9, 9), 2: (4, 9, 25)})
    path = tmp_path / "report.html"
    tracks = [Track(101, 0, 0)]
    write_track_report(path, movie, movie.regions, lambda t: {1: 101}, tracks, Links.empty(), {})
    assert [cell[0] for cell in Page(path).data["frames"][0]["cells"]] == [101]


# What is read


def test_frames_of_gigabytes_are_reported_in_bounded_memory(tmp_path: Path) -> None:
    movie = Cubes((991, 1871, 965), {1: (0, 0, 0), 2: (979, 1859, 953)})
    tracemalloc.start()
    try:
        page = written(tmp_path, movie)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * MOST_VOXELS
    assert facts_on(page)["Shown"].endswith("every 5th pixel; every 5th slice")
    assert [cell[0] for cell in page.data["frames"][0]["cells"]] == [101, 102]


@dataclass
class Chunks:
    """A movie of constant frames that is stored as `sam4ct convert` does."""

    shape: tuple[int, int, int] = (32, 2048, 2048)
    piece: tuple[int, ...] = (32, 128, 128)
    frames: int = 1
    decoded: int = 0
    """Voxels."""

    def window(self, t: int, window: Sequence[slice]) -> NDArray[np.uint16]:
        size = [part.stop - part.start for part in window]
        self.decoded += prod(size)
        return np.full(size, t + 1, np.uint16)


def test_frame_of_wide_chunks_is_decoded_once_and_never_held() -> None:
    held, box = 16 << 20, (slice(1, 31), slice(130, 2000), slice(0, 2048))
    peaks = []
    # tracemalloc counts the whole process, threads of other tests too: the least of three tries.
    for _ in range(3):
        behind = Chunks()
        volumes = CachedVolumes(behind, max_bytes=held)
        tracemalloc.start()
        try:
            found = read_extract(volumes, 0, Extract(behind.shape, box, (1, 4, 4)))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert found.shape == (30, 468, 512)
        assert (found == 1).all()
        assert behind.decoded == 32 * (2048 - 128) * 2048
        del volumes
    # What was read last, of 32 MB, is let go when the next is there.
    assert min(peaks) < found.nbytes + held + (68 << 20)


@given(st.data())
def test_parts_join_to_the_voxels_of_the_frame(data: st.DataObject) -> None:
    sides = st.tuples(*[st.integers(1, 9)] * 3)
    frame = np.random.default_rng(0).integers(0, 999, (11, 13, 9))
    box = []
    for n in frame.shape:
        first = data.draw(st.integers(0, n - 1))
        box.append(slice(first, data.draw(st.integers(first + 1, n))))
    steps = data.draw(sides)

    class Movie:
        frames, shape, piece = 1, frame.shape, (1, 1, 1)

        def window(self, t: int, window: Sequence[slice]) -> NDArray[np.int64]:
            return frame[tuple(window)]

    volumes = CachedVolumes(Movie(), block=data.draw(sides))
    found = read_extract(volumes, 0, Extract(frame.shape, tuple(box), steps))
    every = (slice(part.start, part.stop, step) for part, step in zip(box, steps, strict=True))
    assert np.array_equal(found, frame[tuple(every)])


def test_of_frames_that_are_not_shown_only_thumbnails_are_read(tmp_path: Path) -> None:
    movie = Cubes((20, 80, 80), {1: (4, 30, 30)}, frames=101)
    written(tmp_path, movie)
    shown = shown_frames(movie.frames, movie.tracks, 20)
    others = {t for t, _ in movie.reads} - set(shown)
    assert len(shown) < 101
    assert others
    assert others <= set(movie.planes)
    assert {t for t, size in movie.reads if size[0] > 1} == set(shown)


def test_thumbnails_have_every_pixel_where_frames_are_made_coarser(
    tmp_path: Path, coarse: int
) -> None:
    movie = Cubes((30, 200, 200), {1: (0, 0, 0), 2: (18, 100, 188)}, frames=2)
    page = written(tmp_path, movie)
    assert "every" in facts_on(page)["Shown"]
    assert sum("data-t" in a for _, a in page.elements) == 2
    # A square of 40 around each cube; both lie at the frame's edge.
    at_edges = [(1, 26, 26), (1, 26, 26), (1, 40, 26), (1, 40, 26)]
    assert sorted(size for _, size in movie.reads if size[0] == 1 and size[1] <= 40) == at_edges


# Extracts


@given(st.data())
def test_a_region_is_sampled_where_its_frame_is(data: st.DataObject) -> None:
    length = st.integers(1, 14)
    frame = tuple(data.draw(length) for _ in range(3))
    box, corner = [], []
    for n in frame:
        first = data.draw(st.integers(0, n - 1))
        box.append(slice(first, data.draw(st.integers(first + 1, n))))
        corner.append(data.draw(st.integers(0, n - 1)))
    mask = np.ones([data.draw(st.integers(1, n - c)) for n, c in zip(frame, corner, strict=True)])
    steps = tuple(data.draw(st.integers(1, 4)) for _ in range(3))
    whole = np.zeros(frame, bool)
    region = Region(mask.astype(bool), tuple(corner))
    whole[region.box] = True
    seen = whole[tuple(box)][tuple(slice(None, None, step) for step in steps)]
    part = Extract(frame, tuple(box), steps)
    assert part.shape == seen.shape
    shown = np.zeros(seen.shape, bool)
    found = part.sampled(region)
    shown[found.box] = found.mask
    if seen.any():
        assert np.array_equal(shown, seen)
    else:
        assert shown.sum() == 1


def test_coarser_pixels_become_cubes_those_in_the_plane_first() -> None:
    whole = (slice(0, 991), slice(0, 1871), slice(0, 965))
    assert Extract.around(whole, (991, 1871, 965), (0.38, 0.38, 0.38)).steps == (5, 5, 5)
    flat = (slice(0, 13), slice(0, 2454), slice(0, 1693))
    assert Extract.around(flat, (13, 2454, 1693), (1.0, 1.0, 1.0)).steps == (1, 2, 2)
    deep = (slice(0, 125), slice(0, 603), slice(0, 1272))
    assert Extract.around(deep, (125, 603, 1272), (2.03, 0.406, 0.406)).steps == (1, 3, 3)


def test_margins_are_as_wide_in_space_along_z_and_end_with_the_frame() -> None:
    box = (slice(10, 12), slice(5, 50), slice(100, 120))
    around = Extract.around(box, (20, 60, 400), (3.0, 1.0, 1.0)).box
    assert around == (slice(2, 20), slice(0, 60), slice(76, 144))


def test_an_extract_outside_of_its_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="in a frame of"):
        Extract((4, 4, 4), (slice(0, 5), slice(0, 4), slice(0, 4)), (1, 1, 1))
