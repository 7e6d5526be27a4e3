"""One movie and its masks in the forms in which other programs save them.

Each function of `FORMS` writes both below a folder and returns the arguments of `sam4ct import`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
import zarr
from PIL import Image
from scenes.bad_inputs import FRAMES, label_frame

from sam4ct.pipelines.tools.importing.look import Wishes

SHAPES = {"2D": (24, 30), "3D": (5, 24, 30)}
Scene = tuple[np.ndarray, np.ndarray]
"""Images and labels, (t, [z,] y, x), uint16."""
Form = Callable[[Path, Scene], tuple[Path, Path, Wishes]]
FORMS: dict[str, Form] = {}
OF_PLANES: set[str] = set()
"""Forms that hold no volumes."""


def scene(kind: str) -> Scene:
    labels = np.stack([label_frame(t, SHAPES[kind]) for t in range(FRAMES)])
    noise = np.random.default_rng(0).integers(0, 50, labels.shape)
    return (labels * 90 + noise).astype(np.uint16), labels


def form(function: Form) -> Form:
    FORMS[function.__name__] = function
    return function


def plane_form(function: Form) -> Form:
    OF_PLANES.add(function.__name__)
    return form(function)


def space(movie: np.ndarray) -> str:
    """The axes of a frame."""
    return "ZYX"[-(movie.ndim - 1) :]


def with_channels(images: np.ndarray, channel: int, axis: int = 1) -> np.ndarray:
    """Three channels, of which the others are other movies."""
    return np.stack(
        [images if c == channel else images[::-1] + 7 for c in range(3)], axis=axis
    ).astype(images.dtype)


def ome(path: Path, movie: np.ndarray, axes: str, **more: object) -> Path:
    metadata = {"axes": axes, **more}
    tifffile.imwrite(path, movie, ome=True, metadata=metadata, photometric="minisblack")
    return path


def plain(path: Path, movie: np.ndarray, **how: object) -> Path:
    """Pages without a header; of more than three axes, tifffile notes the lengths alone."""
    metadata = None if movie.ndim <= 3 else {}
    tifffile.imwrite(path, movie, metadata=metadata, photometric="minisblack", **how)
    return path


def imagej(path: Path, movie: np.ndarray, axes: str) -> Path:
    tifffile.imwrite(path, movie, imagej=True, metadata={"axes": axes})
    return path


def one_each(folder: Path, movie: np.ndarray, name: str) -> Path:
    """A TIFF a frame; names have no leading zeros, and the first number is 8."""
    folder.mkdir(exist_ok=True)
    for t, frame in enumerate(movie):
        plain(folder / name.format(t + 8), frame, compression="zlib")
    return folder


def png_each(folder: Path, movie: np.ndarray, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    for t, frame in enumerate(movie):
        Image.fromarray(frame).save(folder / name.format(t + 8))
    return folder


def seg_npy(path: Path, masks: np.ndarray) -> Path:
    """As Cellpose saves it."""
    held = {
        "outlines": masks > 0,
        "colors": np.zeros((3, 3), np.uint8),
        "masks": masks,
        "chan_choose": [0, 0],
        "filename": "img.tif",
        "flows": [masks.astype(np.float32), [], None],
        "ismanual": np.zeros(2, bool),
        "est_diam": np.float64(17.5),
    }
    np.save(path, held, allow_pickle=True)
    return path


def group(path: Path, movie: np.ndarray, axes: str, **attributes: object) -> Path:
    """An OME-Zarr image of one resolution."""
    units = {"t": {"type": "time", "unit": "minute"}, "c": {"type": "channel"}}
    named = [
        {"name": a, **units.get(a, {"type": "space", "unit": "micrometer"})} for a in axes.lower()
    ]
    scale = [{"t": 2.0, "c": 1.0, "z": 3.0}.get(a, 0.5) for a in axes.lower()]
    dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    image = {"version": "0.5", "multiscales": [{"axes": named, "datasets": [dataset]}]}
    made = zarr.create_group(path, attributes={"ome": image | attributes}, overwrite=False)
    made.create_array("0", data=movie, chunks=(1,) * (movie.ndim - 2) + movie.shape[-2:])
    return path


# TIFF stacks


@form
def imagej_stacks(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    axes = f"T{space(movie[0])}"
    return (
        imagej(root / "movie.tif", movie[0], axes),
        imagej(root / "masks.tif", movie[1], axes),
        Wishes(),
    )


@form
def imagej_stack_and_plain_masks(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    images = imagej(root / "movie.tif", movie[0], f"T{space(movie[0])}")
    return images, plain(root / "masks.tif", movie[1]), Wishes()


@form
def imagej_channels(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    """Fiji's order: (t, [z,] c, y, x)."""
    z = "Z" if movie[0].ndim == 4 else ""
    channels = with_channels(movie[0], 1, axis=movie[0].ndim - 2)
    images = imagej(root / "movie.tif", channels, f"T{z}CYX")
    return images, plain(root / "masks.tif", movie[1]), Wishes(channel="1")


@form
def ome_tiff(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    axes = f"T{space(movie[0])}"
    return (
        ome(root / "movie.ome.tif", movie[0], axes),
        ome(root / "masks.ome.tif", movie[1], axes),
        Wishes(),
    )


@form
def ome_tiff_channel_by_name(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    names = {"Channel": {"Name": ["DAPI", "GFP", "phase"]}}
    channels = with_channels(movie[0], 2)
    images = ome(root / "movie.ome.tif", channels, f"TC{space(movie[0])}", **names)
    return images, plain(root / "masks.tif", movie[1]), Wishes(channel="Phase")


@form
def plain_pages_with_axes(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    axes = f"T{space(movie[0])}"
    images = plain(root / "movie.tif", movie[0], compression="zlib")
    return images, plain(root / "masks.tif", movie[1]), Wishes(axes=axes)


@form
def slices_that_are_time_points(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    """What Fiji makes of a sequence of files; of volumes, the channels."""
    axes = "ZYX" if movie[0].ndim == 3 else "CZYX"
    return (
        imagej(root / "movie.tif", movie[0], axes)
        if movie[0].ndim == 3
        else ome(root / "movie.tif", movie[0], axes),
        imagej(root / "masks.tif", movie[1], "ZYX")
        if movie[0].ndim == 3
        else plain(root / "masks.tif", movie[1]),
        Wishes(axes=f"T{space(movie[0])}"),
    )


@plane_form
def colours_last(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    channels = with_channels(movie[0], 0, axis=3)
    tifffile.imwrite(root / "movie.tif", channels, photometric="rgb", metadata={"axes": "TYXS"})
    return root / "movie.tif", plain(root / "masks.tif", movie[1]), Wishes(channel="0")


@form
def float_labels(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    """As TrackMate exports them."""
    axes = f"T{space(movie[0])}"
    return (
        imagej(root / "movie.tif", movie[0], axes),
        imagej(root / "labels.tif", movie[1].astype(np.float32), axes),
        Wishes(),
    )


@form
def big_endian_int32_labels(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    """As StarDist's and Omnipose's labels are."""
    images = ome(root / "movie.tif", movie[0], f"T{space(movie[0])}")
    masks = plain(root / "masks.tif", movie[1].astype(">i4"), byteorder=">", compression="lzw")
    return images, masks, Wishes()


# Folders


@form
def folders_of_tiff(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    images = one_each(root / "images", movie[0], "img_t{}.tif")
    return images, one_each(root / "masks", movie[1], "img_t{}.TIFF"), Wishes()


@form
def folder_and_stack(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    images = one_each(root / "images", movie[0], "a{}b.tif")
    return images, plain(root / "masks.tif", movie[1]), Wishes()


@form
def folder_of_channels(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    images = one_each(root / "images", with_channels(movie[0], 1), "x{}.tif")
    masks = one_each(root / "masks", movie[1], "y{}.tif")
    axes = None if movie[0].ndim == 3 else "CZYX"
    return images, masks, Wishes(channel="1", axes=axes)


@form
def cellpose_tiff_beside_images(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    one_each(root / "both", movie[0], "img_{}.tif")
    one_each(root / "both", movie[1], "img_{}_cp_masks.tif")
    one_each(root / "both", movie[0][:2], "img_{}_flows_cp_masks.tif")
    (root / "both" / "notes.txt").write_text("imaged on a Monday")
    return root / "both", root / "both", Wishes()


@plane_form
def cellpose_png_beside_images(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    png_each(root / "both", movie[0], "img_{}.png")
    png_each(root / "both", movie[1], "img_{}_cp_masks.png")
    return root / "both", root / "both", Wishes()


@form
def cellpose_seg_npy(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    one_each(root / "both", movie[0], "img_{}.tif")
    for t, masks in enumerate(movie[1]):
        seg_npy(root / "both" / f"img_{t + 8}_seg.npy", masks)
    return root / "both", root / "both", Wishes()


@plane_form
def png_labels_of_eight_bits(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    images = one_each(root / "images", movie[0], "img{}.tif")
    return images, png_each(root / "masks", movie[1].astype(np.uint8), "m{}.png"), Wishes()


# Arrays


@form
def npy_with_axes(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    np.save(root / "movie.npy", movie[0])
    np.save(root / "masks.npy", np.asfortranarray(movie[1].astype(np.int64)))
    return root / "movie.npy", root / "masks.npy", Wishes(axes=f"T{space(movie[0])}")


@form
def npz_and_named_axes(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    images = ome(root / "movie.tif", movie[0], f"T{space(movie[0])}")
    np.savez_compressed(root / "masks.npz", masks=movie[1])
    return images, root / "masks.npz", Wishes()


@form
def npy_in_another_order(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    np.save(root / "movie.npy", np.moveaxis(movie[0], 0, -1))
    np.save(root / "masks.npy", np.moveaxis(movie[1], 0, -1))
    return root / "movie.npy", root / "masks.npy", Wishes(axes=f"{space(movie[0])}T")


# Zarr


@form
def ome_zarr_with_labels(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    image = group(root / "movie.zarr", movie[0], f"T{space(movie[0])}")
    zarr.create_group(image / "labels", attributes={"ome": {"labels": ["cells"]}})
    group(image / "labels" / "cells", movie[1], f"T{space(movie[0])}")
    return image, image, Wishes()


@form
def ome_zarr_channel_by_name(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    named = {"omero": {"channels": [{"label": name} for name in ("DAPI", "GFP", "phase")]}}
    axes = "TCZYX" if movie[0].ndim == 4 else "TCYX"
    image = group(root / "movie.zarr", with_channels(movie[0], 1), axes, **named)
    masks = group(root / "masks.zarr", movie[1], f"T{space(movie[0])}")
    return image, masks, Wishes(channel="GFP")


@form
def bioformats2raw(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    zarr.create_group(root / "raw.zarr", attributes={"ome": {"bioformats2raw.layout": 3}})
    movie5, masks5 = (np.expand_dims(a, (1, 2)) if a.ndim == 3 else a[:, None] for a in movie)
    group(root / "raw.zarr" / "0", movie5, "TCZYX")
    return root / "raw.zarr", group(root / "masks.zarr", masks5, "TCZYX"), Wishes()


@form
def bare_zarr_masks(root: Path, movie: Scene) -> tuple[Path, Path, Wishes]:
    images = imagej(root / "movie.tif", movie[0], f"T{space(movie[0])}")
    array = zarr.create_array(root / "masks.zarr", shape=movie[1].shape, dtype="int64")
    array[...] = movie[1]
    return images, root / "masks.zarr", Wishes()
