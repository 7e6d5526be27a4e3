"""Movies and masks in whatever files other programs wrote, read frame by frame.

In: a path. Out: arrays (y, x) or (z, y, x); errors name the file and the next step.

Files:

- `movie`: what a header says, and how pixels are asked for
- `opening`: which reader a path is for
- `tiff_stack`: one TIFF file of any axes
- `folder`: one file a time point, under any names
- `array_file`: NumPy files and pictures
- `cellpose`: the pickle `_seg.npy`, read without running anything
- `zarr_image`: OME-Zarr with channels, and labels below an image
- `vendor`: files of microscopes, by optional packages
- `settle`: which axis is which
- `view`: a movie as frames
- `written`: frames written with the size of their voxels
"""

from __future__ import annotations

from sam4ct.io.formats.folder import Folder, natural_order, refuse_unpaired
from sam4ct.io.formats.movie import UNNAMED, Facts, Movie
from sam4ct.io.formats.opening import open_movie
from sam4ct.io.formats.settle import DROPPED, settle
from sam4ct.io.formats.view import Frames, channel_name, channel_of
from sam4ct.io.formats.written import linked, write_image, write_labels

__all__ = [
    "DROPPED",
    "UNNAMED",
    "Facts",
    "Folder",
    "Frames",
    "Movie",
    "channel_name",
    "channel_of",
    "linked",
    "natural_order",
    "open_movie",
    "refuse_unpaired",
    "settle",
    "write_image",
    "write_labels",
]
