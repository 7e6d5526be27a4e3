"""The most probable lineage of a sequence, given the evidence.

In: detections and evidence. Out: links, each with its confidence.

In the order of a run:

- `chunks`: a few frames at a time, so that features fit in memory
- `features`: numbers about each possible link, division and merge
- `costs`: features to log odds, by fitted models (`costs.json`)
- `scoring`: log odds of every candidate, from SAM 2's evidence and from plain overlap
- `marginals`: each candidate against its competitors: pruning and confidence
- `solver`: the lineage of least cost
- `model`: the whole: two passes, the second knows how cells move
- `breaks`: frames at which most tracks end
"""

from __future__ import annotations

from sam4ct.stages.associate.breaks import find_breaks
from sam4ct.stages.associate.chunks import Chunks
from sam4ct.stages.associate.costs import Costs, load_costs
from sam4ct.stages.associate.model import (
    Scene,
    accepted,
    associate,
    best_lineage,
    build_problem,
    measured,
)

__all__ = [
    "Chunks",
    "Costs",
    "Scene",
    "accepted",
    "associate",
    "best_lineage",
    "build_problem",
    "find_breaks",
    "load_costs",
    "measured",
]
