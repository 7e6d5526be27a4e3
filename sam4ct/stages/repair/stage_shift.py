"""Steady: finds the frames at which the whole picture jumps, from where the regions lie.

Between two frames cells go a little way, each its own. If most of them are found again, all of
them as far off and in the same direction, then it was the picture that moved. A jump is
believed only if chance would hardly bring so many regions onto others, and if without it far
fewer are found again. Where there are only a few cells, each of them must be found again. Jumps
shorter than most of a cell are left to `motion`. Pure tables, no images.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import bdtrc

from sam4ct.jumps import NO_JUMPS, Jumps, Shift
from sam4ct.tables import Detections, Flags, Floats

MIN_STEPS = 6
"""Regions of either frame in view of both, of which most tell a jump; of fewer all must."""
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
FEWEST = 4
"""Regions in view of both frames that can tell a jump if all of them are found again."""
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
    if min(len(before), len(after)) < FEWEST:
        return still
    there = cKDTree(after)
    before = before[:: -(-len(before) // ASKED)]
    share = _found_again(before, there, still).share
    if share >= ENOUGH:
        return still
    steps, count = _commonest(before, there)
    found = _of_most(before, there, steps, count, share)
    if found is None:
        found = _of_all(before, there, steps, count)
    return still if found is None or np.linalg.norm(found) <= SHORTEST else found


def _of_most(
    before: Floats, there: cKDTree, steps: list[Floats], count: int, share: float
) -> Floats | None:
    """Return the step that leads most regions in view to others, if it is a jump.

    Args:
        before: Places of regions, (n, 3).
        there: Those of the next frame.
        steps: To be tried.
        count: How many there are in all.
        share: Of regions that are found again where they were.
    """
    found = [(_found_again(before, there, step), step) for step in steps]
    found = [(seen, step) for seen, step in found if seen.in_view >= MIN_STEPS]
    if not found or there.n < MIN_STEPS:
        return None
    best, step = max(found, key=lambda one: one[0].share)
    others = [seen.share for seen, other in found if np.linalg.norm(other - step) > 2.0 * AGAIN]
    if best.share < max([MOST, share + GAIN]):
        return None
    # Of cells in rows and columns, several steps may lead each to another.
    if best.share < max(others, default=0.0) + GAIN:
        return None
    return None if count * _by_chance(before, there, step, best) > CHANCE else step


def _of_all(before: Floats, there: cKDTree, steps: list[Floats], count: int) -> Floats | None:
    """Return the step that leads each region in view to one of its own, if it is a jump.

    Few regions are led to others by some wrong step, but hardly all of them as closely: that
    n - 1 of n regions lie within a radius of others by chance has the probability p^(n - 1), if p
    is the share of the frame that lies within this radius of a region. (The step was chosen to
    lead the one that is left to another.)

    Args: As of `_of_most`.
    """
    least = max(FEWEST, MOST * min(len(before), there.n))
    found = [(_all_again(before, there, step), step) for step in steps]
    whole = [(radii, step) for radii, step in found if len(radii) >= least]
    if not whole:
        return None
    radii, best = max(whole, key=lambda one: len(one[0]))
    for step in steps:
        # Another may be the right one, if it leads nearly as many to others.
        other = _found_again(before, there, step).again
        if np.linalg.norm(step - best) > 2.0 * AGAIN and other >= len(radii) - 1:
            return None
    chance = _share_within(there, float(radii.max())) ** (len(radii) - 1)
    return None if count * chance > CHANCE else best


def _all_again(before: Floats, there: cKDTree, step: Floats) -> Floats:
    """Return how far regions in view lie from others after a step, (n,).

    None if one lies further than AGAIN from any, or two are led to one.
    """
    moved = before + step
    moved = moved[_in_view(moved, there)]
    distance, region = there.query(moved)
    one_each = len(np.unique(region)) == len(moved)
    return np.asarray(distance if one_each and (distance <= AGAIN).all() else [])


def _share_within(there: cKDTree, radius: float) -> float:
    """Return which share of the frame lies within a radius of a region, at most.

    The frame is what regions reach with their halves.
    """
    sides = there.maxes - there.mins + 1.0
    if there.maxes[0] == there.mins[0]:
        return float(there.n * np.pi * radius**2 / sides[1:].prod())
    return float(there.n * 4.0 / 3.0 * np.pi * radius**3 / sides.prod())


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
    distance = there.query(moved[_in_view(moved, there)])[0]
    return _Found(len(distance), int(np.count_nonzero(distance <= AGAIN)))


def _in_view(places: Floats, there: cKDTree) -> Flags:
    """Which places (n, 3) lie among those of a frame, or at most AGAIN beside them."""
    return np.asarray(
        ((places >= there.mins - AGAIN) & (places <= there.maxes + AGAIN)).all(axis=1)
    )


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
