"""Read and write movies as OME-Zarr, versions 0.4 and 0.5.

In: paths. Out: arrays by window; errors name the array.

Files:

- `metadata`: reads and writes axes and voxel size
- `array`: opens, checks and reads one array
- `chunks`: which file holds which part of an array
- `cache`: keeps blocks of a movie in memory
- `movie`: a movie in one array, or in one array a frame
- `create`: makes an empty movie
- `writer`: writes a movie by planes; continues after a kill
"""

from __future__ import annotations

from sam4ct.io.ome_zarr.array import ZARR_METADATA, is_zarr, open_node
from sam4ct.io.ome_zarr.create import Movie, chunk_shape, create_movie
from sam4ct.io.ome_zarr.metadata import is_collection
from sam4ct.io.ome_zarr.movie import ZarrFrames, ZarrVolumes, is_frame_name, is_group_of_frames
from sam4ct.io.ome_zarr.writer import ZarrWriter, refuse_zarr_target

__all__ = [
    "ZARR_METADATA",
    "Movie",
    "ZarrFrames",
    "ZarrVolumes",
    "ZarrWriter",
    "chunk_shape",
    "create_movie",
    "is_collection",
    "is_frame_name",
    "is_group_of_frames",
    "is_zarr",
    "open_node",
    "refuse_zarr_target",
]
