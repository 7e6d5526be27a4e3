"""Steady: finds the frames at which the whole picture jumps, from where the regions lie.

Between two frames cells go a little way, each its own. If most of them are found again, all of
them as far off and in the same direction, then it was the picture that moved. A jump is
believed only if chance would hardly bring so many regions onto others, and if without it far
fewer are found again. Those shorter than most of a cell are left to `motion`. Pure tables, no
images.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import bdtrc

from sam4ct.jumps import NO_JUMPS, Jumps, Shift
from sam4ct.tables import Detections, Floats

LEAST_SEEN = 6
"""Regions of either frame that are in view of both; fewer tell nothing of the picture."""
AGAIN = 0.5
"""Cell diameters; a region with another one so near to where it is expected is found again."""
SHORTEST = 0.75
"""Cell diameters; less is as far as cells go by themselves, and is seen in any window."""
FURTHEST = 8.0
"""Cell diameters; no jump is sought beyond."""
ENOUGH = 0.8
"""Share of regions found again where they were: then nothing has jumped."""
MOST = 0.6
"""Share of regions in view that must be found again by a jump; fewer are a stream of cells."""
GAIN = 0.2
"""Share of regions found again by a jump alone, and by no other one."""
CHANCE = 1e-3
"""Probability with which a jump may be taken for one though there is none, a frame."""
ASKED = 300
"""Regions of a frame whose distances are looked at: the jump is the same for all."""
TRIED = 12
"""Steps that are tried, those that lead most regions to others."""


def find_jumps(
    detections: Detections, spacing_um: tuple[float, float, float], diameter_um: float
) -> Jumps:
    """Return the jumps of a sequence.

    Args:
        detections: All regions, ordered by frame.
        spacing_um: Voxel size (z, y, x).
        diameter_um: Of a usual cell.
    """
    if not len(detections):
        return NO_JUMPS
    places = detections.places_um(spacing_um) / diameter_um
    ends = np.searchsorted(detections.t, np.arange(detections.t[-1] + 2))
    frames = [places[first:end] for first, end in itertools.pairwise(ends)]
    found: dict[int, Shift] = {}
    for t, (before, after) in enumerate(itertools.pairwise(frames), start=1):
        step = jump(before, after)
        z, y, x = np.rint(step * diameter_um / np.asarray(spacing_um)).astype(int).tolist()
        if any((z, y, x)):
            found[t] = z, y, x
    return Jumps(found)


def jump(before: Floats, after: Floats) -> Floats:
    """Return how far everything jumps between two frames, (3,); zeros if it does not.

    Args:
        before: Places of the regions of a frame, (n, 3), cell diameters.
        after: Those of the next frame, (m, 3).
    """
    still = np.zeros(3)
    if min(len(before), len(after)) < LEAST_SEEN:
        return still
    there = cKDTree(after)
    before = before[:: -(-len(before) // ASKED)]
    share = _found_again(before, there, still).share
    if share >= ENOUGH:
        return still
    steps, count = _commonest(before, there)
    found = [(_found_again(before, there, step), step) for step in steps]
    found = [(seen, step) for seen, step in found if seen.in_view >= LEAST_SEEN]
    if not found:
        return still
    best, step = max(found, key=lambda one: one[0].share)
    others = [seen.share for seen, other in found if np.linalg.norm(other - step) > 2.0 * AGAIN]
    if np.linalg.norm(step) <= SHORTEST or best.share < max([MOST, share + GAIN]):
        return still
    # Of cells in rows and columns, several steps may lead each to another.
    if best.share < max(others, default=0.0) + GAIN:
        return still
    return still if count * _by_chance(before, there, step, best) > CHANCE else step


class _Found(NamedTuple):
    """How many regions are still in view after a step, and how many of them are found again."""

    in_view: int
    again: int

    @property
    def share(self) -> float:
        return self.again / max(1, self.in_view)


def _found_again(before: Floats, there: cKDTree, step: Floats) -> _Found:
    """Look for places (n, 3) among others after a step (3,)."""
    moved = before + step
    in_view = ((moved >= there.mins - AGAIN) & (moved <= there.maxes + AGAIN)).all(axis=1)
    distance = there.query(moved[in_view])[0]
    return _Found(len(distance), int(np.count_nonzero(distance <= AGAIN)))


def _commonest(before: Floats, there: cKDTree) -> tuple[list[Floats], int]:
    """Return the steps that lead most regions to others, and how many steps there are in all."""
    partners = there.query_ball_point(before, FURTHEST)
    source = np.repeat(np.arange(len(before)), [len(p) for p in partners])
    target = np.array([row for rows in partners for row in rows], dtype=np.int64)
    steps = np.asarray(there.data[target] - before[source])
    if not len(steps):
        return [], 0
    cells = np.rint(steps / AGAIN).astype(np.int64)
    cells -= cells.min(axis=0)
    cell = np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1))
    count, found = np.bincount(cell), []
    for number in np.argsort(-count, kind="stable")[:TRIED].tolist():
        if not count[number]:
            break
        off = np.linalg.norm(steps - steps[cell == number].mean(axis=0), axis=1)
        found.append(np.median(steps[off <= AGAIN], axis=0))
    return found, len(steps)


def _by_chance(before: Floats, there: cKDTree, step: Floats, moved: _Found) -> float:
    """Return how probable it is that so many regions are found again by a wrong step.

    What a wrong step finds is seen beside the step, where regions lie as densely.
    """
    around = 3.0 * AGAIN * np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)))
    flat = bool(np.ptp(there.data[:, 0]) == 0.0)
    beside = [a for a in around if a.any() and not (flat and a[0])]
    wrong = float(np.mean([_found_again(before, there, step + a).share for a in beside]))
    # Not from scipy.stats, which every command would load, for longer than all else of scipy.
    return float(bdtrc(moved.again - 1, moved.in_view, max(wrong, 1.0 / moved.in_view)))
