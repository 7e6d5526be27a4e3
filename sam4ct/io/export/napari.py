"""Files for napari without a plug-in: what its tracks layer takes, and masks to drop onto it.

labels.zarr     the masks of the result, (t, [z,] y, x); opens as a labels layer
tracks.csv      track_id, t, [z,] y, x: the rows of a tracks layer
graph.json      {track_id: [track_id of its mother]}
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sam4ct.io.export.csv import write_rows
from sam4ct.io.export.geff import write_labels
from sam4ct.io.export.graph import TrackGraph
from sam4ct.io.files import write_json

FILES = ("labels.zarr", "tracks.csv", "graph.json")


def write_napari(folder: Path, graph: TrackGraph) -> None:
    """Write the files; positions are in pixels, as the masks are."""
    # Of unsigned 16 bits, napari would take them for an image.
    write_labels(folder / FILES[0], graph, "int32", 2)
    nodes, edges = graph.nodes, graph.edges
    order = np.lexsort((nodes.t, nodes.tracklet))
    columns = {"track_id": nodes.tracklet, "t": nodes.t}
    columns |= {axis: getattr(nodes, axis) for axis in graph.axes}
    write_rows(folder / FILES[1], {name: values[order] for name, values in columns.items()})
    mother, daughter = nodes.tracklet[edges.source], nodes.tracklet[edges.target]
    family = zip(daughter.tolist(), mother.tolist(), strict=True)
    write_json(folder / FILES[2], {str(d): [m] for d, m in family if d != m})
