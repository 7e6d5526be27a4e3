"""Two files in the place of a dataset: imported beside the result, linked, and told in advance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.commands import Outcome, sam4ct, tree
from scenes.input_forms import FORMS, SHAPES, imagej, ome_zarr_with_labels, plain, scene

QUICK = ("--evidence", "overlap", "--no-report")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    images, labels = scene("2D")
    return imagej(tmp_path / "movie.tif", images, "TYX"), plain(tmp_path / "masks.tif", labels)


def run(*args: object) -> Outcome:
    return sam4ct("run", *args, *QUICK)


def test_import_says_what_it_took_for_what_and_what_is_next(files: tuple[Path, Path]) -> None:
    dataset = files[0].parent / "DS"
    done = sam4ct("import", *files, dataset, "--interval", "90", "--spacing", "1", "0.5", "0.5")
    assert done.status == 0, done.err
    assert done.out.splitlines() == [
        f"{files[0]}: one file, time 4, rows 24, columns 30 (uint16)",
        f"{files[1]}: one file, time 4, rows 24, columns 30 (uint16)",
        "frames: 4 (0 to 3)",
        "voxel (micrometres): 0.5 x 0.5",
        "interval (seconds): 90",
        "cells in the first frame: 2",
        f"{dataset / '01'}: written. Next: sam4ct run {dataset} 01",
    ]


def test_two_files_give_the_result_of_their_dataset(files: tuple[Path, Path]) -> None:
    root = files[0].parent
    done = run(*files, "--out", root / "OUT")
    assert done.status == 0, done.err
    assert done.out.rstrip().endswith(f"{root / 'OUT'}: written")
    assert sam4ct("import", *files, root / "DS").status == 0
    assert run(root / "DS").status == 0
    assert tree(root / "OUT") == tree(root / "DS" / "01_RES")


def test_the_same_command_imports_once_and_other_masks_again(files: tuple[Path, Path]) -> None:
    root = files[0].parent
    frame = root / "OUT.sam4ct" / "input" / "movie" / "01" / "t000.tif"
    run(*files, "--out", root / "OUT")
    first = frame.stat().st_ctime_ns
    run(*files, "--out", root / "OUT", "--overwrite")
    assert frame.stat().st_ctime_ns == first
    plain(files[1], scene("2D")[1][:, ::-1])
    run(*files, "--out", root / "OUT", "--overwrite")
    assert frame.stat().st_ctime_ns > first
    assert tifffile.imread(root / "OUT" / "mask000.tif")[-3, 3] > 0


def test_a_result_that_is_there_is_refused_before_anything_is_read(
    files: tuple[Path, Path],
) -> None:
    root = files[0].parent
    run(*files, "--out", root / "OUT")
    np.save(root / "other.npy", scene("2D")[1])
    before = tree(root)
    done = run(files[0], root / "other.npy", "--out", root / "OUT")
    assert (done.status, tree(root)) == (2, before)
    assert "OUT: is not empty. Add --overwrite" in done.err


def test_check_says_the_same_and_leaves_nothing(files: tuple[Path, Path]) -> None:
    before = tree(files[0].parent)
    done = sam4ct("check", *files, "--evidence", "overlap")
    assert done.status == 0, done.err
    assert "one file, time 4, rows 24, columns 30" in done.out
    assert "4 frames of 24 x 30" in done.out
    assert tree(files[0].parent) == before


@pytest.mark.parametrize("command", ["run", "check"])
def test_what_is_unclear_is_asked_for_with_the_command_that_was_given(
    command: str, tmp_path: Path
) -> None:
    images, labels = scene("2D")
    source, masks = plain(tmp_path / "a.tif", images), plain(tmp_path / "b.tif", labels)
    given = (command, source, masks, "--out", tmp_path / "OUT")
    refused = sam4ct(*given)
    assert refused.status == 2
    assert f"Say it: sam4ct {' '.join(map(str, given))} --axes TYX" in refused.err
    assert sam4ct(*given, "--axes", "TYX", "--evidence", "overlap").status == 0


def test_a_result_folder_is_asked_for(files: tuple[Path, Path]) -> None:
    done = run(*files)
    assert done.status == 2
    assert "Add --out OUT" in done.err


def test_options_of_movies_are_refused_for_a_dataset(files: tuple[Path, Path]) -> None:
    dataset = files[0].parent / "DS"
    sam4ct("import", *files, dataset)
    done = run(dataset, "--axes", "TYX")
    assert done.status == 2
    assert "--axes is for IMAGES and MASKS" in done.err


@pytest.mark.parametrize("name", ["01", "DS/01", "01/"])
def test_a_sequence_of_a_dataset_is_never_taken_for_masks(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(files[0].parent)
    sam4ct("import", *files, "DS")
    Path("01").mkdir()
    assert run("DS", name).out.startswith(f"{Path('DS/01_RES').resolve()}: written")


def test_a_sequence_that_is_missing_is_told_as_such(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files[0].parent)
    sam4ct("import", *files, "DS")
    Path("02").mkdir()
    assert "DS/02: there is no such sequence" in run("DS", "02").err


@pytest.mark.parametrize("form", ["cellpose_seg_npy", "ome_zarr_with_labels"])
def test_images_and_masks_may_be_one_folder(tmp_path: Path, form: str) -> None:
    images, masks, _ = FORMS[form](tmp_path, scene("2D"))
    assert images == masks
    done = run(images, masks, "--out", tmp_path / "OUT")
    assert done.status == 0, done.err


def test_size_and_interval_reach_the_run_of_volumes(tmp_path: Path) -> None:
    images, masks, _ = ome_zarr_with_labels(tmp_path, scene("3D"))
    done = run(images, masks, "--out", tmp_path / "OUT")
    assert done.status == 0, done.err
    record = (tmp_path / "OUT.sam4ct" / "run.json").read_text()
    assert json.loads(record)["profile"]["spacing_um"] == [3.0, 0.5, 0.5]
    facts = tmp_path / "OUT.sam4ct" / "input" / "movie" / "01.json"
    assert json.loads(facts.read_text())["interval_s"] == 120.0
    assert tifffile.imread(tmp_path / "OUT" / "mask000.tif").shape == SHAPES["3D"]


# What people type


def test_files_in_the_wrong_order_are_told_as_such(files: tuple[Path, Path]) -> None:
    images, masks = files
    before = tree(images.parent)
    done = run(masks, images, "--out", images.parent / "OUT")
    assert done.status == 2
    assert f"{masks} looks like masks: if {images} are the images, give them first." in done.err
    assert tree(images.parent) == before


@pytest.mark.parametrize("which", [0, 1])
def test_one_file_for_both_is_refused(files: tuple[Path, Path], which: int) -> None:
    other = files[which].with_name("link.tif")
    other.symlink_to(files[which])
    done = run(files[which], other, "--out", files[0].parent / "OUT")
    assert done.status == 2
    assert f"{files[which]}: is given for the images and for the masks" in done.err


@pytest.mark.parametrize("labels", [0, 2.5, -3, 3_000_000_000])
def test_masks_that_are_refused_leave_nothing(files: tuple[Path, Path], labels: float) -> None:
    images, masks = files
    np.save(masks.with_suffix(".npy"), np.full(scene("2D")[1].shape, labels))
    before = tree(images.parent)
    done = run(images, masks.with_suffix(".npy"), "--out", images.parent / "OUT")
    assert done.status == 2
    assert "masks.npy" in done.err
    assert "looks like masks" not in done.err
    assert tree(images.parent) == before


def test_one_file_alone_is_told_of_both(files: tuple[Path, Path]) -> None:
    done = run(files[0], "--out", files[0].parent / "OUT")
    assert done.status == 2
    assert "sam4ct run IMAGES MASKS --out OUT" in done.err


@pytest.mark.parametrize("suffix", ["", "_RES"])
def test_a_result_of_other_files_leaves_no_copy_of_the_first(
    files: tuple[Path, Path], suffix: str
) -> None:
    out = files[0].parent / f"OUT{suffix}"
    run(*files, "--out", out)
    other = files[0].rename(files[0].with_name("other.tif"))
    assert run(other, files[1], "--out", out, "--overwrite").status == 0
    kept = out.with_name(f"{out.name}.sam4ct") / "input"
    assert [path.name for path in kept.iterdir()] == ["other"]
    assert sam4ct("export", out, "--to", "csv").status == 0
    assert "confidence" in (out.with_name(f"{out.name}.export") / "csv/links.csv").read_text()


def test_exports_of_a_result_that_is_there_are_told(files: tuple[Path, Path]) -> None:
    out = files[0].parent / "OUT"
    run(*files, "--out", out)
    done = run(*files, "--out", out, "--export", "csv")
    assert done.status == 2
    assert f"To make the exports it lacks: sam4ct export {out} --to=csv" in done.err
