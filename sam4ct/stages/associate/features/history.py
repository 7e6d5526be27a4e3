"""Course: what a first lineage tells of every region: how it moves, grows and ages.

Where cells go by up to a diameter a frame, the nearest region is often another cell.
How its neighbours went, and how it went before, tells better; but that is known only
once most links are. So links are judged twice (`associate`), the second time with this.
Pure tables, places in micrometres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.runtime import each
from sam4ct.stages.motion import gone_on, neighbours_motion
from sam4ct.tables import Detections, Flags, Floats, Ints, Links, row_numbers

LEAST_DIVISIONS = 5
"""Of cells whose birth was seen; with fewer, nothing is said of how long a cycle takes."""


@dataclass(frozen=True)
class Course:
    """Of every region, a row each; nan where the first lineage does not tell."""

    around_um: Floats
    """How the surroundings move on, a frame, (N, 3); 0 where nothing is known."""
    before_um: Floats
    """Step a frame in which the cell came here, (N, 3)."""
    after_um: Floats
    """Step a frame in which it goes on."""
    growth: Floats
    """Logarithm of the size by that of its last region."""
    ripeness: Floats
    """Logarithm of the age by that at which cells of the sequence divide."""

    def expected_um(self, u: Ints) -> Floats:
        """Return the step a frame that is expected of regions u, (len(u), 3)."""
        return gone_on(np.zeros(3), self.before_um[u], self.around_um[u])

    def traced_um(self, u: Ints, v: Ints) -> Floats:
        """Return the step a frame from u that is expected by how regions v go on."""
        return gone_on(np.zeros(3), self.after_um[v], self.around_um[u])


def course_of(detections: Detections, links: Links, places_um: Floats) -> Course:
    """Return what links tell of the regions that they join.

    Args:
        detections: Ordered by frame and label.
        links: Of a lineage: at most one into a region, and one or a division out of it.
        places_um: Centroid of every region, (N, 3).
    """
    count = len(detections)
    u = row_numbers(detections, links.t, links.label)
    v = row_numbers(detections, links.t2, links.label2)
    a, b = u[~links.division], v[~links.division]
    before, after = np.full((count, 3), np.nan), np.full((count, 3), np.nan)
    growth = np.full(count, np.nan)
    before[b] = (places_um[b] - places_um[a]) / (detections.t[b] - detections.t[a])[:, None]
    after[a] = before[b]
    growth[b] = np.log(detections.size[b] / detections.size[a])
    around = _around(detections, places_um, after)
    return Course(around, before, after, growth, _ripeness(detections, u, v, links.division))


def _around(detections: Detections, places_um: Floats, steps: Floats) -> Floats:
    """Return by region how its surroundings move on, (N, 3), from steps that are nan if unknown."""
    ends = np.flatnonzero(np.diff(detections.t)) + 1

    def in_frame(rows: Ints) -> Floats:
        going = rows[~np.isnan(steps[rows, 0])]
        return neighbours_motion(places_um[rows], rows, places_um[going], going, steps[going])

    return np.concatenate(each(in_frame, np.split(np.arange(len(detections)), ends)))


def _ripeness(detections: Detections, u: Ints, v: Ints, division: Flags) -> Floats:
    """Return the logarithm of every age by the median age of those that divide."""
    born = np.full(len(detections), np.nan)
    # Rows are ordered by frame, so a cell's own birth is known before it is handed on.
    for step in np.argsort(v).tolist():
        born[v[step]] = detections.t[v[step]] if division[step] else born[u[step]]
    age = detections.t - born + 1.0
    dividing = age[np.unique(u[division])]
    dividing = dividing[~np.isnan(dividing)]
    if len(dividing) < LEAST_DIVISIONS:
        return np.full(len(detections), np.nan)
    return np.asarray(np.log(age / np.median(dividing)))
