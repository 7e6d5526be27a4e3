"""Features of candidate links, divisions and merges: numbers free of units.

In: detections and evidence. Out: named columns, one row per candidate.

In the order of a run:

- `columns`: columns by name, and lengths in cell diameters
- `competitors`: margin to the best competitor
- `pairs`: directed evidence to pairs of regions, and which pairs compete
- `similarity`: how well size and brightness tell cells apart in this sequence
- `history`: motion, growth and age of each region in a first lineage
- `changes`: changes of size, brightness and memory along a link
- `links`: features of candidate links
- `divisions`: features of candidate divisions
- `merges`: features of two regions that one mask may cover
"""

from __future__ import annotations

from sam4ct.stages.associate.features.changes import Changes
from sam4ct.stages.associate.features.columns import Features
from sam4ct.stages.associate.features.competitors import pairs_in_groups
from sam4ct.stages.associate.features.divisions import (
    MAX_DIVISION_STEP,
    OF_LINKS,
    DaughterPairs,
    DivisionFeatures,
    Divisions,
    daughter_pairs,
)
from sam4ct.stages.associate.features.history import History, history_of
from sam4ct.stages.associate.features.links import (
    Candidates,
    Ends,
    Precomputed,
    candidates,
    diameters,
)
from sam4ct.stages.associate.features.merges import MergeCandidates, Steps, merge_candidates
from sam4ct.stages.associate.features.pairs import Matches

__all__ = [
    "MAX_DIVISION_STEP",
    "OF_LINKS",
    "Candidates",
    "Changes",
    "DaughterPairs",
    "DivisionFeatures",
    "Divisions",
    "Ends",
    "Features",
    "History",
    "Matches",
    "MergeCandidates",
    "Precomputed",
    "Steps",
    "candidates",
    "daughter_pairs",
    "diameters",
    "history_of",
    "merge_candidates",
    "pairs_in_groups",
]
