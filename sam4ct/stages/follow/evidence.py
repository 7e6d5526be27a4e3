"""Recognise: evidence of which region near the followed cells is which one in the next frame.

The same rows that `propagate` gathers from label frames, and how alike SAM 2's memories of
both regions are. For frames too large to hold: regions are compared one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sam4ct.regions import RegionSet
from sam4ct.stages.follow.regions import FrameRegions
from sam4ct.stages.propagate import Reach, compare
from sam4ct.tables import Evidence
from sam4ct.types import Propagated, Recogniser


def evidence_between(
    recogniser: Recogniser,
    before: FrameRegions,
    after: FrameRegions,
    forward: Mapping[int, Propagated],
    reach: Reach,
) -> Evidence:
    """Return the evidence of two frames, in both directions of time.

    Args:
        recogniser: SAM 2, or `StayPut`.
        before: A frame.
        after: The next one.
        forward: Where the regions of the first are in the second.
        reach: Voxel size and how far cells move.
    """
    backward = recogniser.propagate(after.t, after.regions, before.t)
    return Evidence.concat(
        [
            _one_way(recogniser, before, after, forward, reach),
            _one_way(recogniser, after, before, backward, reach),
        ]
    )


def _one_way(
    recogniser: Recogniser,
    source: FrameRegions,
    target: FrameRegions,
    found: Mapping[int, Propagated],
    reach: Reach,
) -> Evidence:
    under = RegionSet(target.regions).under
    rows = compare(source.regions, found, under, source.rows, target.rows, reach)
    alike = recogniser.similarities(
        (source.t, target.t),
        (source.regions, target.regions),
        list(zip(rows.label.tolist(), rows.label2.tolist(), strict=True)),
    )
    return replace(rows, similarity=alike)
