"""A run gives the same bytes however it was cut into pieces, and does nothing twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tifffile
from scenes.commands import PATIENCE, ROOT, SOON, environment, finished, sam4ct, start, tree

FRAMES = 10


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated dataset with a few cells, some of which have no mask in some frames."""
    folder = tmp_path_factory.mktemp("movie")
    simulate = ["simulate", folder, "--dataset", "Cells", "--seed", 4, "--missed", 0.1]
    assert sam4ct(*simulate, "--frames", FRAMES, "--size", 96, 112, "--cells", 6).status == 0
    return folder / "Cells"


@pytest.fixture(scope="module")
def undisturbed(movie: Path) -> dict[str, Path]:
    """The results of one run with each kind of evidence."""
    results = {evidence: movie.parent / evidence / "01_RES" for evidence in ("overlap", "sam2")}
    for evidence, result in results.items():
        run(movie, result, evidence)
    return results


@pytest.fixture(params=["overlap", "sam2"])
def reference(request: pytest.FixtureRequest, undisturbed: dict[str, Path]) -> tuple[str, Path]:
    """A kind of evidence, and the result of an undisturbed run with it."""
    return request.param, undisturbed[request.param]


@pytest.fixture
def dataset(movie: Path, tmp_path: Path) -> Path:
    """A copy of the dataset that a test may change."""
    return shutil.copytree(movie, tmp_path / "Cells")


@pytest.fixture
def done(dataset: Path, undisturbed: dict[str, Path]) -> Path:
    """A copy of what the undisturbed run with plain overlap left, beside the copy's masks."""
    for folder in (undisturbed["overlap"], work_of(undisturbed["overlap"])):
        shutil.copytree(folder, dataset / folder.name)
    return dataset / "01_RES"


def run(dataset: Path, result: Path, evidence: str, *more: object) -> None:
    outcome = sam4ct("run", dataset, "--out", result, "--evidence", evidence, *more)
    assert outcome.status == 0, outcome.err


def stage(name: str, dataset: Path, result: Path, evidence: str, *more: object) -> None:
    options = ["--out", result, "--evidence", evidence, *more]
    outcome = sam4ct("stage", name, dataset, "01", *options)
    assert outcome.status == 0, outcome.err


def work_of(result: Path) -> Path:
    return result.with_name(f"{result.name}.sam4ct")


def written(result: Path) -> dict[str, bytes]:
    """Return what must be the same: masks, res_track.txt and the links."""
    files = [*sorted(result.iterdir()), work_of(result) / "links.parquet"]
    return {path.name: path.read_bytes() for path in files}


def record(result: Path) -> dict[str, Any]:
    return dict(json.loads((work_of(result) / "run.json").read_bytes()))


def artifacts(result: Path) -> dict[str, int]:
    """Return when every artifact was written: a file made anew has another time."""
    files = [*(work_of(result) / "work").rglob("*.parquet"), work_of(result) / "links.parquet"]
    return {str(path.relative_to(work_of(result))): path.stat().st_mtime_ns for path in files}


def test_movie_has_gaps_to_fill(reference: tuple[str, Path]) -> None:
    assert record(reference[1])["counts"]["generated"] > 0


def test_two_runs_give_the_same_bytes(
    movie: Path, reference: tuple[str, Path], tmp_path: Path
) -> None:
    evidence, result = reference
    run(movie, tmp_path / "again", evidence)
    assert written(tmp_path / "again") == written(result)


def test_shards_and_single_stages_give_the_same_bytes(
    movie: Path, reference: tuple[str, Path], tmp_path: Path
) -> None:
    evidence, result = reference
    for frames in ("6:", "0:3", "3:6"):
        stage("propagate", movie, tmp_path / "cut", evidence, "--frames", frames)
    for name in ("repair", "associate", "fill", "paint"):
        stage(name, movie, tmp_path / "cut", evidence)
    assert written(tmp_path / "cut") == written(result)


def test_shards_may_run_at_the_same_time(
    movie: Path, undisturbed: dict[str, Path], tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    options = ["--evidence", "overlap", "--out", shared]
    shards = [
        start("stage", "propagate", movie, "01", *options, "--frames", frames)
        for frames in ("0:5", "5:")
    ]
    outcomes = [finished(shard) for shard in shards]
    assert [outcome.status for outcome in outcomes] == [0, 0], outcomes
    stage("paint", movie, shared, "overlap")
    assert written(shared) == written(undisturbed["overlap"])


def test_killed_runs_continue_to_the_same_bytes() -> None:
    script = [sys.executable, ROOT / "benchmarks" / "kill_and_resume.py"]
    options = ["--kills", "3", "--evidence", "overlap", "--frames", "6"]
    command = [*script, *options]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 kills: 8 files equal, byte for byte" in ended.stdout


def test_sigterm_ends_a_run_soon_and_the_same_command_continues(
    dataset: Path, done: Path, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    command = ["-q", "run", dataset, "--out", stopped, "--evidence", "overlap"]
    process = start(*command)
    deadline = time.monotonic() + PATIENCE
    while not list(stopped.parent.glob("stopped.sam4ct/work/evidence/*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    outcome = finished(process)
    assert time.monotonic() - signalled < SOON
    assert outcome.status == 75
    assert outcome.err == "stopped by SIGTERM; run the same command to continue\n"
    assert not stopped.exists()
    assert sam4ct(*command).status == 0
    assert written(stopped) == written(done)


def test_leftovers_of_a_killed_run_disappear(dataset: Path, done: Path) -> None:
    expected = tree(dataset)
    shutil.rmtree(done)
    half_painted = dataset / ".01_RES.sam4ct-new"
    half_painted.mkdir()
    (half_painted / "mask000.tif").write_bytes(b"half")
    (work_of(done) / "work" / "evidence" / ".sam4ct-0a.tmp").write_bytes(b"half")
    run(dataset, done, "overlap")
    assert tree(dataset).keys() == expected.keys()


@pytest.mark.parametrize("change", ["overwrite", "result removed", "run.json removed"])
def test_what_is_still_good_is_not_made_again(change: str, dataset: Path, done: Path) -> None:
    expected, before = written(done), artifacts(done)
    options = ["--overwrite"] if change == "overwrite" else []
    if change != "overwrite":
        shutil.rmtree(done)
    if change == "run.json removed":
        (work_of(done) / "run.json").unlink()
    run(dataset, done, "overlap", *options)
    assert artifacts(done) == before
    assert written(done) == expected
    assert record(done)["resumed"]


def test_lost_evidence_alone_is_made_again(dataset: Path, done: Path) -> None:
    expected, before = written(done), artifacts(done)
    lost = {"work/evidence/00003_1.parquet", "work/masks/00003_1.parquet"}
    (work_of(done) / "work" / "evidence" / "00003_1.parquet").unlink()
    run(dataset, done, "overlap", "--overwrite")
    assert {name for name, when in artifacts(done).items() if when != before[name]} == lost
    assert written(done) == expected


def test_changed_mask_makes_everything_anew(dataset: Path, done: Path) -> None:
    expected, before = written(done), artifacts(done)
    masks = dataset / "01_ERR_SEG"
    shutil.copy(masks / "mask004.tif", masks / "mask005.tif")
    run(dataset, done, "overlap", "--overwrite")
    assert not set(artifacts(done).values()) & set(before.values())
    assert written(done)["mask005.tif"] != expected["mask005.tif"]


def test_changed_profile_makes_everything_anew(dataset: Path, done: Path, tmp_path: Path) -> None:
    before = artifacts(done)
    mine = tmp_path / "mine.toml"
    assert sam4ct("profiles", "derive", dataset, "01", "--output", mine).status == 0
    text = mine.read_text()
    assert '\nfill = "propagate"' in text
    mine.write_text(text.replace('\nfill = "propagate"', '\nfill = "none"'))
    run(dataset, done, "overlap", "--overwrite", "--profile", mine)
    assert not set(artifacts(done).values()) & set(before.values())
    assert record(done)["counts"]["generated"] == 0


def test_undisturbed_run_counts_its_network_and_encodes_nothing_twice(
    movie: Path, undisturbed: dict[str, Path]
) -> None:
    ran = record(undisturbed["sam2"])
    regions = [regions_in(movie / "01_ERR_SEG" / f"mask{t:03d}.tif") for t in range(FRAMES)]
    recalls = sum(
        regions[t] + regions[t + dt]
        for dt in range(1, ran["profile"]["max_gap"] + 2)
        for t in range(FRAMES - dt)
    )
    assert not ran["resumed"]
    assert ran["counts"]["regions"] == sum(regions)
    assert ran["engine"]["parts"] == 1
    assert ran["engine"]["encoder_windows_again"] == 0
    assert ran["engine"]["objects_recalled"] == recalls
    assert ran["engine"]["objects_remembered"] == sum(regions)
    assert 0 < ran["engine"]["encoder_windows"] < recalls / 2


def test_counts_of_all_parts_of_a_run_are_added_up(
    movie: Path, undisturbed: dict[str, Path], tmp_path: Path
) -> None:
    stage("propagate", movie, tmp_path / "parts", "sam2", "--frames", "0:4")
    run(movie, tmp_path / "parts", "sam2")
    parts, once = record(tmp_path / "parts"), record(undisturbed["sam2"])
    assert parts["resumed"]
    assert parts["engine"]["parts"] == 2
    assert parts["engine"]["objects_recalled"] == once["engine"]["objects_recalled"]
    assert parts["engine"]["encoder_windows"] > once["engine"]["encoder_windows"]


def regions_in(mask: Path) -> int:
    """How many labels a mask has, by another reader than ours."""
    return len(set(tifffile.imread(mask).flat) - {0})
