"""Datasets are found below a folder by what lies in them, and nowhere else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from scenes.tracked_movie import make_tracked, movie
from scenes.zarr_movies import write_folder, write_group

from sam4ct.errors import SequenceError
from sam4ct.io.datasets import Dataset, find_datasets


def sequence(dataset: Path, name: str = "01", *, masks: bool = True) -> None:
    """Make the folders of a sequence, with one empty image."""
    (dataset / name).mkdir(parents=True)
    (dataset / name / "t000.tif").touch()
    if masks:
        (dataset / f"{name}_ERR_SEG").mkdir()


def found(root: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Return the datasets below a root, with the sequences that are ready."""
    return [(str(d.folder.relative_to(root)), d.ready) for d in find_datasets(root)[0]]


def test_datasets_lie_in_the_root_or_in_folders_of_it(tmp_path: Path) -> None:
    for dataset in ("B", "A", "training/C", "test/C", "unpacked/D/D"):
        sequence(tmp_path / dataset)
    sequence(tmp_path / "A", "02")
    assert found(tmp_path) == [
        ("A", ("01", "02")),
        ("B", ("01",)),
        ("test/C", ("01",)),
        ("training/C", ("01",)),
        ("unpacked/D/D", ("01",)),
    ]


def test_nothing_is_looked_for_further_down(tmp_path: Path) -> None:
    sequence(tmp_path / "a" / "b" / "c" / "Deep")
    assert found(tmp_path) == []


def test_root_may_be_a_dataset_itself_and_holds_no_others_then(tmp_path: Path) -> None:
    sequence(tmp_path)
    sequence(tmp_path / "Another")
    assert found(tmp_path) == [(".", ("01",))]


@pytest.mark.parametrize(
    "folder",
    ["01_RES", "01_GT", "02_ERR_SEG", "01_RES.sam4ct", "01.zarr", "SW", ".hidden", "lost+found"],
)
def test_no_dataset_lies_in_the_parts_of_others(folder: str, tmp_path: Path) -> None:
    sequence(tmp_path / folder / "Cells")
    assert not any(ready for _, ready in found(tmp_path))


def test_sequences_of_images_alone_are_idle(tmp_path: Path) -> None:
    sequence(tmp_path / "A")
    sequence(tmp_path / "A", "02", masks=False)
    sequence(tmp_path / "B", masks=False)
    assert [(d.ready, d.idle) for d in find_datasets(tmp_path)[0]] == [
        (("01",), ("02",)),
        ((), ("01",)),
    ]


def test_masks_alone_are_bare(tmp_path: Path) -> None:
    sequence(tmp_path / "A")
    (tmp_path / "A" / "02_ERR_SEG").mkdir()
    (tmp_path / "B" / "01_ERR_SEG").mkdir(parents=True)
    (tmp_path / "C" / "notes_ERR_SEG").mkdir(parents=True)
    datasets, _ = find_datasets(tmp_path)
    assert [(d.ready, d.bare) for d in datasets] == [(("01",), ("02",)), ((), ("01",))]


followed = pytest.mark.parametrize("as_zarr", [False, True], ids=["TIFF", "Zarr"])


@followed
def test_movies_with_seeds_and_initial_tracks_are_ready(tmp_path: Path, as_zarr: bool) -> None:
    dataset = make_tracked(tmp_path, as_zarr=as_zarr)
    sequence(dataset, "02")
    assert find_datasets(tmp_path)[0] == [Dataset(dataset, ready=("01", "02"), idle=(), bare=())]


@followed
@pytest.mark.parametrize("part", ["01_SEEDS", "01_INIT"])
def test_movies_without_the_rest_are_idle(tmp_path: Path, as_zarr: bool, part: str) -> None:
    dataset = make_tracked(tmp_path, as_zarr=as_zarr)
    shutil.rmtree(dataset / part)
    assert find_datasets(tmp_path)[0] == [Dataset(dataset, ready=(), idle=("01",), bare=())]


@pytest.mark.parametrize(("place", "write"), [("01", write_folder), ("01.zarr", write_group)])
def test_zarr_frames_are_a_movie(tmp_path: Path, place: str, write: Callable[..., Path]) -> None:
    dataset = make_tracked(tmp_path)
    shutil.rmtree(dataset / "01")
    write(dataset / place, movie())
    assert find_datasets(tmp_path)[0] == [Dataset(dataset, ready=("01",), idle=(), bare=())]
    shutil.rmtree(dataset / "01_SEEDS")
    assert find_datasets(tmp_path)[0] == [Dataset(dataset, ready=(), idle=("01",), bare=())]


def test_tracks_of_the_truth_are_initial_ones(tmp_path: Path) -> None:
    dataset = make_tracked(tmp_path)
    shutil.rmtree(dataset / "01_INIT")
    (dataset / "01_GT" / "TRA").mkdir(parents=True)
    (dataset / "01_GT" / "TRA" / "man_track000.tif").touch()
    assert found(tmp_path) == [("Tiny", ("01",))]


@followed
def test_seeds_and_initial_tracks_without_a_movie_are_nothing(
    tmp_path: Path, as_zarr: bool
) -> None:
    dataset = make_tracked(tmp_path, as_zarr=as_zarr)
    shutil.rmtree(dataset / ("01.zarr" if as_zarr else "01"))
    assert find_datasets(tmp_path) == ([], [])


def test_movie_in_a_zarr_has_no_images_for_masks(tmp_path: Path) -> None:
    """Links need a folder of images, but cells may be followed beside unused masks."""
    dataset = make_tracked(tmp_path, as_zarr=True)
    (dataset / "01_ERR_SEG").mkdir()
    assert find_datasets(tmp_path)[0] == [Dataset(dataset, ready=("01",), idle=(), bare=())]
    shutil.rmtree(dataset / "01_INIT")
    assert find_datasets(tmp_path)[0] == [Dataset(dataset, ready=(), idle=(), bare=("01",))]


def test_ambiguous_initial_tracks_are_ready_to_be_refused(tmp_path: Path) -> None:
    dataset = make_tracked(tmp_path)
    (dataset / "01_INIT" / "tracks.json").rename(dataset / "01_INIT" / "a.json")
    (dataset / "01_INIT" / "b.json").touch()
    assert found(tmp_path) == [("Tiny", ("01",))]


def test_folder_with_a_number_for_a_name_needs_images_or_masks(tmp_path: Path) -> None:
    (tmp_path / "2024").mkdir()
    (tmp_path / "2024" / "notes.txt").touch()
    assert find_datasets(tmp_path) == ([], [])


def test_folder_with_a_number_for_a_name_is_looked_into(tmp_path: Path) -> None:
    sequence(tmp_path / "2024" / "Cells")
    assert found(tmp_path) == [("2024/Cells", ("01",))]


def test_stray_images_do_not_hide_the_datasets_beside_them(tmp_path: Path) -> None:
    sequence(tmp_path, masks=False)
    sequence(tmp_path / "Cells")
    assert found(tmp_path) == [(".", ()), ("Cells", ("01",))]


def test_links_are_followed_and_no_dataset_is_found_twice(tmp_path: Path) -> None:
    sequence(tmp_path / "elsewhere" / "Cells")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "same").symlink_to(tmp_path / "elsewhere" / "Cells")
    (root / "loop").symlink_to(root)
    (root / "dangling").symlink_to("nowhere")
    assert found(root) == [("link/Cells", ("01",))]


def test_unreadable_folders_are_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Cells", "secret", "private", "01"):
        sequence(tmp_path / name)
    listdir = os.listdir

    def refusing(folder: Path) -> list[str]:
        if folder.name in ("secret", "private") or folder == tmp_path / "01":
            raise PermissionError
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refusing)  # root may read everything
    datasets, unreadable = find_datasets(tmp_path)
    assert [d.folder for d in datasets] == [tmp_path / "Cells"]
    assert unreadable == [tmp_path / name for name in ("01", "private", "secret")]


def test_folder_whose_names_alone_can_be_read_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence(tmp_path / "Cells")
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path / "Cells")
    assert find_datasets(tmp_path)[1] == [tmp_path / "Cells"]


def test_root_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="nowhere: cannot be listed"):
        find_datasets(tmp_path / "nowhere")
