"""Read and write TIFF frames, and movies of one TIFF file a frame.

In: paths. Out: arrays (y, x) or (z, y, x), whole or by window; errors name the file.

Files:

- `frame`: reads and writes one frame
- `axes`: the axes of a file by its header
- `windows`: reads windows of large frames by strips or tiles
- `label_frames`: reads label frames
- `shapes`: messages for a frame of another shape than the others
- `spacing`: reads and writes the voxel size
- `movie`: a folder of frames as a movie
- `paint`: writes label frames from regions, strip by strip
"""

from __future__ import annotations

from sam4ct.io.files import Frame, FrameInfo
from sam4ct.io.tiff.frame import (
    TIFF_BYTES,
    encode_frame,
    read_frame,
    read_info,
    read_planes,
    write_image,
    write_planes,
)
from sam4ct.io.tiff.label_frames import (
    read_label_frame,
    read_label_info,
    read_label_planes,
    whole_numbers,
)
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
    stated_sizes,
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
    "stated_sizes",
    "unlike",
    "warn_of_cubes",
    "warn_of_odd_spacing",
    "warn_of_unsaid_stack",
    "whole_numbers",
    "write_image",
    "write_planes",
    "write_regions",
]
