"""Where a linked cell is expected in frames in which it has no mask.

In: links and places of detections, micrometres (z, y, x). Out: places in the frames of a gap, and
open ends of tracks, from which a cell may be followed further. `generate` segments there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.stages.motion import LinkedMotion, gone_on
from sam4ct.tables import Detections, Floats, Links, row_numbers


@dataclass(frozen=True)
class Place:
    """Where a cell is expected."""

    at_um: Floats
    """(3,)."""
    size: float
    """Voxels."""


@dataclass(frozen=True)
class OpenEnd:
    """The last region of a cell, and how the cell got there."""

    at_um: Floats
    step_um: Floats
    """Motion per frame in the direction in which the track is followed, without stage shifts; nan
    if unknown."""
    size: float
    frames_left: int
    """Frames in which it may still be followed."""


def expected(end: OpenEnd, t: int, direction: int, motion: LinkedMotion) -> Place:
    """Return where the cell of an open end in frame t is expected in frame t + direction."""
    here, around = end.at_um + motion.jump_um(t, direction), motion.step(t, end.at_um, direction)
    return Place(gone_on(here, end.step_um, around), end.size)


def gaps(
    detections: Detections, links: Links, spacing_um: Floats, jumps: Jumps = NO_JUMPS
) -> dict[int, list[Place]]:
    """Return the places, by frame, on the straight line between both ends of every gap."""
    places = jumps.places_um(detections, spacing_um)
    over = links.take((links.t2 - links.t > 1) & ~links.division)
    u = row_numbers(detections, over.t, over.label)
    v = row_numbers(detections, over.t2, over.label2)
    found: dict[int, list[Place]] = {}
    for a, b in zip(u.tolist(), v.tolist(), strict=True):
        first, last = int(detections.t[a]), int(detections.t[b])
        for t in range(first + 1, last):
            share = (t - first) / (last - first)
            at = (1 - share) * places[a] + share * places[b] + jumps.between_um(0, t, spacing_um)
            size = (1 - share) * float(detections.size[a]) + share * float(detections.size[b])
            found.setdefault(t, []).append(Place(at, size))
    return found


def open_ends(
    detections: Detections,
    links: Links,
    spacing_um: Floats,
    direction: int,
    steps: int,
    jumps: Jumps = NO_JUMPS,
) -> dict[int, list[OpenEnd]]:
    """Return the open ends of linked cells, by frame.

    An end is open if no link leads on from it, or if a division does over a gap: then only the
    frames of the gap may be filled. Regions without any link do not count.

    Args:
        detections: All regions, ordered by frame and label.
        links: Accepted links.
        spacing_um: Voxel size (z, y, x).
        direction: 1 for the ends of tracks, -1 for their beginnings.
        steps: Frames in which an end may be followed, at most.
        jumps: Stage shifts.
    """
    u = row_numbers(detections, links.t, links.label)
    v = row_numbers(detections, links.t2, links.label2)
    here, there = (u, v) if direction > 0 else (v, u)
    dt = links.t2 - links.t
    places, still = detections.places_um(spacing_um), jumps.places_um(detections, spacing_um)
    onward = np.zeros(len(detections), np.int64)
    onward[here] = np.where(links.division, dt, 1)
    step = np.full((len(detections), 3), np.nan)
    plain = ~links.division
    moved = still[there] - still[here]
    step[there[plain]] = (moved / dt[:, None])[plain]
    ends = np.zeros(len(detections), dtype=bool)
    ends[u] = ends[v] = True
    ends &= onward != 1
    found: dict[int, list[OpenEnd]] = {}
    for row in np.flatnonzero(ends).tolist():
        left = min(steps, int(onward[row]) - 1) if onward[row] else steps
        end = OpenEnd(places[row], step[row], float(detections.size[row]), left)
        found.setdefault(int(detections.t[row]), []).append(end)
    return found
