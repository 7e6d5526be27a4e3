"""Mode track: chosen cells followed through a movie, frame by frame.

In: initial cells, seeds of every frame, windows of the movie, a segmenter and a recogniser.
Out: links of the followed cells, and their regions.

In the order of a run:

- `time_steps`: whether cells move further than seeds can tell apart
- `prompts`: what the segmenter finds at a click, and whether it may be a cell
- `regions`: regions at the seeds near followed cells
- `suppression`: which regions of a frame are one cell; disjoint masks
- `missed_seeds`: clicks where a cell should be and the detector saw nothing
- `evidence`: evidence between the regions of two frames, with SAM 2's memory
- `step`: one frame to the next: the five above in order
- `sliding_window`: lineages, decided a few frames later
- `tracks`: links of followed cells to tracks with labels
"""

from __future__ import annotations

from sam4ct.stages.follow.prompts import RegionRules, Scope
from sam4ct.stages.follow.regions import FrameRegions, first_regions
from sam4ct.stages.follow.sliding_window import SlidingWindow, SlidingWindowRules
from sam4ct.stages.follow.step import FollowRules, follow
from sam4ct.stages.follow.time_steps import COARSE, step_by_spacing
from sam4ct.stages.follow.tracks import FollowedTracks, followed_tracks

__all__ = [
    "COARSE",
    "FollowRules",
    "FollowedTracks",
    "FrameRegions",
    "RegionRules",
    "Scope",
    "SlidingWindow",
    "SlidingWindowRules",
    "first_regions",
    "follow",
    "followed_tracks",
    "step_by_spacing",
]
