"""Evidence for links: where does each region lie in nearby frames?

In: detections, images, masks and a `Propagator` (SAM 2, or masks that stay in place).
Out: one row of evidence for each pair of regions that may be one cell.

In the order of a run:

- `evidence`: candidate pairs, and how well propagated masks overlap them
- `overlap_first`: chains of masks whose overlap leaves no choice; no network is asked (`--fast`)
"""

from __future__ import annotations

from sam4ct.stages.propagate.evidence import (
    Masks,
    Propagations,
    Reach,
    StayPut,
    compare,
    frame_pairs,
    propagate_pair,
)
from sam4ct.stages.propagate.overlap_first import ChainEnds, Chains, OverlapFirst

__all__ = [
    "ChainEnds",
    "Chains",
    "Masks",
    "OverlapFirst",
    "Propagations",
    "Reach",
    "StayPut",
    "compare",
    "frame_pairs",
    "propagate_pair",
]
