"""Whatever a user gets wrong is one message and exit status 2, and changes nothing."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from scenes.bad_inputs import BAD_INPUTS, BLAMED, REMEDY, SHAPE, make_dataset, mask, save
from scenes.commands import ROOT, Outcome, finished, sam4ct, start, tree

from sam4ct.io.files.locks import FolderLock
from sam4ct.models.weights.manifest import load_manifest

pytestmark = pytest.mark.who

Surroundings = Callable[[Path], list[object]]
"""Changes something around a dataset and returns the arguments of `sam4ct`."""

OTHER_FAULTS: dict[str, Surroundings] = {}
MESSAGES: dict[str, str] = {}


def fault(message: str) -> Callable[[Surroundings], Surroundings]:
    """Register a fault under its name; the error must match the pattern `message`."""

    def register(function: Surroundings) -> Surroundings:
        OTHER_FAULTS[function.__name__] = function
        MESSAGES[function.__name__] = message
        return function

    return register


# Results and where they go


@fault(r"01_RES: is not empty\. Add --overwrite")
def result_exists(dataset: Path) -> list[object]:
    (dataset / "01_RES").mkdir()
    (dataset / "01_RES" / "res_track.txt").write_text("1 0 3 0\n")
    return ["run", dataset]


@fault(r"01_RES: holds thesis\.doc, so it is not a result")
def overwriting_what_is_no_result(dataset: Path) -> list[object]:
    (dataset / "01_RES").mkdir()
    (dataset / "01_RES" / "thesis.doc").write_text("years of work")
    return ["run", dataset, "--overwrite"]


@fault(r"01_RES: is a file\.")
def result_is_a_file(dataset: Path) -> list[object]:
    (dataset / "01_RES").write_text("")
    return ["run", dataset]


@fault(r"01_RES\.sam4ct: .* A file stands where a folder is needed")
def work_folder_is_a_file(dataset: Path) -> list[object]:
    (dataset / "01_RES.sam4ct").write_text("")
    return ["run", dataset, "--evidence", "overlap"]


@fault(r"notes\.txt is a file\. A file stands where a folder is needed")
def file_above_the_result(dataset: Path) -> list[object]:
    (dataset.parent / "notes.txt").write_text("")
    return ["run", dataset, "--out", dataset.parent / "notes.txt" / "out"]


@fault(r"01/out: the result may not be written into or over the input")
def result_inside_the_images(dataset: Path) -> list[object]:
    return ["run", dataset, "--out", dataset / "01" / "out"]


@fault(r"Tiny: the result may not be written into or over the input")
def result_in_place_of_the_dataset(dataset: Path) -> list[object]:
    return ["run", dataset, "--out", dataset, "--overwrite"]


# Sequences and frames


@fault(r"Tiny/07: there is no such sequence\. Choose from: 01")
def unknown_sequence(dataset: Path) -> list[object]:
    return ["run", dataset, "07"]


@fault(r"02_ERR_SEG: is missing")
def second_sequence_without_masks(dataset: Path) -> list[object]:
    shutil.copytree(dataset / "01", dataset / "02")
    return ["run", dataset, "01", "02"]


@fault(r"02_ERR_SEG/mask001\.tif")
def second_sequence_damaged(dataset: Path) -> list[object]:
    for folder in ("", "_ERR_SEG"):
        shutil.copytree(dataset / f"01{folder}", dataset / f"02{folder}")
    (dataset / "02_ERR_SEG" / "mask001.tif").write_bytes(b"")
    return ["run", dataset]


@fault(r"t000\.tif: the image is 3D, but the profile is for 2D")
def volumes_with_a_profile_for_images(dataset: Path) -> list[object]:
    shutil.rmtree(dataset)
    volumes = make_dataset(dataset.parent, (3, *SHAPE))
    return ["run", volumes, "--profile", "PhC-C2DH-U373"]


# Profiles


@fault(r"there is no profile 'PhC-C2DH-U337'\. Did you mean 'PhC-C2DH-U373'")
def unknown_profile(dataset: Path) -> list[object]:
    return ["run", dataset, "--profile", "PhC-C2DH-U337"]


@fault(r"mine\.toml: cannot be read")
def profile_file_missing(dataset: Path) -> list[object]:
    return ["run", dataset, "--profile", dataset.parent / "mine.toml"]


@fault(r"mine\.toml: unknown key 'windowpx'\. Did you mean 'window_px'")
def profile_with_a_typo(dataset: Path) -> list[object]:
    return ["run", dataset, "--profile", edited_profile(dataset, "window_px", "windowpx")]


@fault(r"mine\.toml: .*window_px is -\d+\. Give a positive even number")
def profile_with_a_wrong_value(dataset: Path) -> list[object]:
    return ["run", dataset, "--profile", edited_profile(dataset, "window_px = ", "window_px = -")]


@fault(r"prompt is 'points', but compact-sam2 was trained with mask prompts only")
def prompt_that_the_network_does_not_know(dataset: Path) -> list[object]:
    points = edited_profile(dataset, "ndim = 2", 'ndim = 2\nprompt = "points"')
    return ["run", dataset, "--profile", points]


@fault(r"mine\.toml: is not a TOML file")
def profile_that_is_no_toml(dataset: Path) -> list[object]:
    return ["run", dataset, "--profile", edited_profile(dataset, "=", ":")]


@fault(r"t000\.tif: the image is 2D, but the profile is for 3D")
def profile_for_volumes(dataset: Path) -> list[object]:
    return ["run", dataset, "--profile", "Fluo-N3DH-CE"]


@fault(r"t000\.tif: the image is 2D, but the profile is for 3D")
def single_slices_and_a_profile_for_volumes(dataset: Path) -> list[object]:
    shutil.rmtree(dataset)
    return ["run", make_dataset(dataset.parent, (1, *SHAPE)), "--profile", "Fluo-N3DH-CE"]


@fault(r"mask000\.tif: .* last axis looks like 6 channels or slices, not x\. Save .*\(z, y, x\)")
def masks_in_another_order(dataset: Path) -> list[object]:
    BAD_INPUTS["masks_with_z_last"](dataset)
    return ["check", dataset]


@fault(r"mask000\.tif: .* One is a plane, the other a volume\. Save all images and masks as")
def planes_and_volumes(dataset: Path) -> list[object]:
    BAD_INPUTS["masks_of_a_single_slice"](dataset)
    return ["check", dataset]


@fault(r"t002\.tif: .* Only the number of slices differs\. Save all images and masks with")
def slices_missing(dataset: Path) -> list[object]:
    BAD_INPUTS["slices_missing_in_one_image"](dataset)
    return ["check", dataset]


def edited_profile(dataset: Path, old: str, new: str) -> Path:
    text = (ROOT / "dataset_profiles" / "PhC-C2DH-U373.toml").read_text()
    lines = [line if line.startswith("#") else line.replace(old, new) for line in text.split("\n")]
    path = dataset.parent / "mine.toml"
    path.write_text("\n".join(lines))
    return path


# Weights and devices


@fault(r"weights 'compact-sam' are unknown.*compact-sam2")
def unknown_weights(dataset: Path) -> list[object]:
    return ["run", dataset, "--weights", "compact-sam"]


@fault(r"weights 'sam2\.1-hiera-tiny' are not here\. Fetch them: sam4ct weights fetch")
def weights_not_here(dataset: Path) -> list[object]:
    return ["run", dataset, "--weights", "sam2.1-hiera-tiny"]


@fault(r"mine\.safetensors is not 'mine': SHA-256 \w+ found, 0{64} expected")
def weight_file_with_a_wrong_hash(dataset: Path) -> list[object]:
    own_weights(dataset, sha256="0" * 64)
    return ["run", dataset, "--weights", "mine"]


@fault(r"mine\.safetensors is not 'mine': \d+ bytes found")
def weight_file_cut_off(dataset: Path) -> list[object]:
    os.truncate(own_weights(dataset), 5000)
    return ["run", dataset, "--weights", "mine"]


@fault(r"'mine' and 'compact-sam2' are both of role sam2")
def two_weights_for_one_role(dataset: Path) -> list[object]:
    own_weights(dataset)
    return ["run", dataset, "--weights", "mine", "--weights", "compact-sam2"]


@fault(r"--weights compact-sam2: is not used with --evidence overlap")
def weights_without_a_network(dataset: Path) -> list[object]:
    return ["run", dataset, "--weights", "compact-sam2", "--evidence", "overlap"]


@fault(r"--device cuda:99: PyTorch sees \d+ CUDA devices")
def cuda_device_that_is_not_there(dataset: Path) -> list[object]:
    return ["run", dataset, "--device", "cuda:99"]


@fault(r"'--device': 'gpu' is not a device\. Use auto, cpu, cuda or cuda:N")
def device_of_no_kind(dataset: Path) -> list[object]:
    return ["run", dataset, "--device", "gpu"]


def own_weights(dataset: Path, **changes: str) -> Path:
    """Enter the compact weights once more, as "mine", where the user's weights are looked for."""
    folder = dataset.parent / "weights"
    sam4ct("weights", "add", ROOT / "sam4ct" / "weights" / "compact_sam2.safetensors",
           "--name", "mine", "--role", "sam2", "--config", "sam2.1_hiera_t", "--image-size", 128,
           "--overrides", overrides_of_compact(dataset), "--window-diameters", 3.0,
           "--licence", "Apache-2.0", "--file", "mine.safetensors")  # fmt: skip
    manifest = folder / "weights_manifest.json"
    content = json.loads(manifest.read_text())
    content["weights"][0] |= changes
    manifest.write_text(json.dumps(content))
    return folder / "mine.safetensors"


def overrides_of_compact(dataset: Path) -> Path:
    path = dataset.parent / "overrides.json"
    path.write_text(json.dumps(dict(load_manifest().get("compact-sam2").overrides)))
    return path


# Options


@fault(r"Missing argument 'DATASET_DIR'")
def no_dataset(dataset: Path) -> list[object]:
    return ["run"]


@fault(r"No such option.*--overwite")
def unknown_option(dataset: Path) -> list[object]:
    return ["run", dataset, "--overwite"]


@fault(r"No such command 'track'")
def unknown_command(dataset: Path) -> list[object]:
    return ["track", dataset]


@fault(r"'--evidence': 'guess' is not one of")
def unknown_evidence(dataset: Path) -> list[object]:
    return ["run", dataset, "--evidence", "guess"]


@fault(r"'--frames': '3' is not a range of frames\. Give A:B, e\.g\. 0:50")
def frames_that_are_no_range(dataset: Path) -> list[object]:
    return ["stage", "propagate", dataset, "01", "--frames", "3"]


# Other commands


@fault(r"holds Tiny, which is no part of a demo\. Give a new folder")
def demo_among_other_files(dataset: Path) -> list[object]:
    return ["demo", dataset.parent]


@fault(r"Tiny: exists already\. Remove it, or choose another")
def simulating_over_a_dataset(dataset: Path) -> list[object]:
    return ["simulate", dataset.parent, "--dataset", "Tiny", "--frames", 2]


@fault(r"01_GT: cannot be listed .*Give a folder that exists")
def evaluating_without_the_truth(dataset: Path) -> list[object]:
    return ["evaluate", dataset / "01_RES", dataset / "01_GT"]


@fault(r"01_RES: cannot be listed .*Give a folder that exists")
def validating_without_a_result(dataset: Path) -> list[object]:
    return ["validate", dataset / "01_RES"]


@fault(r"01_RES: cannot be listed .*Give a folder that exists")
def reporting_without_a_result(dataset: Path) -> list[object]:
    return ["report", dataset / "01_RES"]


@fault(r"Tiny: holds no frames\. Give a folder of t000\.tif")
def converting_a_folder_without_frames(dataset: Path) -> list[object]:
    return ["convert", dataset, dataset.parent / "out.zarr"]


@fault(r"01: t001\.tif missing")
def converting_with_a_gap(dataset: Path) -> list[object]:
    (dataset / "01" / "t001.tif").unlink()
    return ["convert", dataset / "01", dataset.parent / "out.zarr"]


@fault(r"out\.zarr: is there already\. Add --overwrite")
def converting_over_a_file(dataset: Path) -> list[object]:
    (dataset.parent / "out.zarr").write_text("")
    return ["convert", dataset / "01", dataset.parent / "out.zarr"]


@fault(r"notes\.txt is a file\. A file stands where a folder is needed")
def converting_to_below_a_file(dataset: Path) -> list[object]:
    (dataset.parent / "notes.txt").write_text("")
    return ["convert", dataset / "01", dataset.parent / "notes.txt" / "out.zarr"]


@fault(r"mask000\.tif: has no labels, all is background\. Give a frame")
def tracks_of_an_empty_frame(dataset: Path) -> list[object]:
    save(mask(dataset, 0), np.zeros(SHAPE, np.uint16))
    return ["init-tracks", mask(dataset, 0), dataset.parent / "tracks.json"]


@fault(r"tracks\.json: is there already\. Add --overwrite")
def tracks_over_older_ones(dataset: Path) -> list[object]:
    (dataset.parent / "tracks.json").write_text("{}")
    return ["init-tracks", mask(dataset, 0), dataset.parent / "tracks.json"]


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small sound dataset; weights are looked for in the package and in `weights` beside it."""
    monkeypatch.setenv("SAM4CT_WEIGHTS", str(tmp_path / "weights"))
    return make_dataset(tmp_path)


def errors_in(outcome: Outcome) -> list[str]:
    return [line for line in outcome.err.splitlines() if line.startswith("Error: ")]


def assert_refused(outcome: Outcome) -> str:
    """A refusal is status 2, one line `Error: ...`, and nothing on stdout; return that line."""
    assert outcome.status == 2, outcome
    (message,) = errors_in(outcome)
    assert outcome.err.endswith(f"{message}\n")
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    return message


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_frames_are_refused_with_file_and_remedy(case: str, dataset: Path) -> None:
    BAD_INPUTS[case](dataset)
    before = tree(dataset.parent)
    message = assert_refused(sam4ct("run", dataset))
    assert re.search(rf"{re.escape(str(dataset.parent))}\S*\b{re.escape(BLAMED[case])}:", message)
    assert REMEDY.search(message)
    assert tree(dataset.parent) == before


@pytest.mark.parametrize("case", OTHER_FAULTS)
def test_other_faults_are_refused_with_the_reason(case: str, dataset: Path) -> None:
    args = OTHER_FAULTS[case](dataset)
    before = tree(dataset.parent)
    message = assert_refused(sam4ct(*args))
    assert re.search(MESSAGES[case], message)
    assert tree(dataset.parent) == before


def test_at_least_thirty_kinds_beside_those_of_frames() -> None:
    assert len(OTHER_FAULTS) >= 30


@pytest.mark.parametrize("case", ["truncated_mask", "dataset_missing", "float_masks"])
def test_quiet_process_prints_nothing_but_the_message(case: str, dataset: Path) -> None:
    BAD_INPUTS[case](dataset)
    outcome = finished(start("-q", "run", dataset))
    assert outcome.err == f"{assert_refused(outcome)}\n"


def test_check_refuses_what_run_refuses(dataset: Path) -> None:
    BAD_INPUTS["mask_missing"](dataset)
    before = tree(dataset.parent)
    assert assert_refused(sam4ct("check", dataset)) == assert_refused(sam4ct("run", dataset))
    assert tree(dataset.parent) == before


def test_second_run_of_a_sequence_is_refused_while_the_first_works(dataset: Path) -> None:
    half_written = dataset / ".01_RES.sam4ct-new" / "mask000.tif"
    with FolderLock.held(dataset / "01_RES.sam4ct", shared=False):
        half_written.parent.mkdir()
        half_written.write_bytes(b"of the first run")
        before = tree(dataset)
        message = assert_refused(sam4ct("run", dataset, "--evidence", "overlap"))
        assert tree(dataset) == before
    assert "01_RES.sam4ct: in use by " in message
    assert "Wait until it has ended" in message


def test_association_before_the_evidence_is_refused(dataset: Path) -> None:
    message = assert_refused(sam4ct("stage", "associate", dataset, "01", "--evidence", "overlap"))
    assert "frame pairs is missing, the first begins at frame 0" in message
    assert not (dataset / "01_RES").exists()


def test_unfinished_run_is_not_continued_with_other_weights(dataset: Path) -> None:
    assert sam4ct("stage", "propagate", dataset, "01", "--frames", "0:1").status == 0
    own_weights(dataset)
    before = tree(dataset)
    message = assert_refused(sam4ct("run", dataset, "--weights", "mine"))
    assert "holds an unfinished run that was begun with other weights" in message
    assert "weights.sam2 compact-sam2" in message
    assert tree(dataset) == before


# Disks


Refuse = Callable[[str, int], None]


@pytest.fixture
def refuse_at(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Let the disk refuse, with an errno, to sync or rename to a path that contains a text."""
    fsync, replace = os.fsync, os.replace

    def refuse(part: str, number: int) -> None:
        def refusing_fsync(file: int) -> None:
            if part in os.readlink(f"/proc/self/fd/{file}"):
                raise OSError(number, os.strerror(number))
            fsync(file)

        def refusing_replace(source: Path, target: Path) -> None:
            if part in str(target):
                raise OSError(number, os.strerror(number), str(source))
            replace(source, target)

        monkeypatch.setattr(os, "fsync", refusing_fsync)
        monkeypatch.setattr(os, "replace", refusing_replace)

    return refuse


PLACES = [
    "work/key.json",
    "work/detections.parquet",
    "work/evidence/00002_1",
    "links.parquet",
    "generated.parquet",
    ".01_RES.sam4ct-new/mask002",
    "report.html",
    "run.json",
]


@pytest.mark.parametrize("place", PLACES)
def test_full_disk_anywhere_is_named_and_the_same_command_continues(
    place: str, dataset: Path, refuse_at: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_at(place, errno.ENOSPC)
    message = assert_refused(sam4ct("run", dataset, "--evidence", "overlap"))
    assert "No space left on device. Free some space" in message
    assert not (dataset / "01_RES").exists()
    assert not [path for path in dataset.rglob("*") if path.match("*.tmp") or "-new" in path.name]
    monkeypatch.undo()
    assert sam4ct("run", dataset, "--evidence", "overlap").status == 0
    assert sam4ct("validate", dataset / "01_RES", "--images", dataset / "01").status == 0


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "Make it writable"),
        (errno.EROFS, "Choose a place that is not mounted read-only"),
        (errno.EDQUOT, "Free some of your quota"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_reason_of_the_disk_and_its_remedy_are_told(
    number: int, remedy: str, dataset: Path, refuse_at: Refuse
) -> None:
    refuse_at("work/key.json", number)
    message = assert_refused(sam4ct("run", dataset, "--evidence", "overlap"))
    assert f"work/key.json: {os.strerror(number)}. {remedy}" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_the_right_to_write_is_refused_before_any_work(dataset: Path) -> None:
    dataset.chmod(0o555)
    before = tree(dataset)
    message = assert_refused(sam4ct("run", dataset, "--evidence", "overlap"))
    assert "no right to write" in message
    assert tree(dataset) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 kB, where this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_full_disk_is_named_and_no_result_is_left(dataset: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(40 << 10))
    before = tree(dataset)
    message = assert_refused(
        sam4ct("run", dataset, "--evidence", "overlap", "--out", small_disk / "01_RES")
    )
    assert "No space left on device" in message
    assert not (small_disk / "01_RES").exists()
    assert tree(dataset) == before
