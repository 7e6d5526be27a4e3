"""`sam4ct run-all`: everything below a folder is run, once, and what fails harms nothing else."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest
from scenes.bad_inputs import BAD_INPUTS, VOLUME, make_dataset
from scenes.commands import PATIENCE, SOON, Outcome, finished, sam4ct, start, tree
from scenes.embryo_runs import make_embryo

from sam4ct.pipelines.batch import run_all as module
from sam4ct.pipelines.batch.preparation import prepare
from sam4ct.pipelines.batch.run_all import Ending
from sam4ct.pipelines.common.options import Options

pytestmark = pytest.mark.who

OVERLAP = ["--evidence", "overlap", "--no-report"]
LACKING = "neither masks nor both seeds and initial tracks"
KNOWN = "PhC-C2DL-PSC"
"""A dataset with a shipped profile."""


def add(root: Path, dataset: str, shape: tuple[int, ...] | None = None) -> Path:
    """Make a tiny dataset with one sequence, of volumes if a shape says so."""
    target = root / dataset
    target.parent.mkdir(parents=True, exist_ok=True)
    made = make_dataset(root, shape) if shape else make_dataset(root)
    return made.rename(target)


def add_sequence(dataset: Path, name: str) -> None:
    for part in ("", "_ERR_SEG"):
        shutil.copytree(dataset / f"01{part}", dataset / f"{name}{part}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two datasets as the challenge names and people unpack them, one with two sequences."""
    root = tmp_path / "root"
    add(root, f"training/{KNOWN}")
    add_sequence(add(root, "Mine"), "02")
    return root


def errors(outcome: Outcome) -> str:
    """Return what follows `Error: `; a refusal says nothing on stdout."""
    assert (outcome.status, outcome.out) == (2, "")
    _, _, message = outcome.err.partition("Error: ")
    assert "Error: " not in message
    return message


# What is run


def test_a_result_with_other_answers_is_made_again(root: Path) -> None:
    assert sam4ct("run-all", root, *OVERLAP).status == 0
    said = root / "Mine" / "02_CORRECTIONS.csv"
    said.write_text("kind,t,label\nbegins,0,1\n")
    again = sam4ct("run-all", root, *OVERLAP)
    assert again.out.splitlines()[-1] == "1 written, 2 there already, 0 failed"
    assert f"written {root / 'Mine' / '02_RES'}" in again.out
    assert sam4ct("run-all", root, *OVERLAP).out.endswith("0 written, 3 there already, 0 failed\n")
    said.write_text("kind,t,label\nstops,0,1\n")
    wrong = sam4ct("run-all", root, *OVERLAP)
    assert wrong.status == 2
    assert "Mine/02                   failed: " in wrong.out
    assert "'stops' is not a kind" in wrong.out


@pytest.mark.usefixtures("at_home")
def test_every_sequence_is_run_with_its_profile_once(root: Path) -> None:
    before = tree(root)
    ran = sam4ct("run-all", root, *OVERLAP)
    assert ran.status == 0, ran.err
    assert ran.out.splitlines() == [
        f"Mine/01                   written {root / 'Mine' / '01_RES'}",
        f"Mine/02                   written {root / 'Mine' / '02_RES'}",
        f"training/{KNOWN}/01  written {root / 'training' / KNOWN / '01_RES'}",
        "3 written, 0 there already, 0 failed",
    ]
    after = tree(root)
    assert before.items() <= after.items()
    records = {path.parent: json.loads(path.read_bytes()) for path in root.rglob("run.json")}
    derived = {str(folder.parent.name): bool(r["reasons"]) for folder, r in records.items()}
    assert derived == {"Mine": True, KNOWN: False}
    again = sam4ct("run-all", root, *OVERLAP)
    assert again.status == 0
    assert [line.split("  ")[-1].strip() for line in again.out.splitlines()] == [
        *["there already"] * 3,
        "0 written, 3 there already, 0 failed",
    ]
    assert tree(root) == after


@pytest.mark.usefixtures("at_home")
def test_only_what_is_not_there_is_run_unless_asked_otherwise(root: Path) -> None:
    shutil.rmtree(root / "training")
    assert sam4ct("run", root / "Mine", "01", *OVERLAP).status == 0
    first = root / "Mine" / "01_RES" / "res_track.txt"
    written = first.stat().st_mtime_ns
    ran = sam4ct("run-all", root, *OVERLAP)
    assert ran.out.splitlines()[-1] == "1 written, 1 there already, 0 failed"
    assert first.stat().st_mtime_ns == written
    again = sam4ct("run-all", root, *OVERLAP, "--overwrite")
    assert again.out.splitlines()[-1] == "2 written, 0 there already, 0 failed"
    assert first.stat().st_mtime_ns > written


@pytest.mark.usefixtures("at_home")
def test_results_below_another_root_lie_as_the_datasets_do(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(root / "Mine" / "02_ERR_SEG")
    before = tree(root)
    ran = sam4ct("run-all", root, *OVERLAP, "--out", tmp_path / "out")
    assert ran.status == 0, ran.err
    for result in ("Mine/01_RES", f"training/{KNOWN}/01_RES"):
        assert (tmp_path / "out" / result / "res_track.txt").exists()
    assert tree(root) == before
    assert f"{root / 'Mine'}: nothing to do for 02: {LACKING}" in caplog.messages


@pytest.mark.usefixtures("at_home")
def test_root_that_is_a_dataset_says_which_profile_its_name_misses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = add(tmp_path, "data")
    ran = sam4ct("-q", "run-all", dataset, *OVERLAP)
    assert ran.out.startswith(f"data/01  written {dataset / '01_RES'}\n")
    assert f"{dataset}: is a dataset itself, and no profile is named 'data'" in caplog.text


def test_quiet_run_says_nothing_on_stderr(tmp_path: Path) -> None:
    add(tmp_path, "Mine")
    ran = finished(start("-q", "run-all", tmp_path, *OVERLAP))
    assert (ran.status, ran.err) == (0, "")


@pytest.mark.usefixtures("at_home")
def test_movies_are_followed_beside_masks_that_are_linked(tmp_path: Path) -> None:
    add(tmp_path, "Mine")
    result = make_embryo(tmp_path, "--frames", 2) / "01_RES"
    options = [*OVERLAP, "--device", "cpu"]
    ran = sam4ct("-q", "run-all", tmp_path, *options)
    assert ran.status == 0, ran.err
    assert ran.out.splitlines() == [
        f"Embryo/01  written {result}",
        f"Mine/01    written {tmp_path / 'Mine' / '01_RES'}",
        "2 written, 0 there already, 0 failed",
    ]
    modes = {path.parts[-3]: json.loads(path.read_bytes()) for path in tmp_path.rglob("run.json")}
    assert modes["Embryo"]["mode"] == "track"
    before = tree(tmp_path)
    again = sam4ct("-q", "run-all", tmp_path, *options)
    assert again.out.splitlines()[-1] == "0 written, 2 there already, 0 failed"
    assert tree(tmp_path) == before
    (result / "mask001.tif").unlink()
    damaged = sam4ct("-q", "run-all", tmp_path, *options)
    assert damaged.status == 2
    assert f"failed: {result}: has 1 masks for 2 images: it is incomplete" in damaged.out


@pytest.mark.usefixtures("at_home")
def test_movie_without_initial_tracks_has_nothing_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(tmp_path, "Mine")
    embryo = make_embryo(tmp_path, "--frames", 1)
    for folder in ("01_INIT", "01_GT"):
        shutil.rmtree(embryo / folder)
    ran = sam4ct("-q", "run-all", tmp_path, *OVERLAP)
    assert ran.out.splitlines()[-1] == "1 written, 0 there already, 0 failed"
    assert f"{embryo}: nothing to do for 01: {LACKING}" in caplog.messages


def test_options_are_used_where_they_have_a_use(tmp_path: Path) -> None:
    add(tmp_path, "Images")
    add(tmp_path, "Volumes", VOLUME)
    names = ("compact-sam2", "compact-sam-med3d")
    options = Options(weights=names, generate_masks=True)
    prepared = prepare(tmp_path, options, None)
    images, volumes = prepared.jobs
    assert prepared.refused == {}
    assert (images.options.weights, images.options.generate_masks) == (names[:1], None)
    assert (volumes.options.weights, volumes.options.generate_masks) == (names, True)


# What fails


@pytest.mark.usefixtures("at_home")
def test_broken_sequences_are_told_and_the_others_run(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for case, name in (("mask_missing", "Unpaired"), ("truncated_image", "Damaged")):
        BAD_INPUTS[case](add(root, "Tiny"))
        (root / "Tiny").rename(root / name)
    add(root, "Volumes", VOLUME)
    shutil.rmtree(root / "Mine" / "02_ERR_SEG")
    ran = sam4ct("run-all", root, *OVERLAP, "--profile", KNOWN)
    assert ran.status == 2
    rows = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert rows["Mine/01"].startswith("written ")
    assert rows[f"training/{KNOWN}/01"].startswith("written ")
    assert rows["Unpaired/01"].startswith("failed: ")
    assert "mask001.tif missing" in rows["Unpaired/01"]
    assert "t003.tif: is truncated or damaged" in rows["Damaged/01"]
    assert "the image is 3D, but the profile is for 2D" in rows["Volumes/01"]
    assert rows["2"] == "written, 0 there already, 3 failed"
    before_work, _, after = caplog.text.partition("sequence 1 of 3")
    assert "Unpaired/01: failed: " in before_work
    assert "Volumes/01: failed: " in before_work
    assert "Damaged/01: failed: " in after


@pytest.mark.parametrize(
    ("ending", "status", "row"),
    [
        (Ending("01: is empty.\nFill it."), 2, "Mine/01  failed: 01: is empty."),
        (Ending("a fault", unexpected=True), 1, "Mine/01  failed: a fault"),
    ],
)
def test_status_tells_faults_of_the_program_from_those_of_the_user(
    ending: Ending, status: int, row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, "Mine")
    add(tmp_path, "Yours")
    endings = iter([ending, Ending("01: is full.")])
    monkeypatch.setattr(module, "run_command", lambda arguments: next(endings))
    ran = sam4ct("run-all", tmp_path, *OVERLAP)
    assert ran.status == status
    assert ran.out.splitlines()[0] == row.replace("Mine/01", "Mine/01 ")


def test_result_that_another_run_wrote_meanwhile_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = add(tmp_path, "Mine")

    def overtaken(arguments: Sequence[str]) -> Ending:
        assert sam4ct("run", dataset, "01", *OVERLAP).status == 0
        return run_command(arguments)

    run_command = module.run_command
    monkeypatch.setattr(module, "run_command", overtaken)
    ran = sam4ct("-q", "run-all", tmp_path, *OVERLAP)
    assert (ran.status, ran.out.splitlines()[0]) == (0, "Mine/01  there already")


# What is refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ((), "it holds nothing."),
        (("notes", "photos"), "it holds notes, photos."),
        (("Cells/01/t000.tif",), "it holds images, e.g. {root}/Cells/01, with neither masks nor"),
    ],
)
def test_nothing_to_run_is_refused_with_what_is_there(
    content: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    for name in content:
        (tmp_path / name).mkdir(parents=True)
    message = errors(sam4ct("run-all", tmp_path, *OVERLAP))
    assert message.startswith(f"{tmp_path}: there is nothing to run. Put datasets there")
    assert words.format(root=tmp_path) in message
    assert "docker run -v" in message


def test_all_that_stands_in_the_way_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, "Mine")
    (tmp_path / "file").touch()
    before = tree(tmp_path)
    wrong = ["--profile", "PSC", "--weights", "huge", "--out", tmp_path / "file" / "out"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.delenv("SAM4CT_DEVICE", raising=False)
    message = errors(sam4ct("-q", "run-all", tmp_path, *wrong))
    place, profile, weights, device = message.splitlines()
    assert place.startswith(f"{tmp_path / 'file'}: Not a directory.")
    assert "there is no profile 'PSC'" in profile
    assert weights.startswith("weights 'huge' are unknown")
    for words in ("sees 0 CUDA devices", "--gpus all", "--nv", "-e SAM4CT_DEVICE=cpu"):
        assert words in device
    assert tree(tmp_path) == before


def test_weights_without_a_use_are_refused(tmp_path: Path) -> None:
    add(tmp_path, "Mine")
    message = errors(sam4ct("run-all", tmp_path, *OVERLAP, "--weights", "compact-sam2"))
    assert message.startswith("--weights compact-sam2: is not used by any sequence here.")


@pytest.mark.parametrize("place", ["Mine", "out", "Mine/01_RES.sam4ct"])
def test_place_that_cannot_be_written_is_refused_with_its_owner(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by a stand-in: permissions do not stop root, who may be running the tests."""
    add(tmp_path, "Mine")
    refused = tmp_path / place
    refused.mkdir(exist_ok=True)
    make = tempfile.TemporaryFile

    def refusing(dir: Path, **names: str) -> IO[bytes]:
        if dir == refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return make(dir=dir, **names)

    monkeypatch.setattr(tempfile, "TemporaryFile", refusing)
    owner = refused.stat()
    monkeypatch.setattr(os, "geteuid", lambda: owner.st_uid + 1)
    before = tree(tmp_path)
    options = ["--out", tmp_path / "out" / "results"] if place == "out" else []
    message = errors(sam4ct("-q", "run-all", tmp_path, *OVERLAP, *options))
    assert message.startswith(f"{refused}: Permission denied. Make it writable")
    assert f"This is user {owner.st_uid + 1}:" in message
    assert f"belongs to {owner.st_uid}:{owner.st_gid}" in message
    assert tree(tmp_path) == before


@pytest.mark.usefixtures("at_home")
def test_place_that_cannot_be_written_does_not_stop_the_others(tmp_path: Path) -> None:
    add(tmp_path, "Mine")
    # Not even root can make a file there.
    (add(tmp_path, "Yours") / "01_RES").symlink_to("/proc/nowhere/01_RES")
    ran = sam4ct("-q", "run-all", tmp_path, *OVERLAP)
    assert ran.status == 2
    mine, yours, counts = ran.out.splitlines()
    assert mine == f"Mine/01   written {tmp_path / 'Mine' / '01_RES'}"
    assert yours.startswith("Yours/01  failed: /proc: ")
    assert counts == "1 written, 0 there already, 1 failed"


@pytest.mark.usefixtures("at_home")
def test_what_is_not_looked_into_or_lacks_images_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (add(tmp_path, "Mine") / "02_ERR_SEG").mkdir()
    (tmp_path / "A-secret").mkdir()
    listdir = os.listdir

    def refusing(folder: Path | str) -> list[str]:
        if folder == tmp_path / "A-secret":
            raise PermissionError
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refusing)  # root may read everything
    for run in ("1 written, 0 there already", "0 written, 1 there already"):
        ran = sam4ct("-q", "run-all", tmp_path, *OVERLAP)
        assert ran.status == 2
        secret, _, bare, counts = ran.out.splitlines()
        assert secret.startswith(f"A-secret  failed: {tmp_path / 'A-secret'}: cannot be read.")
        assert bare.startswith(f"Mine/02   failed: {tmp_path / 'Mine' / '02'}: is missing.")
        assert counts == f"{run}, 2 failed"


@pytest.mark.usefixtures("at_home")
def test_result_with_masks_missing_is_not_done(tmp_path: Path) -> None:
    result = add(tmp_path, "Mine") / "01_RES"
    assert sam4ct("-q", "run-all", tmp_path, *OVERLAP).status == 0
    whole = tree(result)
    (result / "mask001.tif").unlink()
    ran = sam4ct("-q", "run-all", tmp_path, *OVERLAP)
    assert ran.status == 2
    count = len(whole) - 1
    assert ran.out.startswith(f"Mine/01  failed: {result}: has ")
    assert f"has {count - 1} masks for {count} images: it is incomplete" in ran.out
    assert sam4ct("-q", "run-all", tmp_path, *OVERLAP, "--overwrite").status == 0
    assert tree(result) == whole


# How it is stopped


def results(root: Path) -> dict[str, bytes]:
    """Return what must be the same: masks, res_track.txt and the links."""
    files = [*root.rglob("*_RES/*"), *root.rglob("links.parquet")]
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(files)}


@pytest.mark.usefixtures("at_home")
def test_stopped_run_is_continued_by_the_same_command_to_the_same_bytes(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for name in ("A", "B"):
        simulate = ["simulate", whole, "--dataset", name, "--size", 96, 112, "--cells", 6]
        assert sam4ct(*simulate, "--frames", 10, "--seed", 4).status == 0
    shutil.copytree(whole, cut)
    assert sam4ct("run-all", whole, *OVERLAP).status == 0
    process = start("-q", "run-all", cut, *OVERLAP)
    deadline = time.monotonic() + PATIENCE
    while not list(cut.glob("B/01_RES.sam4ct/work/evidence/*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    stopped = finished(process)
    assert time.monotonic() - signalled < SOON
    assert (stopped.status, stopped.out) == (75, "")
    assert stopped.err == "stopped by SIGTERM; run the same command to continue\n"
    assert not (cut / "B" / "01_RES").exists()
    ran = sam4ct("run-all", cut, *OVERLAP)
    assert ran.out.splitlines()[-1] == "1 written, 1 there already, 0 failed", ran.err
    assert results(cut) == results(whole)
