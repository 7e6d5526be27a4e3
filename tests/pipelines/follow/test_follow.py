"""Mode "track" as a user meets it: every kind of input, what is written, and what is made again.

What is refused is in `test_track_bad_input`; everything below a folder, in `test_run_all`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
import tifffile
from scenes.commands import PATIENCE, ROOT, Outcome, environment, finished, sam4ct, start
from scenes.embryo_runs import (
    FOLLOWED,
    FRAMES,
    OVERLAP,
    as_zarr_2,
    as_zarr_frames,
    make_embryo,
    masks,
    record,
    run,
    tracks,
    work_of,
    written,
)

from sam4ct.io.follow.centroids import read_centroids
from sam4ct.metrics import evaluate

SAM2 = ["--evidence", "sam2"]
"""With its report."""
NETWORKS = ("clicks_segmented", "encoder_windows")


@pytest.fixture(scope="module")
def sam2(embryo: Path) -> Path:
    """The result of an undisturbed run with all there is."""
    run(embryo, embryo.parent / "sam2", *SAM2)
    return embryo.parent / "sam2"


@pytest.fixture
def dataset(embryo: Path, tmp_path: Path) -> Path:
    """A copy of the dataset that a test may change."""
    return shutil.copytree(embryo, tmp_path / "Embryo")


@pytest.mark.parametrize("coarse", [False, True])
def test_coarse_time_steps_are_warned_of_before_the_work(
    dataset: Path, caplog: pytest.LogCaptureFixture, coarse: bool
) -> None:
    if coarse:  # nothing in common from frame to frame
        seeds = sorted((dataset / "01_SEEDS").glob("t*.csv"))
        rng = np.random.default_rng(1)
        for file in seeds[1:]:
            rows = rng.uniform([0, 0, 0], [9, 127, 127], (14, 3))
            file.write_text("z,y,x\n" + "".join(f"{z},{y},{x}\n" for z, y, x in rows))
    sam4ct("check", dataset)
    assert ("of the distance to their neighbours" in caplog.text) == coarse


# What is written


@pytest.mark.parametrize("name", ["overlap", "sam2"])
def test_followed_cells_are_found_in_all_frames(
    name: str, embryo: Path, request: pytest.FixtureRequest
) -> None:
    scores = evaluate(request.getfixturevalue(name), embryo / "01_GT")
    assert scores["Valid"] == 1
    assert scores["TRA"] > 0.9
    assert scores["LNK"] > 0.9


def test_result_holds_masks_and_tracks_alone_and_the_rest_lies_beside(sam2: Path) -> None:
    names = {f"mask{t:03d}.tif" for t in range(FRAMES)}
    assert {path.name for path in sam2.iterdir()} == names | {"res_track.txt"}
    beside = {path.name for path in work_of(sam2).iterdir()} - {"lock", "lock.guard"}
    assert beside == {"links.parquet", "report.html", "run.json", "work"}
    assert not list(sam2.parent.glob(".sam2*"))


def test_initial_cells_keep_their_labels(embryo: Path, overlap: Path) -> None:
    given = read_centroids(embryo / "01_INIT" / "tracks.json").tracks
    first = tifffile.imread(overlap / "mask000.tif")
    assert {first[tuple(np.rint(c).astype(int))]: c for c in given.values()} == dict(given)
    assert np.unique(first)[1:].tolist() == list(given)
    begun = [label for label, begin, _, parent in tracks(overlap) if begin == 0 and not parent]
    assert begun == list(given)


def test_links_join_labels_of_the_result_frame_by_frame(overlap: Path) -> None:
    links = pandas.read_parquet(work_of(overlap) / "links.parquet")
    columns = ["t", "label", "t2", "label2", "division", "confidence", "answered"]
    assert links.columns.tolist() == columns
    shown = [set(np.unique(tifffile.imread(overlap / f"mask{t:03d}.tif"))) for t in range(FRAMES)]
    assert all(link.label in shown[link.t] for link in links.itertuples())
    assert all(link.label2 in shown[link.t2] for link in links.itertuples())
    assert links.confidence.between(0, 1).all()


def test_record_says_what_was_done_and_by_what(sam2: Path) -> None:
    ran = record(sam2)
    assert (ran["mode"], ran["evidence"], ran["resumed"]) == ("track", "sam2", False)
    assert (ran["counts"]["frames"], ran["counts"]["followed"]) == (FRAMES, FOLLOWED)
    assert ran["counts"]["tracks"] == len(tracks(sam2))
    assert {role: entry["name"] for role, entry in ran["weights"].items()} == {
        "sam2": "compact-sam2",
        "sam_med3d": "compact-sam-med3d",
    }
    assert ran["engine"]["parts"] == 1
    assert all(ran["engine"][name] > 0 for name in NETWORKS)
    assert set(ran["inputs"]) == {"images_sha256", "seeds_sha256", "initial_sha256"}


def test_check_says_what_a_run_would_do_and_writes_nothing(dataset: Path) -> None:
    checked = sam4ct("check", dataset, "--evidence", "overlap")
    assert checked.status == 0, checked.err
    first, *others = checked.out.splitlines()
    assert first.startswith(f"Embryo 01: {FRAMES} frames of 10 x 128 x 128, cells of about ")
    assert f"; {FOLLOWED} to follow, " in first
    for words in (
        "profile auto, evidence overlap, weights compact-sam-med3d on CPU",
        f"seeds {dataset}/01_SEEDS, initial tracks {dataset}/01_INIT/tracks.json",
        f"result {dataset}/01_RES",
        "about ",
        "mode = track: ",
        "track.seed_radius_px = ",
    ):
        assert any(line.strip().startswith(words) for line in others), words
    assert not list(dataset.glob("*RES*"))


def test_result_is_valid_for_its_movie_and_not_for_another(
    embryo: Path, overlap: Path, tmp_path: Path
) -> None:
    for images in (embryo / "01.zarr", embryo / "01"):
        checked = sam4ct("validate", overlap, "--images", images)
        assert (checked.status, checked.out) == (0, f"{overlap}: valid\n")
    other = make_embryo(tmp_path, "--frames", FRAMES + 1, "--size", 11, 128, 128)
    checked = sam4ct("validate", overlap, "--images", other / "01.zarr")
    assert checked.status == 2
    assert f"mask{FRAMES:03d}.tif: is missing." in checked.out
    assert "mask000.tif: has the shape (10, 128, 128), but " in checked.out


def test_report_is_written_anew_by_the_run_alone(embryo: Path, sam2: Path) -> None:
    page = work_of(sam2) / "report.html"
    expected = page.read_bytes()
    refused = sam4ct("report", sam2, "--images", embryo / "01.zarr")
    assert refused.status == 2
    assert "01.zarr: only `sam4ct run` writes reports of images in Zarr" in refused.err
    assert page.read_bytes() == expected


def test_voxels_that_only_the_report_needs_cost_the_report_alone(
    dataset: Path, overlap: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where all was seen before, no cell needs a voxel."""
    result = tmp_path / "result"
    shutil.copytree(work_of(overlap), work_of(result))
    work_of(result).joinpath("report.html").write_text("of another result")
    damage(dataset / "01.zarr" / "0" / "c" / str(FRAMES - 1) / "0" / "0" / "0")
    ran = sam4ct("run", dataset, "--out", result, "--evidence", "overlap")
    assert ran.status == 0, ran.err
    assert re.search(r"report is left out.*01\.zarr\S*: .*Copy", caplog.text)
    assert written(result) == written(overlap)
    assert not work_of(result).joinpath("report.html").exists()
    assert record(result)["resumed"]


def damage(chunk: Path) -> None:
    """Overwrite a file without a trace in its size and time: a disk that fails."""
    status = chunk.stat()
    chunk.write_bytes(b"\xff" * status.st_size)
    os.utime(chunk, ns=(status.st_atime_ns, status.st_mtime_ns))


# Every kind of input


def zarr_of_version_2(dataset: Path) -> list[object]:
    as_zarr_2(dataset / "01.zarr")
    return []


def zarr_of_every_frame(dataset: Path) -> list[object]:
    as_zarr_frames(dataset / "01.zarr", dataset / "01")
    return []


def tiff_files(dataset: Path) -> list[object]:
    shutil.rmtree(dataset)
    make_embryo(dataset.parent, "--tiff")
    assert not (dataset / "01.zarr").exists()
    return []


def inputs_elsewhere(dataset: Path) -> list[object]:
    seeds = (dataset / "01_SEEDS").rename(dataset.parent / "places")
    initial = (dataset / "01_INIT" / "tracks.json").rename(dataset.parent / "cells.json")
    return ["--seeds", seeds, "--init-tracks", initial]


def one_table_of_seeds(dataset: Path) -> list[object]:
    frames = [pandas.read_csv(file).assign(t=t) for t, file in enumerate(seed_files(dataset))]
    pandas.concat(frames).to_parquet(dataset.parent / "all.parquet")
    shutil.rmtree(dataset / "01_SEEDS")
    return ["--seeds", dataset.parent / "all.parquet"]


def seed_files(dataset: Path) -> list[Path]:
    return sorted((dataset / "01_SEEDS").glob("t*.csv"))


@pytest.mark.parametrize(
    "changed",
    [zarr_of_version_2, zarr_of_every_frame, tiff_files, inputs_elsewhere, one_table_of_seeds],
)
def test_other_form_of_the_same_input_gives_the_same_bytes(
    changed: Callable[[Path], list[object]], dataset: Path, overlap: Path
) -> None:
    run(dataset, dataset / "01_RES", *changed(dataset), *OVERLAP)
    assert masks(dataset / "01_RES") == masks(overlap)


def seeds_of_twang(dataset: Path) -> None:
    shutil.rmtree(dataset)
    make_embryo(dataset.parent, "--seed-format", "twang")
    assert seed_files(dataset)[0].name.startswith("t000_item_")


def truth_of_frame_0(dataset: Path) -> None:
    shutil.rmtree(dataset / "01_INIT")


@pytest.mark.parametrize("changed", [seeds_of_twang, truth_of_frame_0])
def test_other_kind_of_input_is_followed_as_well(
    changed: Callable[[Path], None], dataset: Path, overlap: Path
) -> None:
    changed(dataset)
    run(dataset, dataset / "01_RES")
    scores = evaluate(dataset / "01_RES", dataset / "01_GT")
    assert (scores["Valid"], scores["TRA"] > 0.9) == (1, True)
    assert [row[:2] for row in tracks(dataset / "01_RES")][:FOLLOWED] == [
        row[:2] for row in tracks(overlap)
    ][:FOLLOWED]


# The same bytes, and nothing twice


@pytest.mark.parametrize(("name", "options"), [("overlap", OVERLAP), ("sam2", SAM2)])
def test_two_runs_give_the_same_bytes(
    name: str,
    options: list[object],
    embryo: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    run(embryo, tmp_path / "again", *options)
    assert written(tmp_path / "again") == written(request.getfixturevalue(name))


def test_run_that_is_killed_and_stopped_goes_on_to_the_same_bytes(
    embryo: Path, overlap: Path, tmp_path: Path
) -> None:
    result = tmp_path / "disturbed"
    ended = [
        ended_at(embryo, result, frame, sent)
        for frame, sent in ((1, signal.SIGKILL), (3, signal.SIGTERM))
    ]
    assert [outcome.status for outcome in ended] == [-signal.SIGKILL, 75]
    assert ended[1].err.endswith("stopped by SIGTERM; run the same command to continue\n")
    assert not result.exists()
    kept = artifacts(result)
    run(embryo, result)
    assert written(result) == written(overlap)
    assert kept.items() <= artifacts(result).items()
    assert record(result)["resumed"]
    assert record(result)["engine"]["parts"] == 3
    assert clicks(overlap) <= clicks(result) < 1.5 * clicks(overlap)


def ended_at(dataset: Path, result: Path, frame: int, sent: signal.Signals) -> Outcome:
    """Run until a frame is done, and send a signal."""
    process = start("-q", "run", dataset, "--out", result, *OVERLAP)
    done = work_of(result) / "work" / "propagate" / f"t{frame:05d}.rows.parquet"
    deadline = time.monotonic() + PATIENCE
    while not done.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(sent)
    return finished(process)


def artifacts(result: Path) -> dict[str, int]:
    """When everything that was seen of frames was written: a file made anew has another time."""
    files = sorted((work_of(result) / "work" / "propagate").glob("*.parquet"))
    return {path.name: path.stat().st_mtime_ns for path in files}


def clicks(result: Path) -> int:
    return int(record(result)["engine"]["clicks_segmented"])


@pytest.mark.slow
@pytest.mark.parametrize("evidence", ["overlap", "sam2"])
def test_killed_runs_continue_to_the_same_bytes(evidence: str) -> None:
    script = [sys.executable, ROOT / "benchmarks" / "kill_and_resume.py", "--embryo"]
    options = ["--kills", "6", "--evidence", evidence, "--frames", "5"]
    command = [*script, *options]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "6 kills: 7 files equal, byte for byte" in ended.stdout


@pytest.fixture
def done(embryo: Path, overlap: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    for folder in (overlap, work_of(overlap)):
        shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / overlap.name


def test_networks_are_asked_nothing_if_all_frames_are_there(embryo: Path, done: Path) -> None:
    expected, kept, asked = written(done), artifacts(done), clicks(done)
    shutil.rmtree(done)
    run(embryo, done)
    assert (written(done), artifacts(done), clicks(done)) == (expected, kept, asked)
    assert record(done)["resumed"]


def test_lost_frame_and_those_after_it_alone_are_looked_at_again(embryo: Path, done: Path) -> None:
    expected, kept, asked = written(done), artifacts(done), clicks(done)
    last = f"t{FRAMES - 1:05d}"
    (work_of(done) / "work" / "propagate" / f"{last}.rows.parquet").unlink()
    run(embryo, done, "--overwrite", *OVERLAP)
    made = {name for name, when in artifacts(done).items() if when != kept[name]}
    assert made == {f"{last}.{part}.parquet" for part in ("regions", "evidence", "rows")}
    assert written(done) == expected
    assert 0 < clicks(done) - asked < asked / 2
