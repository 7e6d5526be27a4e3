"""What cannot be followed is refused before any work: one message, exit status 2, no file."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile
import zarr
from scenes.bad_inputs import REMEDY, make_dataset
from scenes.commands import sam4ct, tree
from scenes.embryo_runs import FRAMES, OVERLAP, as_zarr_frames, make_embryo, write_array

from sam4ct.models.weights.manifest import MANIFEST, PACKAGED_WEIGHTS, load_manifest

pytestmark = pytest.mark.who

Surroundings = Callable[[Path], list[object]]
"""Changes something around a dataset and returns the arguments of `sam4ct`."""

FAULTS: dict[str, Surroundings] = {}
MESSAGES: dict[str, str] = {}


def fault(message: str) -> Callable[[Surroundings], Surroundings]:
    """Register a fault under its name; the error must match the pattern `message`."""

    def register(function: Surroundings) -> Surroundings:
        FAULTS[function.__name__] = function
        MESSAGES[function.__name__] = message
        return function

    return register


# Inputs


@fault(r"01_SEEDS: no seeds for 1 frames, t002\.csv missing\. Add the files")
def seeds_of_a_frame_missing(dataset: Path) -> list[object]:
    (dataset / "01_SEEDS" / "t002.csv").unlink()
    return ["run", dataset]


@fault(r"01_SEEDS/t004\.csv: 1 of \d+ seeds of frame 4 lie outside the volume of 10 x 128 x 128")
def seed_outside_in_the_last_frame(dataset: Path) -> list[object]:
    with (dataset / "01_SEEDS" / f"t{FRAMES - 1:03d}.csv").open("a") as file:
        file.write("99,5,5\n")
    # To derive a profile, more seeds would be read than to use one.
    return ["run", dataset, "--profile", "Fluo-N3DL-DRO"]


@fault(r"01_CORRECTIONS\.csv: corrections are for masks that are linked.*--no-corrections")
def corrections_where_cells_are_followed(dataset: Path) -> list[object]:
    (dataset / "01_CORRECTIONS.csv").write_text("kind,t,label\nends,1,1\n")
    return ["run", dataset]


@fault(r"01_SEEDS/t003\.csv, line 2: x is '1,5'\. Write it with a decimal point")
def seeds_with_decimal_commas(dataset: Path) -> list[object]:
    (dataset / "01_SEEDS" / "t003.csv").write_text("z;y;x\n1;2;1,5\n")
    return ["run", dataset]


@fault(r"01_SEEDS: there are no seeds\. Find them with `sam4ct seeds \S+/01\.zarr`")
def no_seeds(dataset: Path) -> list[object]:
    shutil.rmtree(dataset / "01_SEEDS")
    return ["run", dataset]


@fault(r"01_INIT: there are no initial tracks\. Label .* `sam4ct init-tracks")
def no_initial_tracks(dataset: Path) -> list[object]:
    for folder in ("01_INIT", "01_GT"):
        shutil.rmtree(dataset / folder)
    return ["run", dataset]


@fault(r"Embryo/01: there is no movie\..*`sam4ct convert`")
def no_movie(dataset: Path) -> list[object]:
    shutil.rmtree(dataset / "01.zarr")
    return ["run", dataset]


@fault(r"tracks\.json: the initial centroid of track 1 at \(0, 2, 2\) lies in the background")
def initial_centroid_in_the_background(dataset: Path) -> list[object]:
    path = dataset / "01_INIT" / "tracks.json"
    initial = json.loads(path.read_text())
    initial["tracks"][0]["centroid"] = [0, 2, 2]
    path.write_text(json.dumps(initial))
    movie = zarr.open_group(dataset / "01.zarr", mode="r+")
    movie["0"][0, :, :40, :40] = 0
    return ["run", dataset]


@fault(r"01/t003\.tif: is uint16 of shape \(9, 128, 128\), but t000\.tif is uint16 of .* Only the")
def frames_of_two_shapes(dataset: Path) -> list[object]:
    as_tiff(dataset)
    frame = tifffile.imread(dataset / "01" / "t003.tif")
    tifffile.imwrite(dataset / "01" / "t003.tif", frame[1:], photometric="minisblack")
    return ["run", dataset]


@fault(r"01/t003\.zarr\S* is uint16 of shape \(9, 128, 128\), but t000\.zarr\S* is .* Only the")
def zarr_frames_of_two_shapes(dataset: Path) -> list[object]:
    as_zarr_frames(dataset / "01.zarr", dataset / "01")
    group = zarr.open_group(dataset / "01" / "t003.zarr", mode="r+")
    frame = group["0"][1:]
    del group["0"]
    write_array(group, frame, (4, 64, 64))
    return ["run", dataset]


@fault(r"01/t004\.tif: .*Copy")
def last_frame_cut_off(dataset: Path) -> list[object]:
    as_tiff(dataset)
    cut = dataset / "01" / "t004.tif"
    cut.write_bytes(cut.read_bytes()[:5000])
    return ["run", dataset]


def as_tiff(dataset: Path) -> None:
    shutil.rmtree(dataset)
    make_embryo(dataset.parent, "--tiff")


@fault(r"Embryo/07: there is no movie\..* Sequences that have all they need: 01\.")
def unknown_sequence(dataset: Path) -> list[object]:
    return ["run", dataset, "07"]


# Options


@fault(r"Embryo: --seeds and --init-tracks are for one sequence, but there are 01, 02\. Name")
def seeds_for_two_sequences(dataset: Path) -> list[object]:
    for part in (".zarr", "_SEEDS", "_INIT"):
        shutil.copytree(dataset / f"01{part}", dataset / f"02{part}")
    return ["run", dataset, "--seeds", dataset / "01_SEEDS"]


@fault(r"the profile Fluo-N3DH-CE links masks and does not use --seeds .* Leave them out")
def seeds_with_a_profile_for_linking(dataset: Path) -> list[object]:
    profile = ["--profile", "Fluo-N3DH-CE"]
    return ["run", make_dataset(dataset.parent), *profile, "--seeds", dataset / "01_SEEDS"]


@fault(r"01\.zarr: the profile Fluo-N3DH-CE links given masks .* e\.g\. --profile auto")
def profile_for_linking(dataset: Path) -> list[object]:
    return ["run", dataset, "--profile", "Fluo-N3DH-CE"]


@fault(r"01\.zarr: the profile Mine does not say how large cells are.* Add cell_diameter_px")
def profile_without_a_diameter(dataset: Path) -> list[object]:
    lines = shipped("Fluo-N3DL-DRO").splitlines()
    return profile_of(dataset, [line for line in lines if "cell_diameter_px" not in line])


@fault(r"01\.zarr: the profile Mine is for 2D, .* Choose")
def profile_for_images(dataset: Path) -> list[object]:
    text = shipped("Fluo-N3DL-DRO").replace("ndim = 3", "ndim = 2")
    return profile_of(dataset, text.replace("generate_masks = true", "").splitlines())


def shipped(name: str) -> str:
    return sam4ct("profiles", "show", name).out.replace(name, "Mine")


def profile_of(dataset: Path, lines: list[str]) -> list[object]:
    mine = dataset.parent / "mine.toml"
    mine.write_text("\n".join(lines))
    return ["run", dataset, "--profile", mine]


@fault(r"01\.zarr: its cells are followed by masks of SAM-Med3D\. Leave out --no-generate-masks")
def no_generated_masks(dataset: Path) -> list[object]:
    return ["run", dataset, "--no-generate-masks"]


@fault(r"'sam-med3d-tric' are unknown.* never published\. Make .*`sam4ct finetune`.*`sam4ct w")
def weights_that_were_never_published(dataset: Path) -> list[object]:
    return ["run", dataset, "--weights", "sam-med3d-tric"]


@fault(r"'sam-med3d-turbo' are not here\. Fetch them: sam4ct weights fetch")
def weights_that_are_not_here(dataset: Path) -> list[object]:
    return ["run", dataset, "--weights", "sam-med3d-turbo"]


@fault(r"--weights compact-sam2: is not used with --evidence overlap\. Leave")
def network_for_plain_overlap(dataset: Path) -> list[object]:
    return ["run", dataset, "--evidence", "overlap", "--weights", "compact-sam2"]


@fault(r"Embryo/01: its cells are followed .* Use `sam4ct run \S+Embryo 01`")
def single_stages(dataset: Path) -> list[object]:
    return ["stage", "propagate", dataset, "01", "--frames", "0:2"]


# Results and where they go


@fault(r"01_RES: is not empty\. Add --overwrite")
def result_there_already(dataset: Path) -> list[object]:
    (dataset / "01_RES").mkdir()
    (dataset / "01_RES" / "res_track.txt").write_text("1 0 4 0\n")
    return ["run", dataset]


@fault(r"01_RES\.sam4ct: .* A file stands where a folder is needed")
def work_folder_is_a_file(dataset: Path) -> list[object]:
    (dataset / "01_RES.sam4ct").write_text("")
    return ["run", dataset]


@fault(r"01\.zarr/out: the result may not be written into or over the input")
def result_inside_the_movie(dataset: Path) -> list[object]:
    return ["run", dataset, "--out", dataset / "01.zarr" / "out"]


@pytest.fixture
def dataset(embryo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of an embryo, and no weights but those included."""
    monkeypatch.setenv("SAM4CT_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return shutil.copytree(embryo, tmp_path / "Embryo")


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_one_message_that_says_what_to_do(name: str, dataset: Path) -> None:
    arguments = FAULTS[name](dataset)
    before = tree(dataset.parent)
    refusal = refused(*arguments)
    assert re.search(MESSAGES[name], refusal), refusal
    assert REMEDY.search(refusal), refusal
    assert tree(dataset.parent) == before


def refused(*arguments: object) -> str:
    outcome = sam4ct("-q", *arguments)
    assert (outcome.status, outcome.out) == (2, ""), outcome
    lines = outcome.err.splitlines()
    assert [line.startswith("Error: ") for line in lines] == [True], outcome.err
    return lines[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_the_right_to_write_is_refused_before_any_work(dataset: Path) -> None:
    dataset.chmod(0o555)
    assert "no right to write" in refused("run", dataset, *OVERLAP)
    dataset.chmod(0o755)
    assert not list(dataset.glob("*RES*"))


def test_unfinished_run_is_not_continued_with_other_weights(dataset: Path) -> None:
    own_weights(dataset.parent / "weights")
    assert sam4ct("run", dataset, *OVERLAP).status == 0
    shutil.rmtree(dataset / "01_RES")
    (dataset / "01_RES.sam4ct" / "run.json").unlink()
    before = tree(dataset)
    message = refused("run", dataset, *OVERLAP, "--weights", "mine")
    assert "unfinished run that was begun with other weights" in message
    assert "weights.sam_med3d compact-sam-med3d" in message
    assert tree(dataset) == before


def own_weights(folder: Path) -> None:
    """Enter the compact SAM-Med3D once more, as "mine", where the user's weights are."""
    entry = load_manifest().get("compact-sam-med3d")
    folder.mkdir()
    shutil.copy(PACKAGED_WEIGHTS / entry.file, folder)
    mine = entry.to_json() | {"name": "mine", "source": "local", "default_on": None}
    (folder / MANIFEST).write_text(json.dumps({"weights": [mine]}))


def test_seeds_chosen_by_hand_win_over_masks(dataset: Path) -> None:
    (dataset / "01_ERR_SEG").mkdir()
    checked = sam4ct("check", dataset, "--seeds", dataset / "01_SEEDS", "--evidence", "overlap")
    assert checked.status == 0, checked.err
    assert "mode = track" in checked.out
