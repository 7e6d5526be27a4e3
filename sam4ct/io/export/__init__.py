"""Results in the formats of other programs.

In: a result as a `TrackGraph`, and its images. Out: files in a folder that the caller chooses;
equal results give equal bytes.

Files:

- `graph`: the graph of a result, built once for all formats
- `confidences`: the confidence of its edges, from the links of the run
- `geff`: GEFF, for napari, TrackMate, Mastodon, tracksdata, funtracks, traccuracy
- `napari`: files for napari without a plug-in
- `csv`: tables for R and Excel
- `trackmate`: TrackMate's XML
- `ome_zarr`: images with the masks as labels
- `place`: a new folder takes the place of an older one
"""

from __future__ import annotations

from sam4ct.io.export.csv import write_csv
from sam4ct.io.export.geff import GEFF, ZarrFormat, write_geff
from sam4ct.io.export.graph import TrackGraph, build_graph
from sam4ct.io.export.napari import write_napari
from sam4ct.io.export.ome_zarr import write_ome_zarr
from sam4ct.io.export.place import placed, refuse_place
from sam4ct.io.export.trackmate import write_trackmate

__all__ = [
    "GEFF",
    "TrackGraph",
    "ZarrFormat",
    "build_graph",
    "placed",
    "refuse_place",
    "write_csv",
    "write_geff",
    "write_napari",
    "write_ome_zarr",
    "write_trackmate",
]
