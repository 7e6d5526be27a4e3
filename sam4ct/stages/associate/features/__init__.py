"""Numbers, free of units, about possible links, divisions and merges.

In: detections and evidence. Out: named columns, one row a candidate.

In the order of a run:

- `columns`: columns by name, and lengths in cell diameters
- `pairs`: directed evidence to pairs of regions, and which pairs compete
- `competitors`: margin to the best competitor
- `similarity`: how much size and brightness tell cells apart in this sequence
- `history`: motion, growth and age of each region in a first lineage
- `links`: features of possible links
- `families`: features of a mother and her two daughters
- `divisions`: features of possible divisions
- `merges`: features of two regions that one mask may cover
"""

from __future__ import annotations

from sam4ct.stages.associate.features.columns import Features
from sam4ct.stages.associate.features.competitors import two_by_two
from sam4ct.stages.associate.features.divisions import (
    MAX_DIVISION_STEP,
    OF_LINKS,
    Divisions,
    Prospects,
    Sisters,
    sisters,
)
from sam4ct.stages.associate.features.history import Course, course_of
from sam4ct.stages.associate.features.links import (
    Candidates,
    Changes,
    Ends,
    Known,
    candidates,
    diameters,
)
from sam4ct.stages.associate.features.merges import Couples, Steps, couples
from sam4ct.stages.associate.features.pairs import Matches

__all__ = [
    "MAX_DIVISION_STEP",
    "OF_LINKS",
    "Candidates",
    "Changes",
    "Couples",
    "Course",
    "Divisions",
    "Ends",
    "Features",
    "Known",
    "Matches",
    "Prospects",
    "Sisters",
    "Steps",
    "candidates",
    "couples",
    "course_of",
    "diameters",
    "sisters",
    "two_by_two",
]
