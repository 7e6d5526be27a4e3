"""`run --generate-masks` on a small volume, with a segmenter that knows the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenes.bad_inputs import make_dataset
from scenes.commands import sam4ct

from sam4ct.corrections import Correction, End, Kind
from sam4ct.evaluate import evaluate
from sam4ct.io.corrections import write_corrections
from sam4ct.io.tiff.frame import read_frame
from sam4ct.io.work.tables import read_table
from sam4ct.models.weights.entry import Entry
from sam4ct.pipelines.common import options
from sam4ct.pipelines.link import generate
from sam4ct.regions import Region, regions_of
from sam4ct.tables import Detections, Joins, Links

FRAMES = 6
ENTRY = Entry(
    name="a-segmenter", file="a.pth", role="sam_med3d", config="SAM-Med3D", image_size=48,
    source="local", licence="none", bytes=1, sha256="0" * 64,
)  # fmt: skip


class Killed(BaseException):
    """Stands for a signal that ends the process."""


class Truth:
    """A `types.VolumeSegmenter` that returns the true cell at a click, until it is killed."""

    clicks = 0
    left = 10**6

    def __init__(self, dataset: Path) -> None:
        self._dataset, self.clicked = dataset, 0

    def segment(self, t: int, points: Sequence[tuple[float, ...]]) -> list[Region]:
        if Truth.left == 0:
            raise Killed
        Truth.left -= 1
        Truth.clicks += len(points)
        self.clicked += len(points)
        cells = read_frame(self._dataset / "01_GT" / "TRA" / f"man_track{t:03d}.tif")
        regions = regions_of(cells)
        nothing = Region(np.zeros((0, 0, 0), bool), (0, 0, 0))
        found = [regions.get(int(cells[tuple(round(c) for c in p)]), nothing) for p in points]
        return found


def counted(segmenter: Truth) -> tuple[Truth, Callable[[], dict[str, int]]]:
    """Return what `segmenter_of` returns: with what this one segmented so far."""
    return segmenter, lambda: {"clicks_segmented": segmenter.clicked}


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated volume over time in which a third of the masks is missing."""
    folder = tmp_path_factory.mktemp("movie")
    law = ["--ndim", 3, "--frames", FRAMES, "--size", 72, 72, "--slices", 10, "--cells", 5]
    errors = ["--missed", 0.3, "--split", 0, "--merged", 0, "--spurious", 0]
    assert sam4ct("simulate", folder, "--seed", 6, *law, *errors).status == 0
    return folder / "Simulated"


@pytest.fixture(autouse=True)
def truth(movie: Path, monkeypatch: pytest.MonkeyPatch) -> type[Truth]:
    """Put the truth in the place of SAM-Med3D and its weights."""
    monkeypatch.setattr(options, "choose", lambda *_: {"sam_med3d": ENTRY})
    monkeypatch.setattr(options, "verified", lambda entry: None)
    monkeypatch.setattr(generate, "segmenter_of", lambda plan, reader: counted(Truth(movie)))
    Truth.clicks, Truth.left = 0, 10**6
    return Truth


def run(movie: Path, result: Path, *more: object) -> dict[str, Any]:
    """Link with plain overlap; return the record."""
    options = ["--evidence", "overlap", "--out", result, "--no-report", *more]
    outcome = sam4ct("run", movie, *options)
    assert outcome.status == 0, outcome.err
    return record(result)


def record(result: Path) -> dict[str, Any]:
    return dict(json.loads((work_of(result) / "run.json").read_bytes()))


def work_of(result: Path) -> Path:
    return result.with_name(f"{result.name}.sam4ct")


def written(result: Path) -> dict[str, bytes]:
    """Return what must be the same: masks, res_track.txt and the links."""
    files = [*sorted(result.iterdir()), work_of(result) / "links.parquet"]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first run of the module is kept."""
    return tmp_path_factory.mktemp("kept") / "run"


@pytest.fixture
def generated(movie: Path, kept: Path, tmp_path: Path) -> Path:
    """The result of a run that a test may change."""
    if not kept.exists():
        run(movie, kept / "generated", "--generate-masks")
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    Truth.clicks = record(kept / "generated")["counts"]["clicks"]
    return tmp_path / "generated"


def test_generated_masks_make_the_result_better(movie: Path, generated: Path) -> None:
    run(movie, generated.with_name("linked"))
    truth = movie / "01_GT"
    better, worse = (evaluate(generated.with_name(n), truth) for n in ("generated", "linked"))
    assert better["Valid"] == worse["Valid"] == 1
    for name in ("DET", "TRA", "LNK"):
        assert (better[name] or 0.0) > (worse[name] or 0.0) + 0.02, name


def test_given_masks_keep_their_pixels(movie: Path, generated: Path) -> None:
    for t in range(FRAMES):
        given = read_frame(movie / "01_ERR_SEG" / f"mask{t:03d}.tif")
        painted = read_frame(generated / f"mask{t:03d}.tif")
        tracks = [set(painted[given == label].tolist()) for label in np.unique(given) if label]
        assert all(len(track) == 1 for track in tracks)
        # But for debris, which is gone as a whole.
        tracks = [track for track in tracks if track != {0}]
        assert len(set.union(*tracks)) == len(tracks)
        assert len(tracks) >= 0.8 * (len(np.unique(given)) - 1)


def test_record_counts_what_was_clicked_accepted_and_kept(movie: Path, generated: Path) -> None:
    counts = record(generated)["counts"]
    assert counts["clicks"] == Truth.clicks
    assert counts["clicks"] >= counts["accepted"] >= counts["segmented"] > 0
    added = 0
    for t, track in record(generated)["generated"]:
        given = read_frame(movie / "01_ERR_SEG" / f"mask{t:03d}.tif")
        painted = read_frame(generated / f"mask{t:03d}.tif")
        assert not given[painted == track].any()
        added += 1
    assert added == counts["generated"] >= counts["segmented"]
    assert record(generated)["profile"]["generate_masks"]
    assert record(generated)["reasons"]["generate_masks"] == "asked for"
    assert record(generated)["weights"]["sam_med3d"]["name"] == "a-segmenter"
    assert "generate" in record(generated)["seconds"]
    assert "medim" in record(generated)["libraries"]
    assert record(generated)["engine"] == {"parts": 1, "clicks_segmented": Truth.clicks}


def test_without_the_option_the_profile_decides(
    movie: Path, tmp_path: Path, generated: Path
) -> None:
    mine = tmp_path / "mine.toml"
    assert sam4ct("profiles", "derive", movie, "01", "--output", mine).status == 0
    text = mine.read_text()
    assert "\ngenerate_masks = false" in text
    mine.write_text(text.replace("\ngenerate_masks = false", "\ngenerate_masks = true"))
    assert "clicks" in run(movie, tmp_path / "asked", "--profile", mine)["counts"]
    assert written(tmp_path / "asked") == written(generated)
    options = ["--profile", mine, "--no-generate-masks"]
    assert "clicks" not in run(movie, tmp_path / "not", *options)["counts"]


@pytest.mark.parametrize("calls", [0, 2, 5])
def test_a_killed_generation_goes_on_without_asking_again(
    movie: Path, tmp_path: Path, generated: Path, calls: int
) -> None:
    clicks, Truth.clicks, Truth.left = Truth.clicks, 0, calls
    with pytest.raises(Killed):
        run(movie, tmp_path / "killed", "--generate-masks")
    Truth.left = 10**6
    run(movie, tmp_path / "killed", "--generate-masks")
    assert written(tmp_path / "killed") == written(generated)
    assert Truth.clicks == clicks
    # What was answered in the frame in which the first part was killed is not entered.
    parts = record(tmp_path / "killed")["engine"]
    assert parts["parts"] == (1 if calls == 0 else 2)
    assert 0 < parts["clicks_segmented"] <= clicks


def test_single_stages_give_the_same_bytes(movie: Path, tmp_path: Path, generated: Path) -> None:
    options = ["--evidence", "overlap", "--generate-masks", "--out", tmp_path / "cut"]
    for name in ("propagate", "associate", "generate", "fill", "paint"):
        outcome = sam4ct("stage", name, movie, "01", *options)
        assert outcome.status == 0, outcome.err
    assert written(tmp_path / "cut") == written(generated)


def lost(*names: str) -> Callable[[Path], None]:
    def remove(work: Path) -> None:
        for name in names:
            (work / name).unlink()

    return remove


@pytest.mark.parametrize(
    "damage",
    [
        lost("links.parquet"),
        lost("work/correct/dropped.parquet"),
        lost("links.parquet", "work/generate/links.parquet"),
        lost("links.parquet", "work/generate/detections.parquet"),
        lost("links.parquet", "work/generate/evidence/00002_1.parquet"),
    ],
)
def test_what_is_lost_is_made_again(
    movie: Path, generated: Path, damage: Callable[[Path], None]
) -> None:
    before, clicks = written(generated), Truth.clicks
    damage(work_of(generated))
    run(movie, generated, "--generate-masks", "--overwrite")
    assert written(generated) == before
    assert Truth.clicks == clicks


def test_answers_are_obeyed_without_a_click(movie: Path, generated: Path) -> None:
    """Also one about a region that was generated, which is named by its place."""
    clicks, folder = Truth.clicks, work_of(generated) / "work" / "correct"
    links = read_table(work_of(generated) / "links.parquet", Links)
    made = read_table(folder.with_name("generate") / "detections.parquet", Detections)
    linked = set(zip(links.t.tolist(), links.label.tolist(), strict=True))
    rows = zip(made.t.tolist(), made.label.tolist(), strict=True)
    made = made.take(np.array([row in linked for row in rows], dtype=bool))
    t, place = int(made.t[0]), (float(made.z[0]), float(made.y[0]), float(made.x[0]))
    masks = np.unique(read_frame(movie / "01_ERR_SEG" / "mask003.tif"))
    given = links.take((links.t == 3) & np.isin(links.label, masks))
    said = [
        Correction(Kind.NO_CELL, (End(t, 0, place),)),
        Correction(Kind.ENDS, (End(3, int(given.label[0])),)),
    ]
    write_corrections(generated.with_name("generated_CORRECTIONS.csv"), said)
    run(movie, generated, "--generate-masks")
    assert Truth.clicks == clicks
    # No link supports it any more.
    gone = read_table(folder / "dropped.parquet", Joins)
    assert (t, int(made.label[0])) in zip(gone.t.tolist(), gone.label.tolist(), strict=True)
    now = read_table(work_of(generated) / "links.parquet", Links)
    assert not ((now.t == 3) & (now.label == given.label[0])).any()
    assert record(generated)["counts"]["clicks"] == clicks


def test_the_other_mode_begins_anew(movie: Path, generated: Path) -> None:
    run(movie, generated, "--overwrite")
    assert not (work_of(generated) / "work" / "generate").exists()
    assert "clicks" not in record(generated)["counts"]
    assert "medim" not in record(generated)["libraries"]


def test_images_are_refused(tmp_path: Path) -> None:
    refused = sam4ct("run", make_dataset(tmp_path), "--generate-masks", "--evidence", "overlap")
    assert refused.status == 2
    assert "t000.tif: the image is 2D, but masks are generated in volumes only" in refused.err
    assert not list(tmp_path.rglob("*RES*"))


def test_segmenter_weights_are_refused_where_no_masks_are_generated(movie: Path) -> None:
    refused = sam4ct("check", movie, "--weights", "sam-med3d-turbo")
    assert refused.status == 2
    assert "--weights sam-med3d-turbo: is not used where no masks are generated" in refused.err


def test_missing_weights_for_the_segmenter_are_an_error_of_the_user(
    movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "choose", lambda *_: {})
    refused = sam4ct("check", movie, "--evidence", "overlap", "--generate-masks")
    assert refused.status == 2
    assert "weights: there are none for sam_med3d by default on cpu" in refused.err


def test_check_says_what_segments(movie: Path) -> None:
    said = sam4ct("check", movie, "--evidence", "overlap", "--generate-masks")
    assert said.status == 0
    assert "missed cells are segmented with a-segmenter" in said.out
