"""`sam4ct seeds`: finds the cells of a movie, goes on after a stop, and mixes nothing."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from scenes.commands import finished, sam4ct, start, tree
from scenes.seeds_scene import Balls, hits, save_frames
from scenes.zarr_movies import write_folder, write_ours

from sam4ct.errors import ProfileError, ResultError, SequenceError, WorkError
from sam4ct.io.files.locks import FolderLock
from sam4ct.io.follow.seeds import SETTINGS, SeedFiles
from sam4ct.pipelines.tools import find_seeds as pipeline
from sam4ct.pipelines.tools.convert import convert
from sam4ct.pipelines.tools.find_seeds import SeedOptions, find_seeds
from sam4ct.stages.seeds.detector import plan_blocks

BALLS = Balls()
TRUTH = [BALLS.scattered(10, seed=t) for t in range(3)]
FRAMES = [BALLS.draw(places, seed=t) for t, places in enumerate(TRUTH)]
OPTIONS = SeedOptions(diameter_px=BALLS.law.diameter_px, spacing_um=(3.0, 1.0, 1.0))
ASKED = ("--diameter", "14", "--spacing", "3", "1", "1")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save_frames(tmp_path / "Cells" / "01", FRAMES)


def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a frame have a dozen blocks."""
    monkeypatch.setattr(
        pipeline, "plan_blocks", lambda shape, law: plan_blocks(shape, law, (12,) * 3)
    )


def frames_searched(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    searched: set[int] = set()
    search = pipeline._Search._in_block

    def watched(self: pipeline._Search, t: int, block: object) -> object:
        searched.add(t)
        return search(self, t, block)

    monkeypatch.setattr(pipeline._Search, "_in_block", watched)
    return searched


def files_of(folder: Path) -> dict[str, str]:
    """What a search leaves, but its locks: they say who was there."""
    return {name: digest for name, digest in tree(folder).items() if name[:7] != ".sam4ct"}


def assert_found(folder: Path) -> None:
    files = SeedFiles(folder, BALLS.shape)
    files.require(range(3))
    for t, truth in enumerate(TRUTH):
        found = files.seeds(t)
        assert hits(found.places, truth, BALLS.spacing, 3.0) == len(found) == len(truth)


def test_command_finds_the_cells_of_a_folder(source: Path) -> None:
    outcome = sam4ct("seeds", source, *ASKED)
    folder = source.with_name("01_SEEDS")
    assert (outcome.status, outcome.out) == (0, f"{folder}: 30 seeds found in 3 frames\n")
    assert_found(folder)


def test_command_finds_the_same_in_zarr(source: Path, tmp_path: Path) -> None:
    find_seeds(source, tmp_path / "tiff", OPTIONS)
    convert(source, tmp_path / "Cells" / "01.zarr")
    find_seeds(tmp_path / "Cells" / "01.zarr", None, OPTIONS)
    assert files_of(tmp_path / "Cells" / "01_SEEDS") == files_of(tmp_path / "tiff")


def test_command_finds_the_same_in_zarr_frames(source: Path, tmp_path: Path) -> None:
    find_seeds(source, tmp_path / "tiff", OPTIONS)
    frames = write_folder(tmp_path / "Zarr" / "01", np.stack(FRAMES))
    assert sam4ct("seeds", frames, *ASKED).status == 0
    assert files_of(tmp_path / "Zarr" / "01_SEEDS") == files_of(tmp_path / "tiff")


def test_parquet_holds_the_same(source: Path, tmp_path: Path) -> None:
    assert sam4ct("seeds", source, tmp_path / "p", *ASKED, "--format", "parquet").status == 0
    assert_found(tmp_path / "p")


def test_images_have_seeds_in_slice_0(tmp_path: Path) -> None:
    flat = Balls(shape=(90, 110), spacing=(1.0, 1.0))
    truth = flat.scattered(6)
    source = save_frames(tmp_path / "01", [flat.draw(truth)])
    find_seeds(source, None, SeedOptions(diameter_px=flat.law.diameter_px))
    found = SeedFiles(tmp_path / "01_SEEDS", flat.shape).seeds(0).places
    assert not found[:, 0].any()
    assert hits(found[:, 1:], truth, flat.spacing, 3.0) == len(found) == 6


def test_number_of_workers_changes_no_byte(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch)
    for workers in (1, 3):
        options = SeedOptions(**vars(OPTIONS) | {"workers": workers})
        find_seeds(source, tmp_path / str(workers), options)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "3")
    assert_found(tmp_path / "1")


def test_sizes_and_spacing_come_from_the_profile_named_like_the_dataset(tmp_path: Path) -> None:
    source = save_frames(tmp_path / "Fluo-N3DL-DRO" / "01", FRAMES[:1])
    find_seeds(source, None, SeedOptions())
    settings = json.loads((source.with_name("01_SEEDS") / SETTINGS).read_text())
    assert settings["diameter_px"] == [11.25, 22.5]
    assert settings["spacing"] == [2.03, 0.406, 0.406]


def test_spacing_is_else_that_of_the_movie(tmp_path: Path) -> None:
    write_ours(tmp_path / "01.zarr")
    find_seeds(tmp_path / "01.zarr", None, SeedOptions(diameter_px=(8.0, 12.0)))
    settings = json.loads((tmp_path / "01_SEEDS" / SETTINGS).read_text())
    assert settings["spacing"] == [2.0, 0.5, 0.25]


# Stopped and continued


def test_second_call_does_what_is_left(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_seeds(source, None, OPTIONS)
    folder = source.with_name("01_SEEDS")
    before = tree(folder)
    (folder / "t001.csv").unlink()
    searched = frames_searched(monkeypatch)
    done = find_seeds(source, None, OPTIONS)
    assert (searched, done.frames, done.before) == ({1}, 1, 2)
    assert tree(folder) == before


def test_parts_of_the_frames_make_the_whole(source: Path, tmp_path: Path) -> None:
    find_seeds(source, tmp_path / "whole", OPTIONS)
    for part in ("2:", "0:2"):
        command = sam4ct("seeds", source, tmp_path / "parts", *ASKED, "--frames", part)
        assert command.status == 0
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")


def test_leftovers_of_a_killed_search_are_cleared_up(source: Path) -> None:
    folder = source.with_name("01_SEEDS")
    find_seeds(source, None, OPTIONS)
    (folder / ".sam4ct-1a2b.tmp").write_text("half")
    find_seeds(source, None, OPTIONS)
    assert not list(folder.glob("*.tmp"))


def test_sigterm_ends_with_75_and_the_same_command_continues(tmp_path: Path) -> None:
    balls = Balls(shape=(30, 200, 200))
    source = save_frames(tmp_path / "01", [balls.draw(balls.scattered(20))] * 12)
    process = start("seeds", source, *ASKED)
    folder = tmp_path / "01_SEEDS"
    while not (folder / "t001.csv").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    assert finished(process).status == 75
    assert not (folder / "t011.csv").exists()
    assert sam4ct("seeds", source, *ASKED).status == 0
    assert len({path.read_bytes() for path in folder.glob("t*.csv")}) == 1
    assert len(list(folder.glob("t*.csv"))) == 12


# Refusals


def test_other_settings_are_refused_unless_told(
    source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    find_seeds(source, None, OPTIONS)
    folder = source.with_name("01_SEEDS")
    before = tree(folder)
    other = SeedOptions(**vars(OPTIONS) | {"threshold": 1e6})
    with pytest.raises(ResultError, match=r"settings \(threshold None, now 1000000\.0\)"):
        find_seeds(source, None, other)
    assert tree(folder) == before
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    find_seeds(source, None, SeedOptions(**vars(other) | {"overwrite": True}))
    warned = [record for record in caplog.records if record.levelname == "WARNING"]
    removed, none = (record.getMessage() for record in warned)
    assert removed == f"{folder}: removing 3 files of seeds found with other settings"
    assert none.startswith(f"{folder}: no seeds in 3 frames; try another --diameter")
    assert {path.read_text() for path in folder.glob("t*.csv")} == {"z,y,x,score\n"}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            (2.25, 4.5),
            r"cells of 2\.25 to 4\.5 px are too small: they need 5 px or more\. Give",
        ),
        (
            (375.0, 750.0),
            r"cells of 375 to 750 px do not fit into frames of .*\. Give the size",
        ),
    ],
)
def test_sizes_out_of_reach_are_refused_before_good_seeds_are_removed(
    source: Path, sizes: tuple[float, float], message: str
) -> None:
    find_seeds(source, None, OPTIONS)
    before = tree(source.with_name("01_SEEDS"))
    other = SeedOptions(**vars(OPTIONS) | {"diameter_px": sizes, "overwrite": True})
    with pytest.raises(SequenceError, match=message):
        find_seeds(source, None, other)
    assert tree(source.with_name("01_SEEDS")) == before


def test_small_cells_among_others_are_warned_of(
    source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    find_seeds(source, None, SeedOptions(**vars(OPTIONS) | {"diameter_px": (3.0, 20.0)}))
    assert "of cells of 3 to 20 px, the smallest may be missed" in caplog.text


def test_constant_images_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = save_frames(tmp_path / "01", [np.full_like(FRAMES[0], 7)] * 2)
    assert find_seeds(source, None, OPTIONS).seeds == 0
    assert "no seeds in 2 frames" in caplog.text


def test_other_format_leaves_no_file_of_the_old_one(source: Path) -> None:
    find_seeds(source, None, OPTIONS)
    parquet = SeedOptions(**vars(OPTIONS) | {"file_format": "parquet", "overwrite": True})
    find_seeds(source, None, parquet)
    assert not list(source.with_name("01_SEEDS").glob("*.csv"))
    assert_found(source.with_name("01_SEEDS"))


@pytest.mark.parametrize("overwrite", [False, True])
def test_seeds_of_others_are_never_touched(source: Path, overwrite: bool) -> None:
    folder = source.with_name("01_SEEDS")
    folder.mkdir()
    (folder / "t000_item_0005_x_.csv").write_text("zpos;ypos;xpos\n")
    before = tree(folder)
    with pytest.raises(ResultError, match=r"holds what `sam4ct seeds` did not write \(t000_item"):
        find_seeds(source, None, SeedOptions(**vars(OPTIONS) | {"overwrite": overwrite}))
    assert tree(folder) == before


def test_second_search_in_the_same_place_is_refused(source: Path) -> None:
    find_seeds(source, None, OPTIONS)
    with (
        FolderLock.held(source.with_name("01_SEEDS") / ".sam4ct", shared=False),
        pytest.raises(WorkError, match="in use by "),
    ):
        find_seeds(source, None, OPTIONS)


def test_damaged_settings_are_refused(source: Path) -> None:
    find_seeds(source, None, OPTIONS)
    (source.with_name("01_SEEDS") / SETTINGS).write_text('{"detector"')
    with pytest.raises(WorkError, match=r"settings\.json: damaged\. Delete the folder"):
        find_seeds(source, None, OPTIONS)


def test_unknown_cell_size_is_refused(source: Path) -> None:
    with pytest.raises(ProfileError, match=r"01: nothing says how large the cells are"):
        find_seeds(source, None, SeedOptions())


@pytest.mark.parametrize("frames", [slice(7, 9), slice(0, 99), slice(3, None)])
def test_frames_that_are_not_there_are_refused(source: Path, frames: slice) -> None:
    told = rf"has the frames 0 to 2 only, but --frames is {frames.start}:{frames.stop or ''}\."
    with pytest.raises(SequenceError, match=told):
        find_seeds(source, None, SeedOptions(**vars(OPTIONS) | {"frames": frames}))


def test_seeds_inside_the_movie_are_refused(source: Path) -> None:
    with pytest.raises(SequenceError, match="may not be written into the movie"):
        find_seeds(source, source / "seeds", OPTIONS)


def test_voxels_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    frame = FRAMES[0].astype(np.float32)
    frame[3, 4, 5] = np.nan
    source = save_frames(tmp_path / "01", [frame])
    with pytest.raises(SequenceError, match=r"01/t000\.tif: the image has NaN or infinite pixels"):
        find_seeds(source, None, OPTIONS)


@pytest.mark.parametrize("diameter", ["0", "-3", "9:4", "wide", "5:", "nan", "inf"])
def test_diameter_that_is_none_is_refused(source: Path, diameter: str) -> None:
    outcome = sam4ct("seeds", source, "--diameter", diameter)
    assert outcome.status == 2
    assert "is not a diameter. Give pixels" in outcome.err


def test_diameter_of_a_range_is_taken_as_it_is(source: Path) -> None:
    assert sam4ct("seeds", source, "--diameter", "9:15").status == 0
    settings = json.loads((source.with_name("01_SEEDS") / SETTINGS).read_text())
    assert settings["diameter_px"] == [9.0, 15.0]
