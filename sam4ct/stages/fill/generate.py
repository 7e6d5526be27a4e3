"""Segments cells that the input masks missed, from one click each (volumes).

In: expected places and open ends (`expected`), and a segmenter. Out: accepted regions, frame by
frame. The sweep goes through all frames once in each direction of time. Each frame is clicked
wherever a cell is expected, all clicks at once; an open end is followed from an accepted region to
the next frame. Given masks keep their pixels. The accepted regions are then linked like given ones.
Regions are in frame voxels; distances in micrometres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.regions import Mask, Region
from sam4ct.stages.fill.expected import OpenEnd, Place, expected
from sam4ct.stages.fill.gap_filling import FILL_SIZE_RATIO
from sam4ct.stages.fill.interpolate import largest_part
from sam4ct.stages.motion import LinkedMotion
from sam4ct.tables import Floats
from sam4ct.types import FrameReader, VolumeSegmenter

MIN_FREE_SHARE = 0.5
"""Share of a segmented region that must lie outside all other masks."""
MAX_OFFSET_DIAMETERS = 0.75
"""Cell diameters from the expected place to the centre of an accepted region, at most."""
UNIT_BALL = {2: np.pi, 3: 4.0 / 3.0 * np.pi}
"""Area or volume of the disc or ball of radius 1."""


@dataclass(frozen=True, kw_only=True)
class GenerateRules:
    """Which regions are accepted."""

    spacing_um: tuple[float, float, float]
    """Voxel size (z, y, x)."""
    border_px: int
    """A region nearer than this to the frame's edge in y or x is kept, but its cell is not
    followed any further: it may be leaving."""
    border_z_px: int
    """The same for the first and last slices; 0: no rule in z."""
    min_size: int
    """Regions of this many voxels or fewer are not added."""


@dataclass(frozen=True)
class Swept:
    """The result of one frame."""

    t: int
    clicks: int
    regions: list[Region]
    """Accepted ones; they overlap neither each other nor any other mask."""


def sweep(
    reader: FrameReader,
    segmenter: VolumeSegmenter,
    gaps: Mapping[int, Sequence[Place]],
    ends: Mapping[int, Sequence[OpenEnd]],
    motion: LinkedMotion,
    rules: GenerateRules,
    direction: int,
) -> Iterator[Swept]:
    """Go through all frames in one direction of time and segment what is missing.

    Args:
        reader: For the given masks.
        segmenter: Called once per frame, with all clicks.
        gaps: Places by frame, where a cell was seen before and after.
        ends: Open ends by frame, to be followed in this direction.
        motion: How the surroundings move.
        rules: Which regions are accepted.
        direction: 1 forward, -1 backward.
    """
    ndim, spacing = len(reader.shape), np.asarray(rules.spacing_um)
    going: list[OpenEnd] = []
    for t in range(reader.frames)[::direction]:
        ahead = [expected(end, t - direction, direction, motion) for end in going]
        places = [*gaps.get(t, []), *ahead]
        # Places outside the frame are not clicked.
        seen = [i for i, place in enumerate(places) if _inside(place, reader.shape, spacing)]
        clicks = [tuple((places[i].at_um / spacing)[-ndim:].tolist()) for i in seen]
        found = segmenter.segment(t, clicks) if clicks else []
        taken = reader.labels(t) > 0 if clicks else np.zeros(0, dtype=bool)
        accepted = accept({i: places[i] for i in seen}, found, taken, rules)
        yield Swept(t, len(clicks), [accepted[i] for i in sorted(accepted)])
        first = len(places) - len(going)
        followed = [
            _onward(end, accepted[i], motion.jump_um(t - direction, direction), rules)
            for i, end in enumerate(going, start=first)
            if i in accepted
            and end.frames_left > 1
            and not _leaves(accepted[i], reader.shape, rules)
        ]
        going = [*ends.get(t, []), *followed]


def accept(
    places: Mapping[int, Place], found: Sequence[Region], taken: Mask, rules: GenerateRules
) -> dict[int, Region]:
    """Return the accepted regions, by the number of their place.

    A region must have about the expected size and place and lie mostly outside other masks.
    Where regions overlap, the one that fits best keeps the pixels.

    Args:
        places: Where cells are expected.
        found: One region per place, in the same order; may be empty.
        taken: Pixels of the frame that belong to other masks; those of accepted
            regions are added.
        rules: Which regions are accepted.
    """
    fitting = []
    for (i, place), region in zip(places.items(), found, strict=True):
        inside = region.clipped(taken.shape).tight()
        misfit = _misfit(place, inside, rules) if inside.size else np.inf
        if misfit < np.inf:
            fitting.append((misfit, i, inside))
    accepted: dict[int, Region] = {}
    for _, i, region in sorted(fitting, key=lambda j: j[:2]):
        own = Region(largest_part(region.mask & ~taken[region.box]), region.corner).tight()
        least = max(
            MIN_FREE_SHARE * region.size, FILL_SIZE_RATIO[0] * places[i].size, rules.min_size + 1.0
        )
        if own.size >= least:
            taken[own.box] |= own.mask
            accepted[i] = own
    return accepted


def _misfit(place: Place, region: Region, rules: GenerateRules) -> float:
    """Deviation in place and size from what was expected, 0 to 2; inf if too large."""
    low, high = FILL_SIZE_RATIO
    size, ndim = region.size / place.size, region.mask.ndim
    spacing = np.asarray(rules.spacing_um)
    radius = (place.size * spacing[-ndim:].prod() / UNIT_BALL[ndim]) ** (1.0 / ndim)
    away = float(np.linalg.norm(centre_um(region, spacing) - place.at_um)) / (
        2 * MAX_OFFSET_DIAMETERS * radius
    )
    if not low <= size <= high or away > 1.0:
        return np.inf
    return float(away + np.abs(np.log(size)) / np.log(high))


def centre_um(region: Region, spacing_um: Floats) -> Floats:
    """Centroid of a region, (3,) as (z, y, x); z is 0 in 2D."""
    centre = np.zeros(3)
    centre[3 - region.mask.ndim :] = region.centroid
    return np.asarray(centre * spacing_um)


def _inside(place: Place, shape: tuple[int, ...], spacing: Floats) -> bool:
    at = np.round(place.at_um / spacing)[-len(shape) :]
    return bool(((at >= 0) & (at < shape)).all())


def _onward(end: OpenEnd, region: Region, jump_um: Floats, rules: GenerateRules) -> OpenEnd:
    """The open end after it was followed into a region."""
    at = centre_um(region, np.asarray(rules.spacing_um))
    return OpenEnd(at, at - end.at_um - jump_um, float(region.size), end.frames_left - 1)


def _leaves(region: Region, shape: tuple[int, ...], rules: GenerateRules) -> bool:
    """Whether a region is so near to the frame's edge that its cell may be leaving."""
    border = np.array([rules.border_z_px, rules.border_px, rules.border_px])[-len(shape) :]
    low = np.array(region.corner)
    return bool(((low < border) | (low + region.mask.shape > np.array(shape) - border)).any())
