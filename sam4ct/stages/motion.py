"""Motion: how the surroundings of a cell move from frame to frame, and where it goes on to.

Stages drift, tissues flow, embryos turn: cells that are near each other move alike. What is
known of them grows in the course of a run, and so they are asked in three ways:

    before anything is linked   `paired_motion`: regions that are each other's nearest
    of a first lineage          `neighbours_motion`, by `course`: linked regions
    of accepted links           `LinkedMotion`: near any place, in either direction of time

The first two take medians, which bear pairs and links that are wrong. The last takes a mean as
far as it is more than chance: its links are right, but few may be near a gap or an open end.
Pure tables, places and steps in micrometres, (z, y, x).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.tables import Detections, Flags, Floats, Ints, Links, row_numbers

NEIGHBOURS = 8
"""Cells that are asked how the surroundings move."""
LEAST_SEEN = 6
"""Cells of a frame that medians need; with fewer, nothing is taken to move."""
LEAST_LINKED = 3
"""The same of accepted links."""
PERSISTENCE = 0.5
"""Share of a cell's last step that is expected again; the rest is that of its neighbours."""


def gone_on(from_um: Floats, own_um: Floats, around_um: Floats) -> Floats:
    """Return where cells are expected that go on partly as before, partly like others.

    Args:
        from_um: Where they are, (..., 3); zeros for the step alone.
        own_um: Their own last step; nan where it is not known, then they go like others.
        around_um: How their surroundings move.
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
    # Rows of one region mostly follow each other, and are asked about once.
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
        0 if fewer than LEAST_SEEN steps are known.
    """
    found = _nearest(at_um, seen_um)
    return _median(steps_um, found, seen_region[found] == region[:, None])


def _nearest(at_um: Floats, seen_um: Floats) -> Ints:
    """Return which of some places are nearest to each of others, (n, NEIGHBOURS + 1) or fewer.

    None if there are fewer than LEAST_SEEN.
    """
    if len(seen_um) < LEAST_SEEN:
        return np.empty((len(at_um), 0), np.int64)
    # One more than asked: the region's own step may be among them.
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

    def jump_um(self, t: int, way: int) -> Floats:
        """Return how far the picture jumps from frame t to t + way, (3,)."""
        return self._jumps.between_um(t, t + way, self._spacing_um)

    def step(self, t: int, at_um: Floats, way: int) -> Floats:
        """Return the common movement near a place from frame t to t + way, (3,).

        The mean of the nearest linked cells, as far as they agree: the part of its
        square that their spread explains is taken off (James and Stein's rule).

        Args:
            t: Frame.
            at_um: Place in it, (3,).
            way: 1, or -1 for the way back in time.
        """
        moved, tree = self._near(t, way)
        if len(moved) < LEAST_LINKED:
            return np.zeros(3)
        count = min(NEIGHBOURS, len(moved))
        steps = moved[tree.query(at_um, k=count)[1]]
        mean = steps.mean(axis=0)
        by_chance = steps.var(axis=0, ddof=1).sum() / count
        return np.asarray(mean * max(0.0, 1.0 - by_chance / max(float(mean @ mean), 1e-12)))

    def _links_of(self, t: int, way: int) -> tuple[Floats, cKDTree]:
        """Return the steps (n, 3) of the links from frame t to t + way, and where they begin."""
        rows = self._t == min(t, t + way)
        here = self._from if way > 0 else self._to
        return way * self._steps[rows], cKDTree(here[rows])
