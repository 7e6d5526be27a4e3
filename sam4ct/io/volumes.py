"""The movie of a sequence, be it a folder of TIFF files or an OME-Zarr folder."""

from __future__ import annotations

import os
from pathlib import Path

from sam4ct.io.tiff_volumes import TiffVolumes
from sam4ct.io.zarr_volumes import ZarrVolumes

ZARR = ".zarr"
_METADATA = ("zarr.json", ".zgroup", ".zarray")


def open_volumes(path: Path) -> TiffVolumes | ZarrVolumes:
    """Open a movie for reading by window.

    Args:
        path: An OME-Zarr folder, or `DATASET/SS`: the TIFF files there, else `SS.zarr`
            beside it.

    Raises:
        SequenceError: There is neither, or it cannot be used.
    """
    beside = path.with_name(f"{path.name}{ZARR}")
    if path.suffix == ZARR or is_zarr(path):
        return ZarrVolumes(path)
    if beside.is_dir() and not any(path.glob("*.tif*")):
        return ZarrVolumes(beside)
    return TiffVolumes(path)


def refuse_unlike(volumes: TiffVolumes | ZarrVolumes) -> None:
    """Refuse a movie whose frames differ in shape or type; headers alone are read.

    Raises:
        SequenceError: They differ, or one cannot be read.
    """
    if isinstance(volumes, TiffVolumes):  # the frames of one array are alike
        volumes.refuse_unlike()


def is_zarr(path: Path) -> bool:
    """Whether a path is a Zarr folder by the names of the files in it."""
    return any(os.path.isfile(path / name) for name in _METADATA)
