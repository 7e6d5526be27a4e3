"""Patches: what is cut from annotated volumes, how it is split, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from scenes.commands import tree
from scenes.finetune_scene import PLACES, SHAPE, SPACING, labelled, pictured, write_annotated

from sam4ct.errors import ProfileError, Sam4ctError, SequenceError, WorkError
from sam4ct.finetune.patches.files import (
    FOLDER,
    INDEX,
    Index,
    Patch,
    margin_of,
    read_index,
    read_patch,
)
from sam4ct.finetune.patches.images import open_images
from sam4ct.finetune.patches.prepare import Cutting, split
from sam4ct.finetune.patches.sources import Dataset, Source, read_listing
from sam4ct.models.sam_med3d.crops import CropLaw, cut, cut_mask
from sam4ct.models.weights.entry import Entry
from sam4ct.pipelines.tools.convert import convert
from sam4ct.pipelines.tools.finetune import prepare_patches

SIZE = 24
NATIVE = Entry(
    name="native", file="n.pth", role="sam_med3d", config="SAM-Med3D", image_size=SIZE,
    source="local", licence="none", bytes=1, sha256="0" * 64,
)  # fmt: skip
SCALED = Entry(**{**NATIVE.to_json(), "name": "scaled", "window_diameters": 3.0})
SOME = {0: labelled(), 3: labelled(), 5: labelled()}
"""Three of six frames are annotated."""


def prepared(
    root: Path, masks: Mapping[int, NDArray[Any]] = SOME, entry: Entry = SCALED, **changes: Any
) -> tuple[Path, Index]:
    """Write volumes, cut patches, and return their folder and index."""
    images, coarse = write_annotated(root / "data", masks)
    dataset = Dataset(images=str(images), masks=str(coarse), spacing_um=SPACING)
    return root / "out", prepare_patches([dataset], Cutting(entry=entry, **changes), root / "out")


# What is cut


def test_every_labelled_object_of_annotated_frames_is_a_patch(tmp_path: Path) -> None:
    folder, index = prepared(tmp_path)
    assert [(p.t, p.label) for p in index.patches] == [(t, n) for t in SOME for n in PLACES]
    assert index == read_index(folder)
    assert {p.file for p in index.patches} == {p.name for p in (folder / FOLDER).iterdir()}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32])
def test_labels_are_kept_whatever_their_type(tmp_path: Path, dtype: type) -> None:
    top = min(np.iinfo(dtype).max, 4_000_000_000)
    masks: dict[int, NDArray[Any]] = {
        t: labelled({3: PLACES[7], top: PLACES[300]}).astype(dtype) for t in (0, 1)
    }
    _, index = prepared(tmp_path, masks)
    assert [p.label for p in index.patches] == [3, top, 3, top]


def test_cells_without_a_label_are_no_patches(tmp_path: Path) -> None:
    _, index = prepared(tmp_path, {0: labelled(), 1: labelled({300: PLACES[300]})})
    assert [p.label for p in index.patches if p.t == 1] == [300]


@pytest.mark.parametrize("entry", [NATIVE, SCALED], ids=lambda entry: entry.name)
def test_the_middle_of_a_patch_is_what_the_segmenter_sees(tmp_path: Path, entry: Entry) -> None:
    folder, index = prepared(tmp_path, entry=entry)
    diameter = index.datasets[0]["cell_diameter_px"]
    law = CropLaw.of(SIZE, SPACING, diameter, entry.window_diameters)
    crop = law.around(PLACES[300])
    seen = cut(pictured(labelled(), 3), crop)
    patch = next(p for p in index.patches if (p.t, p.label) == (3, 300))
    image, mask = read_patch(folder / FOLDER / patch.file)
    assert image.shape == mask.shape == (SIZE + 2 * margin_of(SIZE),) * 3
    middle = (slice(margin_of(SIZE), margin_of(SIZE) + SIZE),) * 3
    assert torch.equal(mask[middle], cut_mask(labelled() == 300, crop))
    # Patches have another darkest voxel, and ratios only: what the network sees is the same.
    lit = seen > seen.median()
    ratio = (image[middle][lit].diff() / seen[lit].diff())[seen[lit].diff().abs() > 1]
    assert ratio.std() / ratio.mean() < 0.01


def test_an_object_too_small_for_the_network_is_left_out(tmp_path: Path) -> None:
    speck = labelled()
    speck[0, 0, 0:3] = 9
    _, index = prepared(tmp_path, {0: speck, 1: labelled()})
    assert 9 not in [p.label for p in index.patches]


def test_patches_can_be_cut_from_zarr(tmp_path: Path) -> None:
    of_tiff, index = prepared(tmp_path)
    convert(tmp_path / "data" / "01", tmp_path / "movie.zarr", spacing_um=SPACING)
    masks = str(tmp_path / "data" / "coarse")
    dataset = Dataset(images=str(tmp_path / "movie.zarr"), masks=masks)
    again = prepare_patches([dataset], Cutting(entry=SCALED), tmp_path / "of-zarr")
    assert again.patches == index.patches
    assert tree(tmp_path / "of-zarr" / FOLDER) == tree(of_tiff / FOLDER)


def test_the_same_command_gives_the_same_bytes(tmp_path: Path) -> None:
    folder, _ = prepared(tmp_path)
    before = tree(folder)
    dataset = Dataset(
        images=str(tmp_path / "data" / "01"),
        masks=str(tmp_path / "data" / "coarse"),
        spacing_um=SPACING,
    )
    with pytest.raises(WorkError, match="holds patches already"):
        prepare_patches([dataset], Cutting(entry=SCALED), folder)
    prepare_patches([dataset], Cutting(entry=SCALED, overwrite=True), folder)
    assert tree(folder) == before


def test_what_a_stopped_command_left_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> str:
        raise KeyboardInterrupt

    out = tmp_path / "again" / "out"
    with monkeypatch.context() as patch:
        patch.setattr("sam4ct.finetune.patches.prepare.write_index", stopped)
        with pytest.raises(KeyboardInterrupt):
            prepared(tmp_path)
    (tmp_path / "out" / FOLDER / "0-0099-1.npz").write_bytes(b"of a dataset that was left out")
    out.parent.mkdir()
    (tmp_path / "out").rename(out)
    folder, index = prepared(tmp_path / "again")
    assert {p.file for p in index.patches} == {p.name for p in (folder / FOLDER).iterdir()}
    assert {p.name for p in folder.iterdir()} == {INDEX, FOLDER}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", [f"{FOLDER}/precious.npz", f"{FOLDER}/0-0001-2.npz", "a.txt"])
def test_files_of_others_are_never_removed(tmp_path: Path, name: str, overwrite: bool) -> None:
    precious = tmp_path / "out" / name
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b"years of work")
    before = tree(tmp_path / "out")
    with pytest.raises(WorkError, match=r"was not made by sam4ct finetune prepare.* Move it away"):
        prepared(tmp_path, overwrite=overwrite)
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("name", [f"{FOLDER}/precious.npz", "notes.txt"])
def test_files_of_others_among_patches_are_never_removed(tmp_path: Path, name: str) -> None:
    folder, _ = prepared(tmp_path / "first")
    (folder / name).write_bytes(b"years of work")
    before = tree(folder)
    folder.rename(tmp_path / "out")
    with pytest.raises(WorkError, match=f"{name}: was not made by"):
        prepared(tmp_path, overwrite=True)
    assert tree(tmp_path / "out") == before


def test_an_index_of_others_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / INDEX).write_text("{}")
    with pytest.raises(WorkError, match=r"index\.json: was not made by"):
        prepared(tmp_path, overwrite=True)
    assert (tmp_path / "out" / INDEX).read_text() == "{}"


# How it is split


def rows(frames: Mapping[int, list[int]]) -> list[Patch]:
    """Two objects in each frame; frames by dataset."""
    return [
        Patch(file=f"{d}-{t}-{n}", sha256="", dataset=d, t=t, label=n, voxels=30, part="training")
        for d, ts in frames.items()
        for t in ts
        for n in (1, 2)
    ]


def validating(patches: tuple[Patch, ...]) -> set[tuple[int, int]]:
    return {(p.dataset, p.t) for p in patches if p.part == "validation"}


def test_a_frame_is_all_in_one_part() -> None:
    parts = split(rows({0: list(range(20))}), 1, 0.3)
    training = {(p.dataset, p.t) for p in parts if p.part == "training"}
    assert not training & validating(parts)
    assert (len(training), len(validating(parts))) == (14, 6)


def test_the_split_depends_on_the_seed_alone() -> None:
    frames = rows({0: list(range(20))})
    assert split(frames, 1, 0.3) == split(frames, 1, 0.3)
    assert validating(split(frames, 1, 0.3)) != validating(split(frames, 2, 0.3))


def test_a_frame_annotated_later_moves_one_other_at_most() -> None:
    before = validating(split(rows({0: list(range(20))}), 1, 0.3))
    after = validating(split(rows({0: list(range(21))}), 1, 0.3))
    assert len(before - after) <= 1


def test_every_dataset_validates_unless_it_has_one_frame() -> None:
    parts = split(rows({0: [4, 7], 1: [3], 2: list(range(10))}), 1, 0.1)
    assert [d for d, _ in sorted(validating(parts))] == [0, 2]


# Many datasets


def test_a_listing_names_datasets_relative_to_itself(tmp_path: Path) -> None:
    file = tmp_path / "data.toml"
    file.write_text(
        '[[dataset]]\nimages = "a/01"\nmasks = "a/coarse"\nspacing_um = [2, 1, 1]\n'
        f'[[dataset]]\nimages = "{tmp_path}/b.zarr"\nmasks = "b"\ncell_diameter_px = 9.5\n'
    )
    first, second = read_listing(file)
    assert first.images == str(tmp_path / "a/01")
    assert first.spacing_um == (2.0, 1.0, 1.0)
    assert second.images == f"{tmp_path}/b.zarr"
    assert (second.spacing_um, second.cell_diameter_px) == (None, 9.5)


def test_patches_of_many_datasets_lie_in_one_folder(tmp_path: Path) -> None:
    datasets = []
    for name in ("a", "b"):
        images, masks = write_annotated(tmp_path / name, SOME, prefix="man_seg")
        datasets.append(Dataset(images=str(images), masks=str(masks), spacing_um=SPACING))
    index = prepare_patches(datasets, Cutting(entry=SCALED), tmp_path / "out")
    assert len({p.file for p in index.patches}) == 2 * len(SOME) * len(PLACES)
    assert [d["images"] for d in index.datasets] == [d.images for d in datasets]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("images = 3", r"must hold a table \[\[dataset\]\]"),
        ("[[dataset]]\nimages = 'a'", r"number 1: masks is missing"),
        ("[[dataset]]\nimages = 'a'\nmasks = 'b'\nspacing = 1", "unknown key 'spacing'. Did you"),
        ("[[dataset]]\nimages = 'a'\nmasks = 'b'\nspacing_um = [1, 0, 1]", "three positive"),
        ("[[dataset]]\nimages = 'a'\nmasks = 'b'\ncell_diameter_px = -1.0", "a positive number"),
        ("[[dataset", "is not a TOML file"),
        ("dataset = [3]", "is not a table"),
    ],
)
def test_a_wrong_listing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "data.toml").write_text(text)
    with pytest.raises(ProfileError, match=message):
        read_listing(tmp_path / "data.toml")


# What is refused

MASK = "coarse/mask003.tif"
SPECK = np.zeros(SHAPE, np.uint16)
SPECK[4, 10, 10:12] = 1
Damage = Callable[[Path], None]


def no_masks(data: Path) -> None:
    for path in (data / "coarse").iterdir():
        path.unlink()


def other_shape(data: Path) -> None:
    tifffile.imwrite(data / MASK, labelled().transpose(2, 1, 0))


def float_masks(data: Path) -> None:
    tifffile.imwrite(data / MASK, labelled().astype(np.float32) / 2)


def yes_or_no(data: Path) -> None:
    tifffile.imwrite(data / MASK, labelled() > 0)


def negative(data: Path) -> None:
    tifffile.imwrite(data / MASK, labelled().astype(np.int32) - 1)


def a_slice(data: Path) -> None:
    tifffile.imwrite(data / MASK, labelled()[4])


def mask_without_image(data: Path) -> None:
    tifffile.imwrite(data / "coarse" / "mask044.tif", labelled())


def strange_file(data: Path) -> None:
    (data / "coarse" / "thesis.doc").write_text("years of work")


def zarr_masks(data: Path) -> None:
    no_masks(data)
    (data / "coarse" / "zarr.json").write_text("{}")


def gold_slices(data: Path) -> None:
    no_masks(data)
    tifffile.imwrite(data / "coarse" / "man_seg_003_004.tif", labelled()[4])


def no_objects(data: Path) -> None:
    for path in (data / "coarse").iterdir():
        tifffile.imwrite(path, np.zeros(SHAPE, np.uint16))


def one_frame(data: Path) -> None:
    for t in (0, 5):
        (data / "coarse" / f"mask{t:03d}.tif").unlink()


def not_finite(data: Path) -> None:
    frame = pictured(labelled(), 3).astype(np.float32)
    frame[5, 12, 12] = np.nan
    tifffile.imwrite(data / "01" / "t003.tif", frame)


def no_images(data: Path) -> None:
    for path in (data / "01").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_masks, "coarse: holds no masks. Put mask000.tif"),
        (other_shape, r"mask003.tif: has the shape \(44, 40, 10\), but \S*01/t003.tif has"),
        (float_masks, "mask003.tif: the mask has the type float32 and the value"),
        (yes_or_no, "mask003.tif: the mask is only yes or no. Label your cells"),
        (negative, "mask003.tif: the mask has the negative label -1"),
        (a_slice, r"mask003.tif: has the shape \(40, 44\), which is no volume"),
        (mask_without_image, "01 has no image of frame 44. Remove the mask"),
        (strange_file, "thesis.doc: is not a frame"),
        (zarr_masks, "coarse: is a Zarr, but masks are read from TIFF files only. Save one"),
        (gold_slices, "man_seg_003_004.tif: has the name of a single annotated slice"),
        (no_objects, "coarse: the masks hold no objects"),
        (one_frame, "coarse: one frame has masks"),
        (not_finite, "t003.tif: the image of frame 3 has voxels that are no real numbers"),
        (no_images, "01: holds no frames"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    tmp_path: Path, damage: Damage, message: str
) -> None:
    images, coarse = write_annotated(tmp_path / "data", SOME)
    damage(tmp_path / "data")
    dataset = Dataset(images=str(images), masks=str(coarse), spacing_um=SPACING)
    with pytest.raises(SequenceError, match=message):
        prepare_patches([dataset], Cutting(entry=SCALED), tmp_path / "out")
    assert not (tmp_path / "out" / "index.json").exists()


def test_objects_that_are_all_too_small_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="coarse: no object is large enough"):
        prepared(tmp_path, {0: SPECK, 1: SPECK}, NATIVE)


@pytest.mark.parametrize("unfit", [0 * SPECK, SPECK], ids=["empty", "speck"])
def test_a_second_frame_without_objects_is_refused_before_patches_are_removed(
    tmp_path: Path, unfit: NDArray[Any]
) -> None:
    folder, _ = prepared(tmp_path / "first")
    before = tree(folder)
    folder.rename(tmp_path / "out")
    with pytest.raises(SequenceError, match="one frame has masks that can be learned from"):
        prepared(tmp_path, {0: labelled(), 3: unfit}, overwrite=True)
    assert tree(tmp_path / "out") == before


def test_a_folder_that_cannot_be_looked_into_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match=r"x{300}: cannot be"):
        open_images(tmp_path / ("x" * 300))


def test_an_image_that_cannot_be_cut_is_refused_before_patches_are_removed(tmp_path: Path) -> None:
    images, coarse = write_annotated(tmp_path, SOME)
    dataset = Dataset(images=str(images), masks=str(coarse), spacing_um=SPACING)
    prepare_patches([dataset], Cutting(entry=SCALED), tmp_path / "out")
    before = tree(tmp_path / "out")
    tifffile.imwrite(images / f"t{max(SOME):03d}.tif", np.full(SHAPE, np.nan, np.float32))
    with pytest.raises(SequenceError, match=rf"t{max(SOME):03d}\.tif"):
        prepare_patches([dataset], Cutting(entry=SCALED, overwrite=True), tmp_path / "out")
    assert tree(tmp_path / "out") == before


def test_a_dataset_without_objects_is_refused_before_patches_are_removed(tmp_path: Path) -> None:
    folder, _ = prepared(tmp_path / "first")
    before = tree(folder)
    folder.rename(tmp_path / "out")
    with pytest.raises(SequenceError, match="no object is large enough"):
        prepared(tmp_path, {0: SPECK, 3: SPECK}, NATIVE, overwrite=True)
    assert tree(tmp_path / "out") == before


def test_a_spacing_that_is_unknown_is_asked_for_if_it_matters(tmp_path: Path) -> None:
    images, coarse = write_annotated(tmp_path, SOME)
    dataset = Dataset(images=str(images), masks=str(coarse))
    assert Source(dataset).spacing_um is None
    with pytest.raises(SequenceError, match="do not state the size of a voxel"):
        prepare_patches([dataset], Cutting(entry=SCALED), tmp_path / "out")
    assert prepare_patches([dataset], Cutting(entry=NATIVE), tmp_path / "out").patches


@pytest.mark.parametrize("content", [None, "{", "{}", '{"patches": [{"x": 1}]}', "[1]"])
def test_a_damaged_index_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "index.json").write_text(content)
    with pytest.raises(Sam4ctError, match="Make the patches again"):
        read_index(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_a_damaged_patch_is_refused(tmp_path: Path, keep: int) -> None:
    folder, index = prepared(tmp_path)
    path = folder / FOLDER / index.patches[0].file
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WorkError, match="Make the patches again"):
        read_patch(path)


def test_masks_with_one_value_are_refused_before_any_patch_is_cut(tmp_path: Path) -> None:
    data = tmp_path / "data"
    images, coarse = write_annotated(data, SOME)
    for path in coarse.iterdir():
        cells = np.zeros(SHAPE, np.uint8)
        cells[:, 2:8, 2:8] = cells[:, 30:36, 30:36] = 255
        tifffile.imwrite(path, cells)
    dataset = Dataset(images=str(images), masks=str(coarse), spacing_um=SPACING)
    with pytest.raises(SequenceError, match=r"label 255 lies in 2 places .* Label your cells"):
        prepare_patches([dataset], Cutting(entry=SCALED), tmp_path / "patches")
    assert not (tmp_path / "patches").exists()
