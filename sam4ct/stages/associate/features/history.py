"""What a first lineage tells about every region: its motion, growth and age.

In: links of a first lineage. Out: one row per region. Where cells move by up to a diameter per
frame, the nearest region is often another cell. The motion of its neighbours, and its own before,
predict better; they are known once most links are. So links are scored in two passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.runtime import each
from sam4ct.stages.motion import gone_on, neighbours_motion
from sam4ct.tables import Detections, Flags, Floats, Ints, Links, row_numbers

MIN_DIVISIONS = 5
"""Divisions of cells whose birth was seen; with fewer, the cell cycle is unknown."""


@dataclass(frozen=True)
class History:
    """One row per region; nan where the first lineage does not tell."""

    around_um: Floats
    """Motion of the surroundings per frame, (N, 3), micrometres; 0 where nothing is known."""
    before_um: Floats
    """Motion per frame with which the cell came here, (N, 3)."""
    after_um: Floats
    """Motion per frame with which it goes on, (N, 3)."""
    growth: Floats
    """Logarithm of the size divided by that of its previous region, (N,)."""
    ripeness: Floats
    """Logarithm of the age divided by that at which cells of the sequence divide, (N,)."""

    def expected_um(self, u: Ints) -> Floats:
        """Return the expected motion per frame of regions u, (len(u), 3)."""
        return gone_on(np.zeros(3), self.before_um[u], self.around_um[u])

    def traced_um(self, u: Ints, v: Ints) -> Floats:
        """Return the motion per frame from u that is expected from how regions v go on."""
        return gone_on(np.zeros(3), self.after_um[v], self.around_um[u])


def history_of(detections: Detections, links: Links, places_um: Floats) -> History:
    """Return what links tell about the regions that they join.

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
    return History(around, before, after, growth, _ripeness(detections, u, v, links.division))


def _around(detections: Detections, places_um: Floats, steps: Floats) -> Floats:
    """Return the motion of the surroundings of each region, (N, 3); steps are nan if unknown."""
    ends = np.flatnonzero(np.diff(detections.t)) + 1

    def in_frame(rows: Ints) -> Floats:
        going = rows[~np.isnan(steps[rows, 0])]
        return neighbours_motion(places_um[rows], rows, places_um[going], going, steps[going])

    return np.concatenate(each(in_frame, np.split(np.arange(len(detections)), ends)))


def _ripeness(detections: Detections, u: Ints, v: Ints, division: Flags) -> Floats:
    """Return the logarithm of every age divided by the median age of dividing cells."""
    born = np.full(len(detections), np.nan)
    # Rows are ordered by frame, so the birth of u is known before v asks for it.
    for step in np.argsort(v).tolist():
        born[v[step]] = detections.t[v[step]] if division[step] else born[u[step]]
    age = detections.t - born + 1.0
    dividing = age[np.unique(u[division])]
    dividing = dividing[~np.isnan(dividing)]
    if len(dividing) < MIN_DIVISIONS:
        return np.full(len(detections), np.nan)
    return np.asarray(np.log(age / np.median(dividing)))
