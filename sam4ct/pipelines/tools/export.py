"""Export: a result, whoever wrote it, in the formats of other programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sam4ct.errors import ResultError, SequenceError
from sam4ct.io.ctc import CtcSequence, text_of_name
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
        "geff": lambda place: write_geff(place, graph, options.zarr_format),
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


def export_run(run: Run) -> list[Path]:
    """Export the result of a run in the formats that its options name; see `export`."""
    options = _options_of(run)
    return export(run.sequence.result_dir, options) if options.formats else []


def refuse_exports(run: Run) -> None:
    """Refuse what `export_run` would refuse after hours; changes nothing."""
    export_places(run.sequence.result_dir, _options_of(run))


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
