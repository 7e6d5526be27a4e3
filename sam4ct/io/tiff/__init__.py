"""TIFF frames and movies of TIFF frames.

In: paths. Out: arrays (y, x) or (z, y, x), whole or by window; errors name the file.

Files:

- `frame`: one frame: read whole, by window, or its header; written the same way every time
- `axes`: what the header says the axes are, and whether that is one frame
- `windows`: windows of large frames, strip by strip or tile by tile
- `label_frames`: label frames: whole numbers of any type and lossless compression
- `shapes`: why a frame has another shape than the others
- `spacing`: voxel size
- `movie`: a folder of frames as one movie
- `paint`: label frames written in strips
"""

from __future__ import annotations

from sam4ct.io.tiff.frame import (
    TIFF_BYTES,
    Frame,
    FrameInfo,
    encode_frame,
    read_frame,
    read_info,
    read_planes,
    write_planes,
)
from sam4ct.io.tiff.label_frames import read_label_frame, read_label_info, read_label_planes
from sam4ct.io.tiff.movie import PREFIX, TiffVolumes
from sam4ct.io.tiff.paint import write_regions
from sam4ct.io.tiff.shapes import (
    refuse_unsaid_stack,
    remedy_for_shape,
    unlike,
    warn_of_unsaid_stack,
)
from sam4ct.io.tiff.spacing import (
    DERIVE_WITH_SPACING,
    GIVE_SPACING,
    SPACING_UNKNOWN,
    UNKNOWN,
    encode_stack,
    spacing_of,
    stack_options,
    warn_of_cubes,
    warn_of_odd_spacing,
)

__all__ = [
    "DERIVE_WITH_SPACING",
    "GIVE_SPACING",
    "PREFIX",
    "SPACING_UNKNOWN",
    "TIFF_BYTES",
    "UNKNOWN",
    "Frame",
    "FrameInfo",
    "TiffVolumes",
    "encode_frame",
    "encode_stack",
    "read_frame",
    "read_info",
    "read_label_frame",
    "read_label_info",
    "read_label_planes",
    "read_planes",
    "refuse_unsaid_stack",
    "remedy_for_shape",
    "spacing_of",
    "stack_options",
    "unlike",
    "warn_of_cubes",
    "warn_of_odd_spacing",
    "warn_of_unsaid_stack",
    "write_planes",
    "write_regions",
]
