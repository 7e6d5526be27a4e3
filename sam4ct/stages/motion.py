"""How the surroundings of a cell move from frame to frame, and where the cell is expected.

Stages drift, tissues flow, embryos turn: neighbouring cells move alike. In: places and steps in
micrometres, (z, y, x). Out: expected steps. There are three estimates, as more is known:

    before anything is linked   `paired_motion`: from regions that are each other's nearest
    after a first lineage       `neighbours_motion`: from linked regions
    from accepted links         `LinkedMotion`: near any place, in either direction of time

The first two are medians, which bear wrong pairs and links. The last is a mean, shrunk by the part
that chance explains (James and Stein 1961; Efron and Morris 1975): its links are right, but near
a gap or an open end there may be few of them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.tables import Detections, Flags, Floats, Ints, Links, row_numbers

NEIGHBOURS = 8
"""Cells whose steps give the motion of the surroundings."""
MIN_STEPS = 6
"""Known steps of a frame, at least, for a median; with fewer, the motion is 0."""
MIN_LINKS = 3
"""Accepted links of a frame, at least, for a mean; with fewer, the motion is 0."""
PERSISTENCE = 0.5
"""Weight of a cell's own last step, 0 to 1; the rest is that of its neighbours."""


def gone_on(from_um: Floats, own_um: Floats, around_um: Floats) -> Floats:
    """Return where cells are expected, from their own last step and that of their neighbours.

    Args:
        from_um: Where they are, (..., 3); zeros for the step alone.
        own_um: Their own last step; nan where unknown, then the neighbours' counts.
        around_um: Motion of their surroundings.
    """
    own = np.where(np.isnan(own_um), around_um, own_um)
    return np.asarray(from_um + PERSISTENCE * own + (1.0 - PERSISTENCE) * around_um)


def paired_motion(
    here_um: Floats, there_um: Floats, source: Ints, frames: Ints, nearest: Flags
) -> Floats:
    """Return by row how far the cells around a source region moved, (rows, 3).

    Args:
        here_um: Place of the source region of every row, (rows, 3).
        there_um: Place of its possible target.
        source: Number of the source region; its own movements are left out.
        frames: Number of the pair of frames; equal for rows to be compared.
        nearest: Whether source and target are each other's nearest: then they are mostly one cell.
    """
    order = np.argsort(frames, kind="stable")
    pairs = order[nearest[order]]
    # Rows of one region mostly follow each other: one query serves all of them.
    begins = np.diff(frames[order], prepend=-1) != 0
    begins |= np.diff(source[order], prepend=-1) != 0
    asked, asked_by = order[begins], np.cumsum(begins) - 1
    found = np.full((len(asked), NEIGHBOURS + 1), -1)
    asked_in, paired_in = frames[asked], frames[pairs]
    for number in np.unique(frames).tolist():
        rows, some = (_range(numbers, number) for numbers in (asked_in, paired_in))
        near = _nearest(here_um[asked[rows]], here_um[pairs[some]])
        found[rows, : near.shape[1]] = pairs[some][near]
    left_out = (found < 0) | (source[found] == source[asked][:, None])
    moved = np.empty_like(here_um)
    moved[order] = _median(there_um - here_um, found, left_out)[asked_by]
    return moved


def _range(numbers: Ints, number: int) -> slice:
    """Return where a number is among increasing ones."""
    return slice(*np.searchsorted(numbers, [number, number + 1]).tolist())


def neighbours_motion(
    at_um: Floats, region: Ints, seen_um: Floats, seen_region: Ints, steps_um: Floats
) -> Floats:
    """Return the median step of the cells nearest to each of some regions, (n, 3).

    Args:
        at_um: Places of the regions, (n, 3).
        region: Their numbers; their own steps are left out.
        seen_um: Places of the cells of that frame whose steps are known, (m, 3).
        seen_region: Their numbers.
        steps_um: Their steps, (m, 3).

    Returns:
        0 if fewer than MIN_STEPS steps are known.
    """
    found = _nearest(at_um, seen_um)
    return _median(steps_um, found, seen_region[found] == region[:, None])


def _nearest(at_um: Floats, seen_um: Floats) -> Ints:
    """Return which of some places are nearest to each of others, (n, NEIGHBOURS + 1) or fewer.

    None if there are fewer than MIN_STEPS.
    """
    if len(seen_um) < MIN_STEPS:
        return np.empty((len(at_um), 0), np.int64)
    # One more, as the region's own step may be among them.
    count = min(NEIGHBOURS + 1, len(seen_um))
    return np.asarray(cKDTree(seen_um).query(at_um, k=count)[1])


def _median(steps: Floats, found: Ints, left_out: Flags) -> Floats:
    """Return the median of some steps of each row, (rows, 3); 0 where there are none.

    As `np.median` for each row, which takes many times as long for so few steps.

    Args:
        steps: All there are, (n, 3).
        found: Numbers of steps, (rows, at most).
        left_out: Those that do not count, (rows, at most).
    """
    known = np.count_nonzero(~left_out, axis=1)
    row, middle = np.arange(len(found)), np.maximum(0, known - 1) // 2
    median = np.zeros((len(found), 3))
    for axis in range(3) if found.size else ():
        ordered = steps[:, axis][found]
        ordered[left_out] = np.inf
        ordered.sort(axis=1)
        median[:, axis] = (ordered[row, middle] + ordered[row, known // 2]) / 2.0
    median[known == 0] = 0.0
    return median


class LinkedMotion:
    """How the surroundings of a place move from frame to frame, by accepted links.

    Beside jumps of the picture: those are not counted.
    """

    def __init__(
        self, detections: Detections, links: Links, spacing_um: Floats, jumps: Jumps = NO_JUMPS
    ) -> None:
        """Take the links of all cells.

        Args:
            detections: Ordered by frame and label.
            links: Accepted ones; those over gaps and of divisions tell of no single step.
            spacing_um: Voxel size (z, y, x).
            jumps: Of the picture.
        """
        plain = links.take((links.t2 - links.t == 1) & ~links.division)
        u = row_numbers(detections, plain.t, plain.label)
        v = row_numbers(detections, plain.t2, plain.label2)
        places, still = detections.places_um(spacing_um), jumps.places_um(detections, spacing_um)
        self._from, self._to, self._steps = places[u], places[v], still[v] - still[u]
        self._t, self._jumps, self._spacing_um = plain.t, jumps, spacing_um
        self._near = cache(self._links_of)
        """Asked for every open end, and the same for all of a frame."""

    def jump_um(self, t: int, direction: int) -> Floats:
        """Return the stage shift from frame t to t + direction, (3,)."""
        return self._jumps.between_um(t, t + direction, self._spacing_um)

    def step(self, t: int, at_um: Floats, direction: int) -> Floats:
        """Return the common movement near a place from frame t to t + direction, (3,).

        The mean of the nearest linked cells, as far as they agree: the part of its
        square that their spread explains is taken off (James and Stein 1961).

        Args:
            t: Frame.
            at_um: Place in it, (3,).
            direction: 1, or -1 for the direction back in time.
        """
        moved, tree = self._near(t, direction)
        if len(moved) < MIN_LINKS:
            return np.zeros(3)
        count = min(NEIGHBOURS, len(moved))
        steps = moved[tree.query(at_um, k=count)[1]]
        mean = steps.mean(axis=0)
        by_chance = steps.var(axis=0, ddof=1).sum() / count
        return np.asarray(mean * max(0.0, 1.0 - by_chance / max(float(mean @ mean), 1e-12)))

    def _links_of(self, t: int, direction: int) -> tuple[Floats, cKDTree]:
        """Return the steps (n, 3) of the links from frame t to t + direction, and their origins."""
        rows = self._t == min(t, t + direction)
        here = self._from if direction > 0 else self._to
        return direction * self._steps[rows], cKDTree(here[rows])
