"""GEFF, the graph exchange format for tracks, version 1.3, written with zarr alone.

    NAME.zarr/
        labels/tracks       the masks of the result, (t, [z,] y, x)
        tracks.geff         nodes, edges, and what they mean

https://liveimagetrackingtools.org/geff/
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray

from sam4ct import __version__
from sam4ct.io.export.graph import TrackGraph
from sam4ct.io.ome_zarr import chunk_shape
from sam4ct.runtime import Progress

VERSION = "1.3.0"
LABELS = "labels/tracks"
GEFF = "tracks.geff"

ZarrFormat = Literal[2, 3]
Columns = Mapping[str, tuple[NDArray[Any], dict[str, str]]]
"""Values and metadata of each property."""


def write_geff(folder: Path, graph: TrackGraph, zarr_format: ZarrFormat = 2) -> None:
    """Write the graph and the masks of a result; one frame is held at a time.

    Args:
        folder: Becomes a Zarr group.
        graph: The result.
        zarr_format: Programs in Java read 2 alone.
    """
    top = zarr.create_group(folder, zarr_format=zarr_format)
    top.create_group(LABELS.partition("/")[0])
    write_labels(folder / LABELS, graph, "uint16", zarr_format)
    group = top.create_group(GEFF, attributes={"geff": _metadata(graph)})
    edges, ids = graph.edges, graph.ids.astype(np.uint64)
    ends = np.stack([ids[edges.source], ids[edges.target]], axis=1)
    for name, numbers, columns in (
        ("nodes", ids, node_columns(graph)),
        ("edges", ends, edge_columns(graph)),
    ):
        part = group.create_group(name)
        _write_array(part, "ids", numbers)
        properties = part.create_group("props")
        for key, (values, _) in columns.items():
            column = properties.create_group(key)
            unknown = np.isnan(values) if values.dtype.kind == "f" else np.zeros(0, bool)
            _write_array(column, "values", np.where(unknown, 0, values) if any(unknown) else values)
            if any(unknown):
                _write_array(column, "missing", unknown)


def write_labels(path: Path, graph: TrackGraph, dtype: str, zarr_format: ZarrFormat) -> None:
    """Write the masks of a result as a bare array (t, [z,] y, x), frame by frame."""
    array = zarr.create_array(
        path,
        shape=(graph.frames, *graph.shape),
        chunks=chunk_shape(graph.shape, np.dtype(dtype).itemsize),
        dtype=dtype,
        zarr_format=zarr_format,
        dimension_names=("t", *graph.axes) if zarr_format == 3 else None,
    )
    with Progress(graph.frames, "export masks", "frames") as progress:
        for t in range(graph.frames):
            array[t] = graph.labels(t).astype(dtype, copy=False)
            progress.step()


def node_columns(graph: TrackGraph) -> Columns:
    """Return the properties of nodes."""
    nodes = graph.nodes
    pixel = "pixel" if len(graph.shape) == 2 else "voxel"
    known = "micrometer^2" if len(graph.shape) == 2 else "micrometer^3"
    measure = "Area" if len(graph.shape) == 2 else "Volume"
    columns: dict[str, tuple[NDArray[Any], dict[str, str]]] = {
        "t": (nodes.t, {"name": "Frame", "unit": "frame"}),
        **{
            axis: (getattr(nodes, axis), {"name": f"Centroid {axis}", "unit": "pixel"})
            for axis in graph.axes
        },
        "seg_id": (nodes.label, {"name": "Label in the masks of the result"}),
        "tracklet": (nodes.tracklet, {"name": "Tracklet"}),
        "lineage": (nodes.lineage, {"name": "Lineage"}),
        "area": (graph.sizes, {"name": measure, "unit": known if graph.spacing_um else pixel}),
    }
    if graph.given is not None:
        what = "Label of the given mask; 0 where the program added the region"
        columns["source_label"] = graph.given, {"name": "Given label", "description": what}
    if graph.generated is not None:
        columns["generated"] = graph.generated, {"name": "Added by the program"}
    return columns


def edge_columns(graph: TrackGraph) -> Columns:
    """Return the properties of edges."""
    edges = graph.edges
    columns: dict[str, tuple[NDArray[Any], dict[str, str]]] = {
        "division": (edges.division, {"name": "From a mother to a daughter"})
    }
    if np.isfinite(edges.confidence).any():
        what = "Probability that the link is right, 0 to 1"
        columns["confidence"] = edges.confidence, {"name": "Confidence", "description": what}
    if edges.answered.any():
        what = "A person said that the link is right"
        columns["answered"] = edges.answered, {"name": "Answered", "description": what}
    return columns


def _metadata(graph: TrackGraph) -> dict[str, Any]:
    shown = {"horizontal": "x", "vertical": "y", "depth": "z", "time": "t"}
    return {
        "geff_version": VERSION,
        "directed": True,
        "axes": [_axis(graph, axis) for axis in ("t", *graph.axes)],
        "node_props_metadata": _described(node_columns(graph)),
        "edge_props_metadata": _described(edge_columns(graph)),
        "display_hints": {
            f"display_{way}": axis for way, axis in shown.items() if axis in ("t", *graph.axes)
        },
        "track_node_props": {"tracklet": "tracklet", "lineage": "lineage"},
        # traccuracy knows the property by the name that it had up to version 1.2.
        "related_objects": [
            {
                "type": "labels",
                "path": f"../{LABELS}",
                "node_prop": "seg_id",
                "label_prop": "seg_id",
            }
        ],
        "extra": _extra(graph),
    }


def _extra(graph: TrackGraph) -> dict[str, Any]:
    extra: dict[str, Any] = {"sam4ct": {"version": __version__, "result": graph.name}}
    # funtracks multiplies places by the scale of the axes, and looks here for that of the masks.
    return extra | ({"tracksdata": {"scale": list(graph.scale)}} if graph.spacing_um else {})


def _axis(graph: TrackGraph, axis: str) -> dict[str, Any]:
    values = getattr(graph.nodes, axis)
    found: dict[str, Any] = {"name": axis, "type": "space", "unit": "pixel"}
    scale: float | None = None
    if axis == "t":
        found |= {"type": "time", "unit": "frame"}
        scale, unit = graph.interval_s, "second"
    elif graph.spacing_um:
        scale, unit = graph.scale[graph.axes.index(axis)], "micrometer"
    if len(values):
        found |= {"min": float(values.min()), "max": float(values.max())}
    return found | ({"scale": scale, "scaled_unit": unit} if scale else {})


def _described(columns: Columns) -> dict[str, dict[str, str]]:
    return {
        key: {"identifier": key, "dtype": values.dtype.name, **what}
        for key, (values, what) in columns.items()
    }


def _write_array(group: zarr.Group, name: str, values: NDArray[Any]) -> None:
    rows = max(1, min(len(values), 1 << 20))
    array = group.create_array(
        name, shape=values.shape, chunks=(rows, *values.shape[1:]), dtype=values.dtype
    )
    array[:] = values
