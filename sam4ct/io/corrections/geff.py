"""Read a lineage that an editor wrote as GEFF: cells with frame and place, and who follows whom.

https://liveimagetrackingtools.org/geff/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from sam4ct.errors import CorrectionsError
from sam4ct.tables import Floats, Ints

SUFFIX = ".geff"
TIMES = ("t", "frame", "FRAME", "time")
"""Names of the frame number, if the file does not say which axis is time."""
MICROMETRES = ("micrometer", "micrometers", "micron", "um", "µm")


@dataclass(frozen=True)
class EditedGraph:
    """Cells in frames, and the steps from one to the next."""

    t: Ints
    """Frame of each node."""
    places: Floats
    """(nodes, axes): ([z,] y, x), pixels if the file does not say micrometres."""
    in_um: bool
    given: Ints | None
    """Label of the given mask, from our own export; 0 where the program made the region."""
    edges: Ints
    """(edges, 2): rows of source and target."""


def read_geff(path: Path) -> EditedGraph:
    """Read a GEFF group, or the one in a Zarr group that holds it.

    Raises:
        CorrectionsError: It is no GEFF, or its nodes have no frames or places.
    """
    group = _group(path)
    axes = _axes(group)
    props = group["nodes/props"]
    assert isinstance(props, zarr.Group)
    names = [name for name, _ in props.groups()]
    time = [axis["name"] for axis in axes if axis.get("type") == "time"]
    space = [axis for axis in axes if axis.get("type") == "space"]
    frame = next((name for name in [*time, *TIMES] if name in names), None)
    spatial = [axis["name"] for axis in space] or ["z", "y", "x"]
    where = [name for name in spatial if name in names]
    if frame is None or not {"y", "x"} <= {name[-1:].lower() for name in where}:
        raise CorrectionsError(
            f"{path}: its nodes have {', '.join(names) or 'no properties'}, but a frame and a place"
            " are needed. Export it with t, y, x (and z)."
        )
    t = _values(props, frame)
    if not np.array_equal(t, np.round(t)):
        raise CorrectionsError(
            f"{path}: {frame} is no frame number. Export it with frames rather than seconds."
        )
    where.sort(key=lambda name: "zyx".index(name[-1].lower()))
    ids = np.asarray(group["nodes/ids"])
    order = np.argsort(ids)
    ends = np.asarray(group["edges/ids"]).reshape(-1, 2)
    rows = order[np.minimum(np.searchsorted(ids, ends, sorter=order), max(len(ids) - 1, 0))]
    if len(ends) and not np.array_equal(ids[rows], ends):
        raise CorrectionsError(
            f"{path}: an edge leads to a node that is not there. Export it again."
        )
    return EditedGraph(
        t.astype(np.int64),
        np.stack([_values(props, name).astype(float) for name in where], axis=1),
        any(axis.get("unit") in MICROMETRES for axis in space),
        _values(props, "source_label").astype(np.int64) if "source_label" in names else None,
        rows.astype(np.int64),
    )


def _group(path: Path) -> zarr.Group:
    """Return the group of the nodes and edges."""
    places: Sequence[Path] = (path, *sorted(path.glob(f"*{SUFFIX}")))
    for place in places:
        try:
            group = zarr.open_group(place, mode="r")
        except (OSError, ValueError, KeyError):
            continue
        if "nodes/ids" in group and "edges/ids" in group:
            return group
    raise CorrectionsError(
        f"{path}: is no GEFF. Give the folder NAME{SUFFIX} that an editor wrote, or the Zarr that"
        " holds it."
    )


def _axes(group: zarr.Group) -> list[Mapping[str, Any]]:
    described = group.attrs.get("geff", {})
    axes = described.get("axes") if isinstance(described, Mapping) else None
    listed = axes if isinstance(axes, Sequence) and not isinstance(axes, str) else []
    return [axis for axis in listed if isinstance(axis, Mapping)]


def _values(props: zarr.Group, name: str) -> NDArray[Any]:
    return np.asarray(props[f"{name}/values"])
