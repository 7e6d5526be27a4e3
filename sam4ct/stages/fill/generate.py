"""Generate: masks for cells that the segmenter of the input missed, from one click each.

Goes through the frames once in each direction of time. In every frame it clicks
where cells are expected (`missing`), all clicks at once, and decides which of
the regions found there are believed; an open end goes on from an accepted region
to the next frame. Given masks keep their pixels. What the accepted regions are
linked to is decided anew for the whole sequence, by the same rules as for given
ones. Regions are in frame voxels; distances in micrometres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.regions import Mask, Region
from sam4ct.stages.fill.expected import OpenEnd, Place, expected
from sam4ct.stages.fill.gap_filling import SIZE_RANGE
from sam4ct.stages.fill.interpolate import largest_part
from sam4ct.stages.motion import LinkedMotion
from sam4ct.tables import Floats
from sam4ct.types import FrameReader, VolumeSegmenter

OWN = 0.5
"""Share of a segmented region that must lie beside all other masks."""
REACH = 0.75
"""Distance, in cell diameters, at which a region may lie from where its cell was expected."""
UNIT_BALL = {2: np.pi, 3: 4.0 / 3.0 * np.pi}
"""Area or volume of the disc or ball of radius 1."""


@dataclass(frozen=True, kw_only=True)
class GenerateRules:
    """Which regions are believed."""

    spacing_um: tuple[float, float, float]
    """Voxel size (z, y, x)."""
    border_px: int
    """A region nearer than this to the frame's edge in y or x is kept, but its cell is not
    followed any further: it may be on its way out."""
    border_z_px: int
    """The same for the first and last slices; 0: no rule in z."""
    min_size: int
    """Regions of this many voxels or fewer are not added."""


@dataclass(frozen=True)
class Swept:
    """What came of one frame."""

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
    way: int,
) -> Iterator[Swept]:
    """Go through all frames in one direction of time and segment what is missing.

    Args:
        reader: For the masks that are there already.
        segmenter: Asked once a frame, with all clicks.
        gaps: Places by frame, where a cell was seen before and after.
        ends: Open ends by frame, to be followed in this direction.
        motion: How the surroundings move.
        rules: What is believed.
        way: 1 forward, -1 backward.
    """
    ndim, spacing = len(reader.shape), np.asarray(rules.spacing_um)
    going: list[OpenEnd] = []
    for t in range(reader.frames)[::way]:
        ahead = [expected(end, t - way, way, motion) for end in going]
        places = [*gaps.get(t, []), *ahead]
        # A cell that left is not clicked at: beyond the frame there is nothing to see.
        seen = [i for i, place in enumerate(places) if _inside(place, reader.shape, spacing)]
        clicks = [tuple((places[i].at_um / spacing)[-ndim:].tolist()) for i in seen]
        found = segmenter.segment(t, clicks) if clicks else []
        taken = reader.labels(t) > 0 if clicks else np.zeros(0, dtype=bool)
        accepted = accept({i: places[i] for i in seen}, found, taken, rules)
        yield Swept(t, len(clicks), [accepted[i] for i in sorted(accepted)])
        first = len(places) - len(going)
        followed = [
            _onward(end, accepted[i], motion.jump_um(t - way, way), rules)
            for i, end in enumerate(going, start=first)
            if i in accepted and end.left > 1 and not _leaves(accepted[i], reader.shape, rules)
        ]
        going = [*ends.get(t, []), *followed]


def accept(
    places: Mapping[int, Place], found: Sequence[Region], taken: Mask, rules: GenerateRules
) -> dict[int, Region]:
    """Return the regions that are believed, by the number of their place.

    A region must have about the expected size and place and lie mostly beside the
    masks that are there; of those for one place, the one that fits best is taken.

    Args:
        places: Where cells are expected.
        found: One region per place, in the same order; may be empty.
        taken: Pixels of the frame that belong to other masks; those of accepted
            regions are added.
        rules: What is believed.
    """
    judged = []
    for (i, place), region in zip(places.items(), found, strict=True):
        inside = region.clipped(taken.shape).tight()
        misfit = _misfit(place, inside, rules) if inside.size else np.inf
        if misfit < np.inf:
            judged.append((misfit, i, inside))
    accepted: dict[int, Region] = {}
    for _, i, region in sorted(judged, key=lambda j: j[:2]):
        own = Region(largest_part(region.mask & ~taken[region.box]), region.corner).tight()
        least = max(OWN * region.size, SIZE_RANGE[0] * places[i].size, rules.min_size + 1.0)
        if own.size >= least:
            taken[own.box] |= own.mask
            accepted[i] = own
    return accepted


def _misfit(place: Place, region: Region, rules: GenerateRules) -> float:
    """How far a region is from what was expected, 0 to 2; inf if it is too far."""
    low, high = SIZE_RANGE
    size, ndim = region.size / place.size, region.mask.ndim
    spacing = np.asarray(rules.spacing_um)
    radius = (place.size * spacing[-ndim:].prod() / UNIT_BALL[ndim]) ** (1.0 / ndim)
    away = float(np.linalg.norm(centre_um(region, spacing) - place.at_um)) / (2 * REACH * radius)
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
    return OpenEnd(at, at - end.at_um - jump_um, float(region.size), end.left - 1)


def _leaves(region: Region, shape: tuple[int, ...], rules: GenerateRules) -> bool:
    """Whether a region is so near to the frame's edge that its cell may be leaving."""
    border = np.array([rules.border_z_px, rules.border_px, rules.border_px])[-len(shape) :]
    low = np.array(region.corner)
    return bool(((low < border) | (low + region.mask.shape > np.array(shape) - border)).any())
