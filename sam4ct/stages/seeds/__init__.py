"""The centres of bright cells in volumes of any size.

In: windows of a frame, and the range of cell diameters. Out: places with scores.

In the order of a run:

- `scale_space`: differences of Gaussians over the range of cell sizes
- `maxima`: sub-voxel place and roundness of a maximum
- `detector`: block by block over a whole frame
"""

from __future__ import annotations

from sam4ct.stages.seeds.detector import Block, plan_blocks, seeds_in_block, seeds_of_frame
from sam4ct.stages.seeds.scale_space import BlobLaw

__all__ = [
    "BlobLaw",
    "Block",
    "plan_blocks",
    "seeds_in_block",
    "seeds_of_frame",
]
