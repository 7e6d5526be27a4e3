"""Masks for the frames in which a linked cell was missed.

In: links, images and masks. Out: regions that are added to the given ones.

In the order of a run:

- `interpolate`: shapes between two regions, unions, largest parts
- `expected`: where a linked cell without a mask should be
- `gap_filling`: regions for gaps inside tracks
- `generate`: volumes: missed cells segmented from one click each
- `generated`: generated regions beside given ones
"""

from __future__ import annotations

from sam4ct.stages.fill.expected import gaps, open_ends
from sam4ct.stages.fill.gap_filling import FILL_SIZE_RATIO, FillRules, Generated, fill_gaps
from sam4ct.stages.fill.generate import GenerateRules, Swept, sweep
from sam4ct.stages.fill.generated import (
    AddedFrames,
    KnownFirst,
    as_background,
    in_order,
    supported,
    without,
)
from sam4ct.stages.fill.interpolate import largest_part

__all__ = [
    "FILL_SIZE_RATIO",
    "AddedFrames",
    "FillRules",
    "GenerateRules",
    "Generated",
    "KnownFirst",
    "Swept",
    "as_background",
    "fill_gaps",
    "gaps",
    "in_order",
    "largest_part",
    "open_ends",
    "supported",
    "sweep",
    "without",
]
