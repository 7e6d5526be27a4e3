"""Everything that can be wrong with a CTC folder, as named cases to reuse.

`make_dataset` writes a small valid one; each function of `BAD_INPUTS` damages it, and
`BLAMED` says which file or folder the message must name. The command line's tests run
the same cases.
"""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

FRAMES = 4
SHAPE = (16, 20)
VOLUME = (6, *SHAPE)
Damage = Callable[[Path], None]

REMEDY = re.compile(
    r"\b(Add|Choose|Copy|Correct|Crop|Did you mean|Export|Fetch|Find|Give|Label|Leave|Make|Move"
    r"|Name|Put|Remove|Rename|Renumber|Replace|Save|Segment|Split|Try|Use|Wait|Write"
    r"|move|set|use)\b"
)
"""One of the words by which every message says what to do."""

BAD_INPUTS: dict[str, Damage] = {}
BLAMED: dict[str, str] = {}


def label_frame(t: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Two square cells, one of which moves by a pixel a frame; uint16."""
    labels = np.zeros(shape, np.uint16)
    labels[..., 2:6, 2 + t : 6 + t] = 1
    labels[..., 9:14, 10:15] = 2
    return labels


def make_dataset(root: Path, shape: tuple[int, ...] = SHAPE) -> Path:
    """Write `root/Tiny/01` and `root/Tiny/01_ERR_SEG` with a few frames, last frame first."""
    dataset = root / "Tiny"
    for folder in ("01", "01_ERR_SEG"):
        (dataset / folder).mkdir(parents=True)
    for t in reversed(range(FRAMES)):
        labels = label_frame(t, shape)
        save(image(dataset, t), (labels * 90 + 10 + t).astype(np.uint16))
        save(mask(dataset, t), labels)
    return dataset


def save(path: Path, frame: np.ndarray) -> None:
    tifffile.imwrite(path, frame, photometric="minisblack", compression="zlib")


def image(dataset: Path, t: int) -> Path:
    return dataset / "01" / f"t{t:03d}.tif"


def mask(dataset: Path, t: int) -> Path:
    return dataset / "01_ERR_SEG" / f"mask{t:03d}.tif"


def bad(blamed: str) -> Callable[[Damage], Damage]:
    """Register a case under its name; the message must name the path that ends so."""

    def register(damage: Damage) -> Damage:
        BAD_INPUTS[damage.__name__] = damage
        BLAMED[damage.__name__] = blamed
        return damage

    return register


def bad_volumes(blamed: str) -> Callable[[Damage], Damage]:
    """Register a case that damages a dataset of volumes instead."""

    def register(damage: Damage) -> Damage:
        @functools.wraps(damage)
        def rebuilt(dataset: Path) -> None:
            shutil.rmtree(dataset)
            damage(make_dataset(dataset.parent, VOLUME))

        bad(blamed)(rebuilt)
        return damage

    return register


def truncate(path: Path, keep: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


# Folders


@bad("Tiny")
def dataset_missing(dataset: Path) -> None:
    shutil.rmtree(dataset)


@bad("Tiny")
def dataset_is_a_file(dataset: Path) -> None:
    shutil.rmtree(dataset)
    dataset.write_text("not a folder")


@bad("Tiny")
def no_sequence(dataset: Path) -> None:
    (dataset / "01").rename(dataset / "images")


@bad("01_ERR_SEG")
def mask_folder_missing(dataset: Path) -> None:
    shutil.rmtree(dataset / "01_ERR_SEG")


@bad("01")
def no_images(dataset: Path) -> None:
    for path in (dataset / "01").iterdir():
        path.unlink()


@bad("01_ERR_SEG")
def no_masks(dataset: Path) -> None:
    for path in (dataset / "01_ERR_SEG").iterdir():
        path.unlink()


# Pairing


@bad("01")
def image_missing(dataset: Path) -> None:
    image(dataset, 2).unlink()


@bad("01")
def first_image_missing(dataset: Path) -> None:
    image(dataset, 0).unlink()


@bad("01")
def gap_in_images_and_masks(dataset: Path) -> None:
    image(dataset, 1).unlink()
    mask(dataset, 1).unlink()


@bad("01")
def starts_at_one(dataset: Path) -> None:
    image(dataset, 0).unlink()
    mask(dataset, 0).unlink()


@bad("01_ERR_SEG")
def mask_missing(dataset: Path) -> None:
    mask(dataset, 1).unlink()


@bad("01_ERR_SEG")
def mask_without_image(dataset: Path) -> None:
    save(mask(dataset, FRAMES), label_frame(0))


# Names


@bad("t001.tiff")
def image_doubled(dataset: Path) -> None:
    shutil.copy(image(dataset, 1), dataset / "01" / "t001.tiff")


@bad("mask001.tiff")
def mask_doubled(dataset: Path) -> None:
    shutil.copy(mask(dataset, 1), dataset / "01_ERR_SEG" / "mask001.tiff")


@bad("t001.tif")
def image_doubled_with_four_digits(dataset: Path) -> None:
    shutil.copy(image(dataset, 1), dataset / "01" / "t0001.tif")


@bad("t0002.tif")
def one_image_with_four_digits(dataset: Path) -> None:
    image(dataset, 2).rename(dataset / "01" / "t0002.tif")


@bad("t03.tif")
def image_with_two_digits(dataset: Path) -> None:
    image(dataset, 3).rename(dataset / "01" / "t03.tif")


@bad("notes.txt")
def foreign_file(dataset: Path) -> None:
    (dataset / "01" / "notes.txt").write_text("imaged on a Monday")


@bad("man_track000.tif")
def truth_among_masks(dataset: Path) -> None:
    shutil.copy(mask(dataset, 0), dataset / "01_ERR_SEG" / "man_track000.tif")


@bad("t001.tif")
def folder_in_place_of_image(dataset: Path) -> None:
    image(dataset, 1).unlink()
    image(dataset, 1).mkdir()


@bad("mask001.tif")
def dangling_link(dataset: Path) -> None:
    mask(dataset, 1).unlink()
    mask(dataset, 1).symlink_to("elsewhere.tif")


# Files


@bad("t001.tif")
def empty_file(dataset: Path) -> None:
    image(dataset, 1).write_bytes(b"")


@bad("mask002.tif")
def text_file(dataset: Path) -> None:
    mask(dataset, 2).write_text("this is not a picture")


@bad("t003.tif")
def truncated_image(dataset: Path) -> None:
    truncate(image(dataset, 3), 0.9)


@bad("mask003.tif")
def truncated_mask(dataset: Path) -> None:
    truncate(mask(dataset, 3), 0.6)


@bad("t002.tif")
def truncated_uncompressed_image(dataset: Path) -> None:
    tifffile.imwrite(image(dataset, 2), label_frame(2), rowsperstrip=4)
    truncate(image(dataset, 2), 0.8)


@bad("mask001.tif")
def damaged_pixels(dataset: Path) -> None:
    with tifffile.TiffFile(mask(dataset, 1)) as tif:
        start, count = tif.pages[0].dataoffsets[0], tif.pages[0].databytecounts[0]
    data = bytearray(mask(dataset, 1).read_bytes())
    data[start : start + count] = bytes(count)
    mask(dataset, 1).write_bytes(bytes(data))


@bad("t001.tif")
def unknown_compression(dataset: Path) -> None:
    with tifffile.TiffFile(image(dataset, 1), mode="r+") as tif:
        tif.pages[0].tags["Compression"].overwrite(65000)


@bad("t001.tif")
def preview_beside_image(dataset: Path) -> None:
    with tifffile.TiffWriter(image(dataset, 1)) as tif:
        tif.write(label_frame(1), metadata=None)
        tif.write(label_frame(1)[:5], metadata=None)


# Shapes


@bad("t002.tif")
def image_of_other_shape(dataset: Path) -> None:
    save(image(dataset, 2), label_frame(2)[:, :-1])


@bad("mask002.tif")
def mask_of_other_shape(dataset: Path) -> None:
    save(mask(dataset, 2), label_frame(2).T)


@bad("mask000.tif")
def all_masks_of_other_shape(dataset: Path) -> None:
    for t in range(FRAMES):
        save(mask(dataset, t), label_frame(t)[1:])


@bad("t001.tif")
def volume_among_planes(dataset: Path) -> None:
    save(image(dataset, 1), label_frame(1, (3, *SHAPE)))


@bad("t000.tif")
def time_and_depth_in_one_file(dataset: Path) -> None:
    tifffile.imwrite(image(dataset, 0), label_frame(0, (2, 3, *SHAPE)), imagej=True)


@bad("t001.tif")
def colour_image(dataset: Path) -> None:
    tifffile.imwrite(image(dataset, 1), np.zeros((*SHAPE, 3), np.uint8), photometric="rgb")


@bad("mask001.tif")
def colour_mask(dataset: Path) -> None:
    tifffile.imwrite(mask(dataset, 1), np.zeros((*SHAPE, 3), np.uint8), photometric="rgb")


# Types and values


@bad("t002.tif")
def image_of_other_type(dataset: Path) -> None:
    save(image(dataset, 2), label_frame(2).astype(np.uint8))


@bad("mask002.tif")
def mask_of_other_type(dataset: Path) -> None:
    save(mask(dataset, 2), label_frame(2).astype(np.uint8))


def _all_masks(dataset: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for t in range(FRAMES):
        save(mask(dataset, t), change(label_frame(t)))


def _all_images(dataset: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for t in range(FRAMES):
        save(image(dataset, t), change(label_frame(t)))


@bad("mask000.tif")
def float_masks(dataset: Path) -> None:
    _all_masks(dataset, lambda labels: labels.astype(np.float32) * 0.5)


@bad("mask000.tif")
def float_masks_beyond_their_whole_numbers(dataset: Path) -> None:
    _all_masks(dataset, lambda labels: labels.astype(np.float32) * 2.0**25)


@bad("mask000.tif")
def masks_compressed_with_loss(dataset: Path) -> None:
    for t in range(FRAMES):
        labels = label_frame(t).astype(np.uint8)
        tifffile.imwrite(mask(dataset, t), labels, compression="jpeg", photometric="minisblack")


@bad("mask000.tif")
def background_with_a_label(dataset: Path) -> None:
    _all_masks(dataset, lambda labels: labels + 1)


@bad("mask000.tif")
def yes_or_no_masks(dataset: Path) -> None:
    _all_masks(dataset, lambda labels: labels > 0)


@bad("mask000.tif")
def negative_labels(dataset: Path) -> None:
    _all_masks(dataset, lambda labels: labels.astype(np.int16) - 1)


@bad("mask000.tif")
def huge_labels(dataset: Path) -> None:
    _all_masks(dataset, lambda labels: labels.astype(np.uint32) * 2_000_000_000)


@bad("mask000.tif")
def more_than_65535_labels(dataset: Path) -> None:
    shape = (256, 257)
    for t in range(FRAMES):
        save(image(dataset, t), label_frame(t, shape))
        labels = np.arange(1, 256 * 257 + 1, dtype=np.int32).clip(max=65536)
        save(mask(dataset, t), labels.reshape(shape))


@bad("01_ERR_SEG")
def all_masks_empty(dataset: Path) -> None:
    _all_masks(dataset, np.zeros_like)


@bad("t000.tif")
def complex_images(dataset: Path) -> None:
    _all_images(dataset, lambda labels: labels.astype(np.complex64))


@bad("t000.tif")
def yes_or_no_images(dataset: Path) -> None:
    _all_images(dataset, lambda labels: labels > 0)


@bad("t000.tif")
def nan_in_images(dataset: Path) -> None:
    _all_images(dataset, lambda labels: np.where(labels == 1, np.nan, 1).astype(np.float32) / 2)


@bad("t000.tif")
def infinite_images(dataset: Path) -> None:
    _all_images(dataset, lambda labels: np.where(labels == 1, np.inf, 1).astype(np.float32) / 2)


# Volumes


@bad_volumes("t002.tif")
def slices_missing_in_one_image(dataset: Path) -> None:
    save(image(dataset, 2), label_frame(2, VOLUME)[:-1])


@bad_volumes("mask002.tif")
def slices_missing_in_one_mask(dataset: Path) -> None:
    save(mask(dataset, 2), label_frame(2, VOLUME)[:-1])


@bad_volumes("t001.tif")
def single_slice_among_volumes(dataset: Path) -> None:
    save(image(dataset, 1), label_frame(1, VOLUME)[:1])


@bad_volumes("mask000.tif")
def masks_of_a_single_slice(dataset: Path) -> None:
    for t in range(FRAMES):
        save(mask(dataset, t), label_frame(t, VOLUME)[:1])


@bad_volumes("mask000.tif")
def images_of_a_single_slice(dataset: Path) -> None:
    for t in range(FRAMES):
        save(image(dataset, t), label_frame(t, VOLUME)[:1])


@bad_volumes("mask000.tif")
def masks_with_z_last(dataset: Path) -> None:
    for t in range(FRAMES):
        save(mask(dataset, t), np.moveaxis(label_frame(t, VOLUME), 0, -1))


@bad_volumes("t001.tif")
def one_image_turned_over(dataset: Path) -> None:
    save(image(dataset, 1), label_frame(1, VOLUME).T)


@bad_volumes("t000.tif")
def channels_in_place_of_slices(dataset: Path) -> None:
    for t in range(FRAMES):
        channels = label_frame(t, (3, *SHAPE))
        tifffile.imwrite(image(dataset, t), channels, imagej=True, metadata={"axes": "CYX"})
        save(mask(dataset, t), channels)


@bad_volumes("t000.tif")
def channels_beside_slices(dataset: Path) -> None:
    for t in range(FRAMES):
        channels = label_frame(t, (6, 2, *SHAPE))
        tifffile.imwrite(image(dataset, t), channels, imagej=True, metadata={"axes": "ZCYX"})


@bad_volumes("t000.tif")
def colour_volumes(dataset: Path) -> None:
    for t in range(FRAMES):
        colours = np.zeros((*VOLUME, 4), np.uint8)
        tifffile.imwrite(image(dataset, t), colours, photometric="rgb")


@bad_volumes("t000.tif")
def colours_that_pass_for_columns(dataset: Path) -> None:
    for t in range(FRAMES):
        for path in (image(dataset, t), mask(dataset, t)):
            save(path, np.ones((*SHAPE, 3), np.uint16))


@bad_volumes("t003.tif")
def volume_without_its_last_pages(dataset: Path) -> None:
    truncate(image(dataset, 3), 0.7)


@bad_volumes("mask000.tif")
def float_volumes(dataset: Path) -> None:
    for t in range(FRAMES):
        save(mask(dataset, t), label_frame(t, VOLUME).astype(np.float32) / 2)


@bad_volumes("mask000.tif")
def more_labels_in_a_volume_than_a_result_holds(dataset: Path) -> None:
    shape = (2, 256, 257)
    for t in range(FRAMES):
        save(image(dataset, t), label_frame(t, shape))
        labels = np.arange(2 * 256 * 257, dtype=np.int32) // 2 + 1
        save(mask(dataset, t), labels.reshape(shape))


@bad_volumes("01_ERR_SEG")
def all_volumes_empty(dataset: Path) -> None:
    for t in range(FRAMES):
        save(mask(dataset, t), np.zeros(VOLUME, np.uint16))
