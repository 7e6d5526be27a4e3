"""Export: a result, whoever wrote it, in the formats of other programs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sam4ct.errors import ResultError, SequenceError
from sam4ct.io.ctc import TRACKS, CtcSequence, images_of_result, refuse_target, text_of_name
from sam4ct.io.export import (
    ZarrFormat,
    placed,
    refuse_place,
    write_csv,
    write_geff,
    write_napari,
    write_ome_zarr,
    write_trackmate,
)
from sam4ct.io.movie import Volumes
from sam4ct.io.ome_zarr import ZarrVolumes
from sam4ct.io.tiff import TiffVolumes
from sam4ct.pipelines.common.run import Run
from sam4ct.pipelines.tools.result_graph import read_result
from sam4ct.profile import Spacing

EXPORT = ".export"
"""Suffix of the folder that exports of a result go to."""
PLACES = {
    "geff": "{}.zarr",
    "napari": "napari",
    "csv": "csv",
    "trackmate": "trackmate",
    "ome-zarr": "{}.ome.zarr",
}
"""Formats, and the folder that each becomes; takes the name of the result."""


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What a user may choose."""

    formats: Sequence[str] = ("geff",)
    """Some of `PLACES`."""
    out: Path | None = None
    """The folder to write into; None: `SS_RES.export` beside the result."""
    images: Path | None = None
    """Images of the result, and beside them the masks that were linked; None: `SS` beside it."""
    zarr_format: ZarrFormat = 2
    """For "geff"."""
    spacing_um: Spacing | None = None
    """Size of a voxel (z, y, x); None: as the run or the images say."""
    interval_s: float | None = None
    """Seconds between frames; None: as the import says."""
    overwrite: bool = False


def export(res_dir: Path, options: ExportOptions) -> list[Path]:
    """Write a result in other formats, each into a folder that is whole or absent.

    Args:
        res_dir: The result, `SS_RES`, valid by the rules of the challenge.
        options: What to write, and where.

    Returns:
        The folders written.

    Raises:
        ResultError: It is no result, or something is in the way.
        SequenceError: Images are missing, or do not fit the result.
        WorkError: The disk refuses, or what the run left is damaged.
    """
    res_dir = Path(os.path.abspath(res_dir))
    formats = list(dict.fromkeys(options.formats))
    targets = export_places(res_dir, options)
    graph, images = read_result(
        res_dir, options.images, spacing_um=options.spacing_um, interval_s=options.interval_s
    )
    if images is None and "ome-zarr" in formats:
        raise SequenceError(
            f"{res_dir}: its images are not beside it, and OME-Zarr holds images with masks. Name"
            " their folder with --images."
        )
    writers: dict[str, Callable[[Path], None]] = {
        "geff": lambda place: write_geff(place, graph, options.zarr_format, _shown(images)),
        "napari": lambda place: write_napari(place, graph),
        "csv": lambda place: write_csv(place, graph, images),
        "trackmate": lambda place: write_trackmate(place, graph, images),
    }
    if images is not None:
        movie = images
        writers["ome-zarr"] = lambda place: write_ome_zarr(place, graph, movie)
    for name in formats:
        with placed(targets[name]) as place:
            writers[name](place)
    return [targets[name] for name in formats]


def _shown(images: Volumes | None) -> Callable[[int], NDArray[Any]] | Path | None:
    """Return what GEFF shows of images: copies of TIFF files, a Zarr array where it lies."""
    if isinstance(images, TiffVolumes):
        return images.frame
    return images.array_folder if isinstance(images, ZarrVolumes) else None


def export_run(run: Run) -> list[Path]:
    """Export the result of a run in the formats that its options name; see `export`."""
    options = _options_of(run)
    return export(run.sequence.result_dir, options) if options.formats else []


def refuse_run(run: Run) -> None:
    """Refuse what the run and `export_run` would refuse after hours; changes nothing."""
    refuse_result(run.sequence.result_dir, _options_of(run))
    refuse_exports(run)


def refuse_result(res_dir: Path, options: ExportOptions) -> None:
    """Refuse a result that is there, as `refuse_target`; tell how to make the exports it lacks.

    A run that was killed while it exported has its result.
    """
    try:
        refuse_target(res_dir, overwrite=options.overwrite)
    except ResultError as error:
        missing = missing_exports(res_dir, options.formats)
        if not missing or not (res_dir / TRACKS).is_file():
            raise
        words = ["sam4ct", "export", str(res_dir), *(f"--to={name}" for name in missing)]
        if options.images is not None and options.images != images_of_result(res_dir):
            words += ["--images", str(options.images)]
        raise ResultError(f"{error} To make the exports it lacks: {shlex.join(words)}") from error


def refuse_exports(run: Run) -> None:
    """Refuse exports that are in the way of those that `export_run` will write."""
    export_places(run.sequence.result_dir, _options_of(run))


def missing_exports(res_dir: Path, formats: Sequence[str]) -> list[str]:
    """Return the formats whose folder is not beside the result."""
    out, name = res_dir.with_name(f"{res_dir.name}{EXPORT}"), text_of_name(res_dir)
    return [key for key in formats if not (out / PLACES[key].format(name)).exists()]


def _options_of(run: Run) -> ExportOptions:
    sequence, chosen = run.sequence, run.options
    return ExportOptions(
        formats=chosen.export,
        images=sequence.images[0].parent if isinstance(sequence, CtcSequence) else sequence.source,
        spacing_um=chosen.spacing_um,
        overwrite=run.replaces,
    )


def export_places(res_dir: Path, options: ExportOptions) -> dict[str, Path]:
    """Return the folder that each format is written to.

    Raises:
        ResultError: A folder is that of the result, or in it, or there already.
        WorkError: A folder cannot be written.
    """
    name = text_of_name(res_dir)
    out = options.out or res_dir.with_name(f"{res_dir.name}{EXPORT}")
    out = Path(os.path.abspath(out))
    if out.is_relative_to(res_dir):
        raise ResultError(
            f"{out}: an export may not be written into the result. Choose another folder with"
            " --out."
        )
    places = {key: out / PLACES[key].format(name) for key in options.formats}
    for place in places.values():
        refuse_place(place, overwrite=options.overwrite)
    return places
