"""Open the movie of a sequence: a folder of TIFF files, an OME-Zarr, or one Zarr a frame."""

from __future__ import annotations

from pathlib import Path

import zarr

from sam4ct.errors import SequenceError
from sam4ct.io.files import WIDTHS, frame_files, holds_tiff, list_folder
from sam4ct.io.ome_zarr import (
    ZarrFrames,
    ZarrVolumes,
    is_collection,
    is_frame_name,
    is_group_of_frames,
    is_zarr,
    open_node,
)
from sam4ct.io.tiff import PREFIX, TiffVolumes

ZARR = ".zarr"

Volumes = TiffVolumes | ZarrVolumes | ZarrFrames


def open_volumes(path: Path) -> Volumes:
    """Open a movie for reading by window.

    Args:
        path: A Zarr folder, or `DATASET/SS`: the TIFF files there, else the Zarr frames
            there, else `SS.zarr` beside it.

    Raises:
        SequenceError: There is no movie, or it cannot be used.
    """
    beside = path.with_name(f"{path.name}{ZARR}")
    if is_zarr(path):
        return _open_zarr(path)
    if not holds_tiff(path):
        if any(is_frame_name(entry.name) for entry in path.glob(f"*{ZARR}")):
            return ZarrFrames(path)
        if path.suffix == ZARR or beside.is_dir():
            return _open_zarr(path if path.suffix == ZARR else beside)
    return TiffVolumes(path)


def _open_zarr(path: Path) -> ZarrVolumes | ZarrFrames:
    node = open_node(path)
    if isinstance(node, zarr.Group) and is_collection(dict(node.attrs)):
        return ZarrVolumes(_only_series(path))
    return ZarrFrames(path) if is_group_of_frames(path) else ZarrVolumes(path)


def _only_series(path: Path) -> Path:
    """Return the image in a folder of bioformats2raw, which names images by numbers."""
    series = sorted(e.name for e in list_folder(path) if e.name.isdigit() and is_zarr(e))
    if len(series) != 1:
        raise SequenceError(
            f"{path}: holds {len(series)} images by bioformats2raw ({', '.join(series) or 'none'}),"
            " one a series, and a movie is one of them. Move the folder of that one in the place of"
            f" {path.name}: it is an OME-Zarr by itself."
        )
    return path / series[0]


def digits_of(path: Path, volumes: Volumes) -> int:
    """Return the width of the frame numbers of a movie that was opened from `path`, 3 or 4."""
    if isinstance(volumes, TiffVolumes):
        return frame_files(path, PREFIX).width
    least = WIDTHS[0] if volumes.frames < 10 ** WIDTHS[0] else WIDTHS[1]
    named = volumes.digits if isinstance(volumes, ZarrFrames) else least
    return max(least, min(named, WIDTHS[1]))


def refuse_unlike(volumes: Volumes) -> None:
    """Refuse a movie whose frames differ in shape or type; only headers are read.

    Raises:
        SequenceError: They differ, or one cannot be read.
    """
    if isinstance(volumes, TiffVolumes):  # Zarr movies are checked when they are opened
        volumes.refuse_unlike()
