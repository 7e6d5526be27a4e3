"""Errors of the given masks, found and mended before linking; what is no cell, after it.

In: detections and evidence. Out: stage shifts, groups of fragments, cuts through merged masks,
and the tables as they are after that.

In the order of a run:

- `stage_shift`: frames at which the whole image shifts
- `oversegmentation`: fragments of one cell, told by the frames before and after
- `undersegmentation`: masks that cover two cells, and the plane that cuts them
- `joined_masks`: joins fragments and drops specks, in tables and in masks
- `debris`: lineages that are no cells, once regions are linked
"""

from __future__ import annotations

from sam4ct.stages.repair.debris import debris
from sam4ct.stages.repair.joined_masks import (
    JoinedFrames,
    join,
    joined_detections,
    specks,
    without_specks,
)
from sam4ct.stages.repair.oversegmentation import find_fragments
from sam4ct.stages.repair.stage_shift import find_jumps
from sam4ct.stages.repair.undersegmentation import CutFrames, find_merged, numbered

__all__ = [
    "CutFrames",
    "JoinedFrames",
    "debris",
    "find_fragments",
    "find_jumps",
    "find_merged",
    "join",
    "joined_detections",
    "numbered",
    "specks",
    "without_specks",
]
