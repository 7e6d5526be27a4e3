"""In whatever form a movie is, its import gives the frames of the CTC folder, all or none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.commands import tree
from scenes.input_forms import (
    FORMS,
    OF_PLANES,
    imagej,
    ome,
    one_each,
    plain,
    scene,
    seg_npy,
    with_channels,
)

from sam4ct.errors import ResultError, SequenceError
from sam4ct.io.ctc import CtcReader, find_sequences, new_sequence, preflight
from sam4ct.io.formats.tiff_stack import TiffStack
from sam4ct.io.tiff import spacing_of
from sam4ct.pipelines.tools.importing import movie as module
from sam4ct.pipelines.tools.importing.look import Wishes
from sam4ct.pipelines.tools.importing.movie import import_movie

CASES = [
    pytest.param(name, kind, id=f"{name}-{kind}")
    for name in FORMS
    for kind in ("2D", "3D")
    if kind == "2D" or name not in OF_PLANES
]


def frames_of(dataset: Path, name: str = "01") -> tuple[np.ndarray, np.ndarray]:
    (sequence,) = find_sequences(dataset, [name])
    preflight(sequence)
    reader = CtcReader(sequence)
    numbers = range(reader.frames)
    return np.stack([reader.image(t) for t in numbers]), np.stack(
        [reader.labels(t) for t in numbers]
    )


def stacks(root: Path, kind: str = "2D") -> tuple[Path, Path]:
    images, masks, _ = FORMS["imagej_stacks"](root, scene(kind))
    return images, masks


def refusal(*args: object, **how: object) -> str:
    with pytest.raises(SequenceError) as refused:
        import_movie(*args, **how)  # type: ignore[arg-type]
    return str(refused.value)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_every_form_gives_the_frames_of_the_ctc_folder(
    tmp_path: Path, name: str, kind: str
) -> None:
    movie = scene(kind)
    images, masks, wishes = FORMS[name](tmp_path, movie)
    import_movie(images, masks, tmp_path / "DS", wishes)
    taken, labels = frames_of(tmp_path / "DS")
    np.testing.assert_array_equal(taken, movie[0])
    np.testing.assert_array_equal(labels, movie[1])
    assert taken.dtype == movie[0].dtype


def test_there_are_twenty_forms() -> None:
    assert len(FORMS) >= 20


@pytest.mark.parametrize("kind", ["2D", "3D"])
def test_voxel_size_and_interval_of_the_header_are_kept(tmp_path: Path, kind: str) -> None:
    images, labels = scene(kind)
    axes = "TYX" if kind == "2D" else "TZYX"
    size = {"PhysicalSizeX": 250.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5}
    size |= {"TimeIncrement": 2.0, "TimeIncrementUnit": "min"} | (
        {"PhysicalSizeZ": 2.0} if kind == "3D" else {}
    )
    source = ome(tmp_path / "a.ome.tif", images, axes, **size)
    done = import_movie(source, plain(tmp_path / "b.tif", labels), tmp_path / "DS")
    facts = json.loads((tmp_path / "DS" / "01.json").read_text())
    assert facts["interval_s"] == 120.0
    assert facts["spacing_um"] == [2.0 if kind == "3D" else None, 0.5, 0.25]
    frame = tmp_path / "DS" / "01" / "t000.tif"
    assert spacing_of(frame) == ((2.0, 0.5, 0.25) if kind == "3D" else None)
    with TiffStack(frame) as stack:
        assert stack.facts.interval_s == 120.0
        assert stack.facts.spacing_um[1:] == (0.5, 0.25)
    assert "interval (seconds): 120" in done.words


def test_what_the_user_says_of_size_goes_before_the_header_and_before_links(
    tmp_path: Path,
) -> None:
    images, masks, _ = FORMS["folders_of_tiff"](tmp_path, scene("3D"))
    wishes = Wishes(spacing_um=(3.0, 0.2, 0.1), interval_s=60.0)
    assert not import_movie(images, masks, tmp_path / "DS", wishes).linked
    assert spacing_of(tmp_path / "DS" / "01" / "t000.tif") == (3.0, 0.2, 0.1)


def test_unknown_distance_of_slices_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import_movie(*stacks(tmp_path, "3D"), tmp_path / "DS")
    assert "Add --spacing Z Y X" in caplog.text


def test_frames_are_counted_from_0_again(tmp_path: Path) -> None:
    import_movie(*stacks(tmp_path), tmp_path / "DS", Wishes(frames=slice(1, 3)))
    np.testing.assert_array_equal(frames_of(tmp_path / "DS")[0], scene("2D")[0][1:3])


def test_frames_as_they_stand_are_linked(tmp_path: Path) -> None:
    images, masks, _ = FORMS["folders_of_tiff"](tmp_path, scene("3D"))
    assert import_movie(images, masks, tmp_path / "DS").linked
    first = os.stat(tmp_path / "DS" / "01" / "t000.tif")
    assert first.st_ino == os.stat(images / "img_t8.tif").st_ino
    first = os.stat(tmp_path / "DS" / "01_ERR_SEG" / "mask003.tif")
    assert first.st_ino == os.stat(masks / "img_t11.TIFF").st_ino


def test_files_on_another_disk_are_linked_by_their_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    images, masks, _ = FORMS["folders_of_tiff"](tmp_path, scene("2D"))
    assert import_movie(images, masks, tmp_path / "DS").linked
    assert (tmp_path / "DS" / "01" / "t001.tif").readlink() == (images / "img_t9.tif").resolve()


def test_no_more_than_one_frame_is_read_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, masks = stacks(tmp_path, "3D")
    sizes = []
    read = TiffStack.read

    def counted(self: TiffStack, at: dict[int, int]) -> np.ndarray:
        part = read(self, at)
        sizes.append(part.shape)
        return part

    monkeypatch.setattr(TiffStack, "read", counted)
    import_movie(images, masks, tmp_path / "DS")
    assert set(sizes) == {scene("3D")[0].shape[1:]}
    assert len(sizes) == 2 * len(scene("3D")[0])


# Refusals


def test_other_numbers_of_frames_are_refused_and_both_said(tmp_path: Path) -> None:
    images, labels = scene("2D")
    source = imagej(tmp_path / "a.tif", images, "TYX")
    message = refusal(source, imagej(tmp_path / "b.tif", labels[:3], "TYX"), tmp_path / "DS")
    assert "a.tif has the axes TYX of (4, 24, 30)" in message
    assert "b.tif has the axes TYX of (3, 24, 30)" in message


@pytest.mark.parametrize("cut", [np.s_[:, 1:], np.s_[:, :, 1:]])
def test_other_shapes_are_refused_and_both_said(tmp_path: Path, cut: object) -> None:
    images, labels = scene("2D")
    source = imagej(tmp_path / "a.tif", images, "TYX")
    masks = plain(tmp_path / "b.tif", labels[cut])
    assert f"b.tif has the axes ?YX of {labels[cut].shape}" in refusal(source, masks, "DS")


@pytest.mark.parametrize(
    ("kind", "choices"), [("2D", "--axes TYX  (or ZYX)"), ("3D", "--axes TZYX  (or ZTYX)")]
)
def test_axes_of_which_nothing_is_said_are_asked_for_with_the_line_to_type(
    tmp_path: Path, kind: str, choices: str
) -> None:
    images, labels = scene(kind)
    source, masks = plain(tmp_path / "a.tif", images), plain(tmp_path / "b.tif", labels)
    message = refusal(source, masks, tmp_path / "DS")
    assert f"sam4ct import {source} {masks} {tmp_path / 'DS'} {choices}" in message


def test_slices_without_time_points_are_asked_for(tmp_path: Path) -> None:
    images, labels = scene("2D")
    source = imagej(tmp_path / "a.tif", images, "ZYX")
    message = refusal(source, plain(tmp_path / "b.tif", labels), tmp_path / "DS")
    assert "is one volume of 4 slices" in message
    assert message.endswith("--axes TYX")


@pytest.mark.parametrize("axes", ["TZYX", "TY", "TYQ", "TYY"])
def test_axes_that_do_not_fit_are_refused(tmp_path: Path, axes: str) -> None:
    message = refusal(*stacks(tmp_path), tmp_path / "DS", Wishes(axes=axes))
    assert "has 3 axes of the lengths (4, 24, 30)" in message


@pytest.mark.parametrize("channel", [None, "3", "RFP"])
def test_channels_are_listed_where_none_of_them_is_asked_for(
    tmp_path: Path, channel: str | None
) -> None:
    images, masks, _ = FORMS["ome_tiff_channel_by_name"](tmp_path, scene("2D"))
    message = refusal(images, masks, tmp_path / "DS", Wishes(channel=channel))
    assert "has 3 channels (0: DAPI, 1: GFP, 2: phase)" in message
    assert "Add --channel" in message


def test_colours_are_no_masks(tmp_path: Path) -> None:
    images, labels = scene("2D")
    source = imagej(tmp_path / "a.tif", images, "TYX")
    colours = with_channels(labels, 0, axis=3).astype(np.uint8)
    tifffile.imwrite(tmp_path / "b.tif", colours, photometric="rgb", metadata={"axes": "TYXS"})
    assert "Those are no labels" in refusal(source, tmp_path / "b.tif", tmp_path / "DS")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda m: m * np.float32(0.5), "floats must be whole numbers"),
        (lambda m: m.astype(np.int16) - 1, "negative label"),
        (lambda m: m > 0, "only yes or no"),
        (lambda m: m * 0, "all masks are empty"),
        (lambda m: m + 1, "no pixel is 0"),
    ],
)
def test_masks_that_are_no_labels_are_refused_and_nothing_is_left(
    tmp_path: Path, change: object, complaint: str
) -> None:
    images, labels = scene("2D")
    source = imagej(tmp_path / "a.tif", images, "TYX")
    np.save(tmp_path / "b.npy", change(labels))  # type: ignore[operator]
    message = refusal(source, tmp_path / "b.npy", tmp_path / "DS")
    assert complaint in message
    assert "b.npy" in message
    assert not (tmp_path / "DS").exists()


def test_a_target_that_exists_is_refused_until_it_may_be_replaced(tmp_path: Path) -> None:
    images, masks = stacks(tmp_path)
    import_movie(images, masks, tmp_path / "DS", Wishes(frames=slice(2)))
    before = tree(tmp_path)
    with pytest.raises(ResultError, match=r"is there already\. Add --overwrite"):
        import_movie(images, masks, tmp_path / "DS")
    assert tree(tmp_path) == before
    import_movie(images, masks, tmp_path / "DS", overwrite=True)
    assert len(frames_of(tmp_path / "DS")[0]) == 4


def test_other_files_in_the_target_are_never_removed(tmp_path: Path) -> None:
    images, masks = stacks(tmp_path)
    (tmp_path / "DS" / "01").mkdir(parents=True)
    (tmp_path / "DS" / "01" / "thesis.doc").write_text("years of work")
    with pytest.raises(ResultError, match="holds other things than frames"):
        import_movie(images, masks, tmp_path / "DS", overwrite=True)


def test_the_input_is_never_the_target(tmp_path: Path) -> None:
    images, masks, _ = FORMS["folders_of_tiff"](tmp_path, scene("2D"))
    (tmp_path / "DS").mkdir()
    images = images.rename(tmp_path / "DS" / "01")
    message = refusal(images, masks, tmp_path / "DS", overwrite=True)
    assert "may not be written into or over the input" in message


def test_images_without_a_mask_of_their_name_are_refused(tmp_path: Path) -> None:
    images, masks, _ = FORMS["cellpose_seg_npy"](tmp_path, scene("2D"))
    (images / "img_9_seg.npy").rename(images / "img_99_seg.npy")
    assert "img_9.tif: nothing in" in refusal(images, masks, tmp_path / "DS")


def test_not_finite_pixels_are_refused(tmp_path: Path) -> None:
    images, labels = scene("2D")
    pixels = images.astype(np.float32)
    pixels[1, 2, 3] = np.nan
    source = imagej(tmp_path / "a.tif", pixels, "TYX")
    message = refusal(source, plain(tmp_path / "b.tif", labels), tmp_path / "DS")
    assert "a.tif (frame 1): the image has NaN" in message


# Interrupted


class Killed(BaseException):
    """Stands for the end of a process."""


@pytest.mark.parametrize("at", ["before", "between"])
def test_what_was_stopped_is_not_there_or_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """A process that is killed cleans nothing up: so neither does it here."""
    images, masks = stacks(tmp_path)
    dataset, moves = tmp_path / "DS", []
    rename = Path.rename

    def dying(self: Path, target: Path) -> Path:
        moves.append(target)
        if len(moves) == (1 if at == "before" else 3):
            raise Killed
        return rename(self, target)

    with monkeypatch.context() as dies:
        dies.setattr(Path, "rename", dying)
        dies.setattr(new_sequence.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            import_movie(images, masks, dataset)
    assert not (dataset / "01").exists()
    if at == "before":
        import_movie(images, masks, dataset)
    else:
        with pytest.raises(ResultError, match="is there already"):
            import_movie(images, masks, dataset)
    np.testing.assert_array_equal(frames_of(dataset)[0], scene("2D")[0])
    assert sorted(p.name for p in dataset.iterdir()) == ["01", "01.json", "01_ERR_SEG"]


def test_what_is_stopped_with_a_signal_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_image", stop)
    with pytest.raises(KeyboardInterrupt):
        import_movie(*stacks(tmp_path), tmp_path / "DS")
    assert not (tmp_path / "DS").exists()


def test_equal_movies_give_equal_files(tmp_path: Path) -> None:
    images, masks = stacks(tmp_path, "3D")
    for dataset in ("A", "B"):
        import_movie(images, masks, tmp_path / dataset)
    assert tree(tmp_path / "A") == tree(tmp_path / "B")


def test_wide_types_are_narrowed_only_where_nothing_is_lost(tmp_path: Path) -> None:
    images, labels = scene("2D")
    masks = imagej(tmp_path / "b.tif", labels, "TYX")
    np.save(tmp_path / "a.npy", images.astype(np.int64))
    import_movie(tmp_path / "a.npy", masks, tmp_path / "DS")
    assert frames_of(tmp_path / "DS")[0].dtype == np.int32
    np.save(tmp_path / "a.npy", images.astype(np.int64) << 40)
    assert "more than 32 bits" in refusal(tmp_path / "a.npy", masks, tmp_path / "DS2")


def test_one_file_a_frame_may_not_hold_several_time_points(tmp_path: Path) -> None:
    images, masks = stacks(tmp_path)
    (tmp_path / "in").mkdir()
    images.rename(tmp_path / "in" / "a.tif")
    assert "holds 4 time points" in refusal(tmp_path / "in", masks, tmp_path / "DS")


def test_seg_npy_of_one_image_is_one_frame(tmp_path: Path) -> None:
    images, labels = scene("2D")
    source = plain(tmp_path / "img.tif", images[0])
    import_movie(source, seg_npy(tmp_path / "img_seg.npy", labels[0]), tmp_path / "DS")
    np.testing.assert_array_equal(frames_of(tmp_path / "DS")[1], labels[:1])


def test_folders_of_other_shapes_name_the_file(tmp_path: Path) -> None:
    images, masks, _ = FORMS["folders_of_tiff"](tmp_path, scene("2D"))
    one_each(images, scene("2D")[0][:1, 1:], "img_t{}.tif")
    assert "img_t9.tif: has the shape (24, 30)" in refusal(images, masks, tmp_path / "DS")
