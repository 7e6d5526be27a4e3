"""CTC folders: what is found, how it pairs, where results go, and what preflight tells."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.bad_inputs import FRAMES, SHAPE, image, label_frame, make_dataset, mask, save

from sam4ct.errors import SequenceError
from sam4ct.io.ctc.preflight import preflight
from sam4ct.io.ctc.sequence import CtcReader, CtcSequence, find_sequences
from sam4ct.types import FrameReader

VOLUME = (3, *SHAPE)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path)


def only(dataset: Path) -> CtcSequence:
    (sequence,) = find_sequences(dataset)
    return sequence


def copy_sequence(dataset: Path, name: str) -> None:
    for folder in ("", "_ERR_SEG"):
        shutil.copytree(dataset / f"01{folder}", dataset / f"{name}{folder}")


def test_files_are_in_order_of_frames(dataset: Path) -> None:
    sequence = only(dataset)
    assert sequence.images == tuple(image(dataset, t) for t in range(FRAMES))
    assert sequence.masks == tuple(mask(dataset, t) for t in range(FRAMES))
    assert (sequence.dataset, sequence.name, sequence.digits) == ("Tiny", "01", 3)


def test_four_digits_are_followed(dataset: Path) -> None:
    for t in range(FRAMES):
        image(dataset, t).rename(dataset / "01" / f"t{t:04d}.tif")
        mask(dataset, t).rename(dataset / "01_ERR_SEG" / f"mask{t:04d}.tif")
    assert only(dataset).digits == 4


@pytest.mark.parametrize("other", ["01_RES", "01_RES.sam4ct", "01_GT", "01_ST", "notes"])
def test_other_folders_are_no_sequences(dataset: Path, other: str) -> None:
    (dataset / other).mkdir()
    assert [sequence.name for sequence in find_sequences(dataset)] == ["01"]


@pytest.mark.parametrize("name", [".DS_Store", "._t000.tif", "Thumbs.db", "desktop.ini"])
def test_files_that_systems_leave_behind_are_ignored(dataset: Path, name: str) -> None:
    (dataset / "01" / name).write_bytes(b"x")
    assert len(only(dataset).images) == FRAMES


def test_all_sequences_with_masks_are_found(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy_sequence(dataset, "02")
    (dataset / "03").mkdir()
    with caplog.at_level(logging.WARNING):
        assert [sequence.name for sequence in find_sequences(dataset)] == ["01", "02"]
    assert "03" in caplog.text


def test_named_sequences_come_once_and_as_asked(dataset: Path) -> None:
    copy_sequence(dataset, "02")
    found = find_sequences(dataset, ["02", "01", "02"])
    assert [sequence.name for sequence in found] == ["02", "01"]


def test_unknown_sequence_is_refused_with_what_is_there(dataset: Path) -> None:
    copy_sequence(dataset, "02")
    with pytest.raises(SequenceError, match=r"Tiny/1: .* Choose from: 01, 02\."):
        find_sequences(dataset, ["1"])


def test_named_sequence_without_masks_is_refused(dataset: Path) -> None:
    (dataset / "03").mkdir()
    with pytest.raises(SequenceError, match=r"03_ERR_SEG: is missing"):
        find_sequences(dataset, ["03"])


def test_result_goes_beside_the_input(dataset: Path) -> None:
    assert only(dataset).result_dir == dataset / "01_RES"
    assert only(dataset).work_dir == dataset / "01_RES.sam4ct"


def test_result_of_one_sequence_goes_to_the_folder_given(dataset: Path, tmp_path: Path) -> None:
    (sequence,) = find_sequences(dataset, out=tmp_path / "here")
    assert sequence.result_dir == tmp_path / "here"
    assert sequence.work_dir == tmp_path / "here.sam4ct"


def test_results_of_several_go_below_the_folder_given(dataset: Path, tmp_path: Path) -> None:
    copy_sequence(dataset, "02")
    folders = [sequence.result_dir for sequence in find_sequences(dataset, out=tmp_path / "out")]
    assert folders == [tmp_path / "out" / "Tiny" / f"{name}_RES" for name in ("01", "02")]


@pytest.mark.parametrize("out", ["Tiny/01", "Tiny/01/new", "Tiny/01_ERR_SEG", "Tiny", "."])
def test_result_may_not_go_over_the_input(dataset: Path, tmp_path: Path, out: str) -> None:
    with pytest.raises(SequenceError, match="into or over the input"):
        find_sequences(dataset, out=tmp_path / out)


def test_dataset_is_named_by_its_folder_however_it_is_given(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dataset)
    assert only(Path()).dataset == "Tiny"


@pytest.mark.parametrize("shape", [SHAPE, VOLUME])
def test_reader_gives_images_and_labels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    reader: FrameReader = CtcReader(only(make_dataset(tmp_path, shape)))
    assert (reader.frames, reader.shape) == (FRAMES, shape)
    np.testing.assert_array_equal(reader.labels(2), label_frame(2, shape))
    assert reader.labels(2).dtype == np.int32
    assert reader.image(2).dtype == np.uint16
    assert reader.image(2).max() == 192


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_masks_of_any_integers_are_read(dataset: Path, dtype: type) -> None:
    for t in range(FRAMES):
        save(mask(dataset, t), label_frame(t).astype(dtype))
    preflight(only(dataset))
    np.testing.assert_array_equal(CtcReader(only(dataset)).labels(1), label_frame(1))


def test_labels_above_65535_are_read(dataset: Path) -> None:
    for t in range(FRAMES):
        save(mask(dataset, t), label_frame(t).astype(np.int32) * 100_000)
    preflight(only(dataset))
    assert CtcReader(only(dataset)).labels(0).max() == 200_000


def test_65535_labels_are_the_most_in_a_frame(dataset: Path) -> None:
    labels = np.arange(256 * 256, dtype=np.int32).reshape(256, 256) * 2
    for t in range(FRAMES):
        save(image(dataset, t), labels.astype(np.uint16))
        save(mask(dataset, t), labels)
    assert preflight(only(dataset)).shape == (256, 256)


def test_frame_that_changes_after_preflight_is_noticed(dataset: Path) -> None:
    reader = CtcReader(only(dataset))
    assert reader.shape == SHAPE
    save(mask(dataset, 1), label_frame(1)[1:])
    with pytest.raises(SequenceError, match=r"mask001\.tif: has the shape"):
        reader.labels(1)


def test_leading_axis_of_length_one_makes_no_volume(dataset: Path) -> None:
    save(image(dataset, 1), label_frame(1)[None])
    assert preflight(only(dataset)).shape == SHAPE


def test_stack_of_imagej_is_a_volume(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, VOLUME)
    tifffile.imwrite(
        image(dataset, 0), label_frame(0, VOLUME), imagej=True, metadata={"axes": "ZYX"}
    )
    assert preflight(only(dataset)).shape == VOLUME


def test_some_masks_may_be_empty(dataset: Path) -> None:
    save(mask(dataset, 0), np.zeros(SHAPE, np.uint16))
    assert preflight(only(dataset)).frames == FRAMES


def test_preflight_hands_every_frame_over_once_and_in_order(dataset: Path) -> None:
    seen = []
    preflight(
        only(dataset),
        each_frame=lambda t, picture, labels: seen.append((t, picture.shape, labels.sum())),
    )
    assert seen == [(t, SHAPE, label_frame(t).sum()) for t in range(FRAMES)]


def test_same_files_elsewhere_have_the_same_digests(tmp_path: Path) -> None:
    here, there = make_dataset(tmp_path / "a"), make_dataset(tmp_path / "b")
    assert preflight(only(here)) == preflight(only(there))


@pytest.mark.parametrize(("change", "field"), [(image, "images_sha256"), (mask, "masks_sha256")])
def test_any_change_of_a_file_changes_its_digest_only(
    dataset: Path, change: type[Path], field: str
) -> None:
    before = vars(preflight(only(dataset)))
    frame = tifffile.imread(change(dataset, 2))
    frame[15, 19] += 1
    save(change(dataset, 2), frame)
    after = vars(preflight(only(dataset)))
    assert {name for name in before if before[name] != after[name]} == {field}


def test_frames_that_change_places_change_the_digest(dataset: Path) -> None:
    before = preflight(only(dataset)).masks_sha256
    mask(dataset, 1).rename(dataset / "aside")
    mask(dataset, 2).rename(mask(dataset, 1))
    (dataset / "aside").rename(mask(dataset, 2))
    assert preflight(only(dataset)).masks_sha256 != before
