"""A result, whoever wrote it, as a graph with all that is known of it.

The table of tracks and the masks are enough. What a run of sam4ct left beside its result
(`run.json`, `links.parquet`) adds confidences, voxel size and which regions were generated; the
masks that were linked, beside the images, add their labels.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite, isnan, nan
from pathlib import Path
from typing import Any

from sam4ct.errors import ResultError, SequenceError, WorkError
from sam4ct.io.ctc import (
    MASK,
    MASKS,
    RESULT,
    TRACKS,
    images_of_result,
    read_tracks,
    text_of_name,
    work_dir_of,
)
from sam4ct.io.ctc.new_sequence import facts_file
from sam4ct.io.export import TrackGraph, build_graph
from sam4ct.io.files import FrameFiles, frame_files, in_one_message, work_errors
from sam4ct.io.movie import ZARR, Volumes, open_volumes
from sam4ct.io.tiff import UNKNOWN, TiffVolumes, read_label_frame, stated_sizes
from sam4ct.io.work import WorkDir, read_table
from sam4ct.profile import Spacing
from sam4ct.tables import Links

logger = logging.getLogger(__name__)


def read_result(
    res_dir: Path,
    images: Path | None = None,
    *,
    spacing_um: Spacing | None = None,
    interval_s: float | None = None,
) -> tuple[TrackGraph, Volumes | None]:
    """Return the graph of a result, and its images, None if they are not there.

    Args:
        res_dir: The result, `SS_RES`, an absolute path.
        images: Its images; None: `SS` or `SS.zarr` beside it, or those that the run imported.
        spacing_um: Size of a voxel (z, y, x); None: as the import, the run or the images say.
        interval_s: Seconds between frames; None: as the import says.

    Raises:
        ResultError: It is no result, or breaks the rules of the challenge.
        SequenceError: The images do not fit the result.
        WorkError: What the run left is damaged.
    """
    masks = _masks(res_dir)
    given = None if images is None else Path(os.path.abspath(images))
    folder = given or images_of_result(res_dir)
    movie = None if folder is None else open_volumes(folder)
    _refuse_misfits(masks, movie, folder)
    record = _record(WorkDir(work_dir_of(res_dir)).run_json)
    imported = {} if folder is None else _record(facts_file(folder.parent, folder.stem))
    graph = _graph(res_dir, masks, folder, record)
    size = spacing_um or _spacing(imported, record, movie)
    if size is None:
        logger.info(
            "%s: nothing says the size of a pixel, so lengths are in pixels; --spacing Z Y X"
            " says it",
            res_dir,
        )
    said = nan if movie is None else movie.interval_s
    interval = interval_s or imported.get("interval_s") or (said if isfinite(said) else None)
    return replace(graph, spacing_um=size, interval_s=interval), movie


def _masks(res_dir: Path) -> FrameFiles:
    """Return the masks of a result, one for each frame from 0 on.

    Raises:
        ResultError: It is no result, or masks are missing.
    """
    if not (res_dir / TRACKS).is_file():
        raise ResultError(
            f"{res_dir}: holds no {TRACKS}, so it is no result. Give the folder SS{RESULT} that"
            " `sam4ct run` or another tracker wrote."
        )
    found = frame_files(res_dir, MASK, beside=(TRACKS,))
    problems = list(found.problems)
    if not problems and set(found.files) != set(range(len(found.files))):
        problems.append(f"{res_dir}: the masks of some frames are missing.")
    if problems or not found.files:
        raise ResultError(
            f"{in_one_message(problems or [f'{res_dir}: holds no masks.'])} Correct the result"
            " first; `sam4ct validate` lists all problems."
        )
    return found


def _refuse_misfits(masks: FrameFiles, images: Volumes | None, folder: Path | None) -> None:
    """Refuse images of another number of frames, or of another shape."""
    if images is None:
        return
    found = (images.frames, *images.shape)
    wanted = (len(masks.files), *read_label_frame(masks.files[0]).shape)
    if found != wanted:
        raise SequenceError(
            f"{folder}: the images are {found} (frames, [z,] y, x), but the masks in"
            f" {masks.folder} are {wanted}. Name the images of this result with --images."
        )


def _graph(
    res_dir: Path, masks: FrameFiles, folder: Path | None, record: Mapping[str, Any]
) -> TrackGraph:
    """Return the graph of a result with all that is known of it."""
    links = _links(res_dir)
    given = None
    if record.get("mode") != "track" and folder is not None:
        given = _given(folder, masks)
    if links is not None and record.get("mode") != "track" and given is None:
        links = None
        logger.warning(
            "%s: without confidences, for the masks that were linked are not beside the images."
            " Name the images with --images; SS%s is looked for there.",
            res_dir,
            MASKS,
        )
    elif links is None:
        logger.info("%s: without confidences: no run of sam4ct left its links here", res_dir)
    made = record.get("generated")
    return build_graph(
        text_of_name(res_dir),
        read_tracks(res_dir / TRACKS),
        len(masks.files),
        lambda t: read_label_frame(masks.files[t]),
        given=None if given is None else (lambda t: read_label_frame(given[t])),
        links=links,
        generated=None if made is None else [(int(t), int(label)) for t, label in made],
    )


def _links(res_dir: Path) -> Links | None:
    work = WorkDir(work_dir_of(res_dir))
    return read_table(work.links, Links) if work.links.exists() else None


def _given(folder: Path, masks: FrameFiles) -> Mapping[int, Path] | None:
    """Return the masks that were linked, by frame; None unless there is one for each frame."""
    beside = folder.with_name(f"{folder.name.removesuffix(ZARR)}{MASKS}")
    if not beside.is_dir():
        return None
    found = frame_files(beside, MASK)
    return found.files if not found.problems and set(found.files) == set(masks.files) else None


def _record(path: Path) -> dict[str, Any]:
    """Return what a run or an import wrote about itself; {} if there is nothing."""
    if not path.exists():
        return {}
    with work_errors(path):
        text = path.read_bytes()
    try:
        record = json.loads(text)
    except ValueError as error:
        raise WorkError(
            f"{path}: is damaged ({error}). Delete it, or run the same command again."
        ) from error
    return record if isinstance(record, dict) else {}


def _spacing(
    imported: Mapping[str, Any],
    record: Mapping[str, Any],
    images: Volumes | None,
) -> Spacing | None:
    """Return the size of a voxel (z, y, x) as the import, the run's profile or the images say."""
    stated: Spacing | None = None
    sizes = imported.get("spacing_um") or (None, None, None)
    if None in sizes[1:]:
        sizes = record.get("profile", {}).get("spacing_um")
        # Where a profile counts in pixels, only the distance of slices may differ from 1.
        sizes = None if sizes and sizes[1:] == [1.0, 1.0] else sizes
    if sizes:
        z, y, x = (float(size or 1.0) for size in sizes)
        stated = (z, y, x)
    elif isinstance(images, TiffVolumes):
        z, y, x = stated_sizes(images.files[0])[0]
        z = 1.0 if len(images.shape) == 2 and isnan(z) else z
        stated = None if any(map(isnan, (z, y, x))) else (z, y, x)
    elif images is not None:
        stated = images.spacing_um
    return None if stated == UNKNOWN else stated
