"""Find the inputs of mode track in a dataset by their names: the movie and the initial tracks.

DATASET/SS/ or SS.zarr/       the movie: a TIFF file or a Zarr a frame, or one OME-Zarr
DATASET/SS_SEEDS/             seeds: places of possible cells in every frame
DATASET/SS_INIT/              a JSON of `sam4ct init-tracks`, or a label TIFF
DATASET/SS_GT/TRA/            man_track000.tif, if there is no SS_INIT
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from sam4ct.io.files import TIFF, WIDTHS, is_tiff
from sam4ct.io.follow.seeds import SEEDS
from sam4ct.io.movie import ZARR
from sam4ct.io.ome_zarr import is_frame_name, is_zarr

INITIAL = "_INIT"
TRACKS = "tracks.json"
"""The file that is taken if a folder holds several files of initial tracks."""
TRUTH = "_GT"
_FIRST_MASK = re.compile(rf"man_track0{{{WIDTHS[0]},{WIDTHS[-1]}}}{TIFF}")

Listing = Callable[[Path], Iterable[str]]
"""Returns the visible names in a folder; none if it does not exist."""


def movie_of(dataset_dir: Path, name: str, names_in: Listing) -> Path | None:
    """Return the movie of a sequence: `SS` if frames lie there, else `SS.zarr`, else None."""
    folder, beside = dataset_dir / name, dataset_dir / f"{name}{ZARR}"
    if any(is_tiff(file) or is_frame_name(file) for file in names_in(folder)):
        return folder
    return beside if is_zarr(beside) else None


def initial_of(dataset_dir: Path, name: str, names_in: Listing) -> list[Path]:
    """Return the files of initial tracks of a sequence: one, several, or none."""
    if chosen := initial_in(dataset_dir / f"{name}{INITIAL}", names_in):
        return chosen
    tra = dataset_dir / f"{name}{TRUTH}" / "TRA"
    return [tra / mask for mask in sorted(filter(_FIRST_MASK.fullmatch, names_in(tra)))]


def initial_in(folder: Path, names_in: Listing) -> list[Path]:
    """Return the files of initial tracks in a folder: only `TRACKS` if it is among them."""
    names = sorted(f for f in names_in(folder) if f.endswith(".json") or is_tiff(f))
    return [folder / file for file in ([TRACKS] if TRACKS in names else names)]


def has_all_parts(dataset_dir: Path, name: str, names_in: Listing) -> bool:
    """Whether a sequence has a movie, a folder of seeds and initial tracks."""
    return (
        os.path.isdir(dataset_dir / f"{name}{SEEDS}")
        and movie_of(dataset_dir, name, names_in) is not None
        and bool(initial_of(dataset_dir, name, names_in))
    )
