"""The report: complete, self-contained, safe, small, and the same every time."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scenes.report_fakes import TRACKS, FakeSequence, Page, written

from sam4ct.errors import WorkError
from sam4ct.lineage import Track
from sam4ct.report.frames.projection import jpeg_uri
from sam4ct.report.frames.slices import MOST_SLICES
from sam4ct.report.frames.viewer import MOST_FRAMES, PICTURES, shown_frames
from sam4ct.report.frames.views import PictureSize
from sam4ct.tables import Links


@pytest.fixture(params=[2, 3])
def page(tmp_path: Path, request: pytest.FixtureRequest) -> Page:
    return written(tmp_path, FakeSequence(request.param))


def test_the_slider_has_a_place_for_every_frame(page: Page) -> None:
    slider = page.by_id("slider")
    assert (slider["min"], slider["max"]) == ("0", "5")
    assert [frame["t"] for frame in page.data["frames"]] == [0, 1, 2, 3, 4, 5]


def test_every_track_is_in_the_tree_and_in_the_viewer(page: Page) -> None:
    drawn = {int(a["data-track"] or 0) for _, a in page.elements if a.get("class") == "track"}
    assert drawn == {1, 2, 3, 4}
    assert [row[:4] for row in page.data["tracks"]] == [list(t.row()) for t in TRACKS]


def test_a_frame_outlines_the_cells_of_its_masks(page: Page) -> None:
    labels = [[cell[0] for cell in frame["cells"]] for frame in page.data["frames"]]
    assert labels == [[1, 4]] * 3 + [[2, 3, 4]] * 3
    assert all(cell[4] for frame in page.data["frames"] for cell in frame["cells"])


def test_only_generated_regions_are_marked(page: Page) -> None:
    marked = {(f["t"], c[0]) for f in page.data["frames"] for c in f["cells"] if c[1]}
    assert marked == {(4, 4)}


def test_the_page_asks_nothing_of_any_network(page: Page) -> None:
    assert "http://" not in page.text
    assert "https://" not in page.text
    sources = [a[key] or "" for _, a in page.elements for key in ("src", "href") if key in a]
    assert sources
    assert all(source.startswith("data:") for source in sources)


def test_links_are_shown_with_frames_tracks_and_confidence(page: Page) -> None:
    cards = [a for tag, a in page.elements if tag == "button" and "data-t" in a]
    assert [(a["data-t"], a["data-track"]) for a in cards] == [
        ("3", "2"),
        ("3", "3"),
        ("2", "1"),
        ("1", "1"),
    ]
    assert page.words["b"] == "0.300.400.800.90"


def test_no_links_no_section_and_no_look_at_the_input_masks(tmp_path: Path) -> None:
    class WithoutMasks(FakeSequence):
        def labels(self, t: int) -> NDArray[np.int32]:
            raise AssertionError("input masks were read")

    page = written(tmp_path, WithoutMasks(), links=Links.empty())
    assert "Least certain" not in page.text


def test_names_are_escaped(tmp_path: Path) -> None:
    nasty = "</script><script>alert(1)</script>&\"'"
    facts = dict.fromkeys(("dataset", "sequence", "version", "weights", "profile"), nasty)
    page = written(tmp_path, facts=facts)
    assert "alert" not in page.words["script"]
    assert nasty in page.words["h1"]


def test_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    shuffled = [TRACKS[n] for n in (2, 0, 3, 1)]
    assert written(tmp_path / "a").text == written(tmp_path, tracks=shuffled).text


def test_scores_are_those_that_the_page_explains(tmp_path: Path) -> None:
    names = re.findall(r'class="name">([^<]*)', written(tmp_path).text)
    values = re.findall(r'class="value">([^<]*)', written(tmp_path).text)
    assert names == ["LNK", "DET", "CCA"]
    assert values == ["0.970", "0.980", "&ndash;"]


def test_without_scores_and_facts_there_is_still_a_page(tmp_path: Path) -> None:
    page = written(tmp_path, facts={}, scores=None)
    assert page.words["h1"] == "Cell tracking"
    assert 'class="scores"' not in page.text


def test_counts_come_from_the_tracks(page: Page) -> None:
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.text))
    assert facts["Cells"] == "15 in all frames"
    assert (facts["Tracks"], facts["Divisions"], facts["Generated masks"]) == ("4", "1", "1")


def test_a_long_movie_shows_evenly_chosen_frames_with_their_numbers(tmp_path: Path) -> None:
    tracks = [Track(1, 0, 399)]
    page = written(tmp_path, FakeSequence(frames=400, tracks=tracks), tracks, Links.empty())
    times = [frame["t"] for frame in page.data["frames"]]
    assert len(times) == MOST_FRAMES
    assert (times[0], times[-1]) == (0, 399)
    assert set(np.diff(times)) == {3, 4}
    assert f"{MOST_FRAMES} of 400 frames" in page.text


def test_a_crowded_movie_shows_fewer_frames() -> None:
    crowd = [Track(n, 0, 99) for n in range(1, 1001)]
    assert len(shown_frames(100, crowd)) == 30
    assert len(shown_frames(100, crowd, depth=30)) == 16


def test_pictures_are_never_enlarged_and_share_a_budget() -> None:
    assert PictureSize.fit((60, 80), 10, PICTURES).shape == (60, 80)
    assert PictureSize.fit((1000, 1400), 10, PICTURES).shape == (500, 700)
    many = PictureSize.fit((1000, 1400), 120, PICTURES).shape
    assert 120 * many[0] * many[1] <= 20_100_000


def test_an_unwritable_place_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkError, match="move it away"):
        written(tmp_path / "file")


def test_pictures_of_nothing_but_noise_stay_a_few_megabytes() -> None:
    size = PictureSize.fit((2000, 3000), MOST_FRAMES, PICTURES)
    noise = np.random.default_rng(1).integers(0, 256, (2000, 3000), dtype=np.uint8)
    assert MOST_FRAMES * len(jpeg_uri(noise, size.shape, size.max_bytes)) < 6_000_000


def test_the_quality_falls_until_a_picture_fits() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 200), dtype=np.uint8)
    best, small = (len(jpeg_uri(noise, (200, 200), budget)) for budget in (10**6, 20_000))
    assert small <= 20_000 * 4 / 3 + 30 < best


# Volumes


class Towers(FakeSequence):
    """Four slices; track 4 is in the last two only, and in the last one further to the right."""

    def __init__(self) -> None:
        super().__init__(3)

    def drawn(self, t: int) -> NDArray[np.uint16]:
        drawn = super().drawn(t)
        drawn[:2][drawn[:2] == 4] = 0
        drawn[3] = np.where(drawn[3] == 4, 0, drawn[3])
        drawn[3, 2:9, 70:78] = 4
        return drawn


def test_images_have_no_slices_and_volumes_have_all_of_them(tmp_path: Path) -> None:
    flat, volume = (written(tmp_path, FakeSequence(ndim)) for ndim in (2, 3))
    assert "volume" not in flat.data
    assert not any(attrs.get("id") == "side" for _, attrs in flat.elements)
    assert volume.by_id("depth")["max"] == "3"
    assert volume.data["volume"]["zs"] == [0, 1, 2, 3]
    assert {len(frame["slices"]) for frame in volume.data["frames"]} == {4}


def test_a_slice_outlines_the_cells_that_it_cuts(tmp_path: Path) -> None:
    frame = written(tmp_path, Towers()).data["frames"][0]
    assert [[cell[0] for cell in part["cells"]] for part in frame["slices"]] == [
        [1],
        [1],
        [1, 4],
        [1, 4],
    ]
    x = [part["cells"][1][2] for part in frame["slices"][2:]]
    assert x[1] == pytest.approx(74 * 1400 / 80, abs=2)
    assert x[0] < x[1]


def test_generated_regions_are_marked_in_every_view(tmp_path: Path) -> None:
    frames = written(tmp_path, FakeSequence(3)).data["frames"]
    parts = [[frame, frame["side"], *frame["slices"]] for frame in frames]
    marked = [{c[0] for c in part["cells"] if c[1]} for part in parts[4]]
    assert marked == [{4}] * 6
    assert not any(cell[1] for part in parts[3] for cell in part["cells"])


def test_the_side_has_its_true_proportions(tmp_path: Path) -> None:
    """Slices are 5 pixels apart, so 4 of them are 20 pixels high, under 80 of width."""
    page = written(tmp_path, Towers(), facts={"spacing_um": (2.0, 0.4, 0.4)})
    assert page.data["volume"]["side"] == [1400, 350]
    assert page.data["volume"]["slice"] == 87.5
    cells = {cell[0]: cell for cell in page.data["frames"][0]["side"]["cells"]}
    assert cells[1][3] == pytest.approx(350 / 2, abs=2)
    assert cells[4][3] == pytest.approx(350 * 3 / 4, abs=5)
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.text))
    assert facts["Slices"] == "5 px apart"


def test_long_movies_of_deep_volumes_show_some_frames_and_some_slices(tmp_path: Path) -> None:
    class Deep(FakeSequence):
        def __init__(self) -> None:
            super().__init__(3, frames=200, tracks=[Track(1, 0, 199)])
            self.shape = (40, 24, 30)

    page = written(tmp_path, Deep(), [Track(1, 0, 199)], Links.empty())
    frames, zs = page.data["frames"], page.data["volume"]["zs"]
    assert len(frames) * len(zs) <= MOST_SLICES
    assert len(frames) >= 24
    assert (frames[-1]["t"], zs[0], zs[-1]) == (199, 0, 39)
    assert f"{len(zs)} of 40 slices" in page.text


def test_flat_volumes_show_as_many_frames_as_images() -> None:
    tracks = [Track(1, 0, 399)]
    assert len(shown_frames(400, tracks, depth=5)) == MOST_FRAMES
    assert len(shown_frames(400, tracks, depth=35)) == MOST_SLICES // 10
