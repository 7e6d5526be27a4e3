"""Tables for R and Excel: `cells.csv`, one row a cell in a frame, and `links.csv`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops_table

from sam4ct.io.export.graph import TrackGraph
from sam4ct.io.movie import Volumes
from sam4ct.runtime import Progress
from sam4ct.tables import Floats

FILES = ("cells.csv", "links.csv")

LENGTHS = ("axis_major_length", "axis_minor_length")
PLANAR = ("eccentricity", "orientation")
"""Of regions in images; scikit-image knows neither in volumes."""
INTENSITIES = ("intensity_mean", "intensity_min", "intensity_max")
Columns = Mapping[str, NDArray[Any]]


def write_csv(folder: Path, graph: TrackGraph, images: Volumes | None = None) -> None:
    """Write both tables; one frame is held at a time.

    Args:
        folder: Holds them afterwards.
        graph: The result.
        images: Its images; without them there are no intensities.
    """
    _write_cells(folder / FILES[0], graph, images)
    nodes, edges = graph.nodes, graph.edges
    columns: dict[str, NDArray[Any]] = {
        "frame": nodes.t[edges.source],
        "track": nodes.label[edges.source],
        "next_frame": nodes.t[edges.target],
        "next_track": nodes.label[edges.target],
        "division": edges.division.astype(np.int64),
    }
    if np.isfinite(edges.confidence).any():
        columns["confidence"] = edges.confidence
    if edges.answered.any():
        columns["answered"] = edges.answered.astype(np.int64)
    write_rows(folder / FILES[1], columns)


def write_rows(path: Path, columns: Columns, *, more: bool = False) -> None:
    """Write columns as comma-separated rows, unknown numbers as empty fields.

    Args:
        path: The file.
        columns: By name, of one length.
        more: Append rows to a file that has these columns.
    """
    with path.open("a" if more else "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not more:
            writer.writerow(columns)
        writer.writerows(zip(*map(_texts, columns.values()), strict=True))


def _texts(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind != "f":
        return list(map(str, values.tolist()))
    # Ten digits: beyond them, the same cells would differ from one machine to another.
    return ["" if value != value else f"{value:.10g}" for value in values.tolist()]


def _write_cells(path: Path, graph: TrackGraph, images: Volumes | None) -> None:
    nodes = graph.nodes
    ends = np.searchsorted(nodes.t, np.arange(graph.frames + 1)).tolist()
    parents = {track.label: track.parent for track in graph.tracks}
    certain: Floats = np.full(len(nodes), np.nan)
    certain[graph.edges.target] = graph.edges.confidence
    with Progress(graph.frames, "export cells", "frames") as progress:
        for t in range(graph.frames):
            rows = slice(ends[t], ends[t + 1])
            parent = np.array([parents[i] for i in nodes.label[rows].tolist()], np.int64)
            columns: dict[str, NDArray[Any]] = {
                "frame": nodes.t[rows],
                "track": nodes.label[rows],
                "parent": parent,
            }
            columns |= {"tracklet": nodes.tracklet[rows], "lineage": nodes.lineage[rows]}
            columns |= _places(graph, rows)
            if graph.given is not None:
                columns["source_label"] = graph.given[rows]
            if graph.generated is not None:
                columns["generated"] = graph.generated[rows].astype(np.int64)
            if np.isfinite(certain).any():
                columns["confidence"] = certain[rows]
            image = None if images is None else images.window(t, [slice(None)] * len(graph.shape))
            write_rows(path, columns | _measured(graph, t, image), more=t > 0)
            progress.step()


def _places(graph: TrackGraph, rows: slice) -> dict[str, NDArray[Any]]:
    """Return where the cells of a frame are and how large, in pixels and, if known, in units."""
    nodes, flat = graph.nodes, len(graph.shape) == 2
    places = {axis: getattr(nodes, axis)[rows] for axis in graph.axes}
    columns: dict[str, NDArray[Any]] = {f"{axis}_px": at for axis, at in places.items()}
    columns["area_px" if flat else "volume_voxels"] = nodes.size[rows]
    if graph.spacing_um:
        scaled = zip(places.items(), graph.scale, strict=True)
        columns |= {f"{axis}_um": at * size for (axis, at), size in scaled}
        columns["area_um2" if flat else "volume_um3"] = graph.sizes[rows]
    if graph.interval_s:
        columns["time_s"] = nodes.t[rows] * graph.interval_s
    return columns


def _measured(
    graph: TrackGraph, t: int, image: NDArray[np.generic] | None
) -> dict[str, NDArray[Any]]:
    """Return what scikit-image measures of the cells of a frame, in order of their labels."""
    shapes = LENGTHS + (PLANAR if len(graph.shape) == 2 else ())
    names = shapes + (() if image is None else INTENSITIES)
    labels = graph.labels(t)
    found = regionprops_table(  # type: ignore[no-untyped-call]
        labels, image, properties=names, spacing=graph.scale
    )
    unit = "um" if graph.spacing_um else "px"
    return {f"{k}_{unit}" if k in LENGTHS else k: np.asarray(v) for k, v in found.items()}
