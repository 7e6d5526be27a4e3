"""Fills gaps: regions for the frames in which a linked cell was missed.

In: links, masks, and propagated masks from both ends of a gap. Out: regions to add. Given masks
keep their pixels: a generated region takes what they leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.regions import Mask, Region, regions_of
from sam4ct.stages.fill.interpolate import between, largest_part, together
from sam4ct.tables import Links
from sam4ct.types import FrameReader

FILL_SIZE_RATIO = (0.4, 2.5)
"""Least and largest size of an accepted mask, relative to the expected size."""
MIN_FREE_RATIO = 0.3
"""Size outside given masks, relative to the expected size, at least."""


class PropagatedMasks(Protocol):
    """Looks up where region (t, label) is in frame t2; None if it was not propagated there."""

    def __call__(self, t: int, label: int, t2: int) -> Region | None: ...


@dataclass(frozen=True)
class Generated:
    """A region made for a cell in a frame where it has no mask."""

    t: int
    """Frame of the region."""
    source_t: int
    source_label: int
    """The detection before the gap; with `t` it names the region."""
    region: Region


@dataclass(frozen=True, kw_only=True)
class FillRules:
    """How gaps are filled."""

    method: str
    """"propagate", "interpolate" or "none", as in the profile."""
    min_size: int
    """Voxels; regions of this size or less are not added, unless they have half of the cell's."""
    spacing_um: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Voxel size (z, y, x)."""
    jumps: Jumps = NO_JUMPS
    """Stage shifts."""


@dataclass(frozen=True)
class _Gap:
    """Frames in which a cell was missed: between two masks of it, or before its division."""

    t: int
    label: int
    """The detection before the gap."""
    t2: int
    after: tuple[int, ...]
    """Labels of frame t2: the cell itself, or both its daughters."""

    @property
    def source(self) -> tuple[int, int]:
        return self.t, self.label

    @property
    def missed(self) -> range:
        """The frames without a mask."""
        return range(self.t + 1, self.t2)


def fill_gaps(
    links: Links, reader: FrameReader, masks: PropagatedMasks, rules: FillRules
) -> list[Generated]:
    """Return a region for every missed frame that can be filled, in order of frame and link.

    A gap is filled in all its frames or not at all, so that no track gets a hole. In the gap of
    a division the mother is filled in: one missed mask is likelier than two.

    Args:
        links: Accepted links; those over more than one frame have gaps.
        reader: For the given masks.
        masks: Propagated masks from either end of a gap.
        rules: What may be added.
    """
    gaps = _gaps(links) if rules.method != "none" else []
    ends = _ends(gaps, reader)
    while gaps:
        made = _made(gaps, ends, reader, masks, rules)
        whole = [gap for gap in gaps if len(made[gap.source]) == len(gap.missed)]
        if len(whole) == len(gaps):
            found = (g for some in made.values() for g in some)
            return sorted(found, key=lambda g: (g.t, g.source_t, g.source_label))
        # Regions of gaps that cannot be filled must not take pixels from those that can.
        gaps = whole
    return []


def _gaps(links: Links) -> list[_Gap]:
    """Return the gaps of accepted links, in their order; that of a division once."""
    after: dict[tuple[int, int, int], list[int]] = {}
    columns = (links.t, links.label, links.t2, links.label2)
    for t, label, t2, label2 in zip(*(column.tolist() for column in columns), strict=True):
        if t2 - t > 1:
            after.setdefault((t, label, t2), []).append(label2)
    return [_Gap(*before, tuple(labels)) for before, labels in after.items()]


def _made(
    gaps: Sequence[_Gap],
    ends: dict[tuple[int, int], Region],
    reader: FrameReader,
    masks: PropagatedMasks,
    rules: FillRules,
) -> dict[tuple[int, int], list[Generated]]:
    """Return the regions that fit, by the source of their gap; reads each frame once."""
    wanted: dict[int, list[_Gap]] = {}
    for gap in gaps:
        for t in gap.missed:
            wanted.setdefault(t, []).append(gap)
    made: dict[tuple[int, int], list[Generated]] = {gap.source: [] for gap in gaps}
    for t, missing in sorted(wanted.items()):
        taken = reader.labels(t) > 0
        for gap in missing:
            region = _fit(*_candidates(gap, t, ends, masks, rules), taken, rules)
            if region is not None:
                taken[region.box] |= region.mask
                made[gap.source].append(Generated(t, *gap.source, region))
    return made


def _ends(gaps: Sequence[_Gap], reader: FrameReader) -> dict[tuple[int, int], Region]:
    """Read the regions at both ends of all gaps, each frame once."""
    wanted: dict[int, set[int]] = {}
    for gap in gaps:
        wanted.setdefault(gap.t, set()).add(gap.label)
        wanted.setdefault(gap.t2, set()).update(gap.after)
    found = {}
    for t, labels_wanted in sorted(wanted.items()):
        regions = regions_of(reader.labels(t))
        found.update({(t, label): regions[label] for label in labels_wanted})
    return found


def _candidates(
    gap: _Gap,
    t: int,
    ends: dict[tuple[int, int], Region],
    masks: PropagatedMasks,
    rules: FillRules,
) -> tuple[list[Region], float]:
    """Return possible shapes in frame t, best first, and the expected size."""
    before, after = ends[gap.source], together([ends[gap.t2, label] for label in gap.after])
    share = (t - gap.t) / (gap.t2 - gap.t)
    expected = (1 - share) * before.size + share * after.size
    here = (rules.jumps.carried(before, gap.t, t), rules.jumps.carried(after, gap.t2, t))
    middle = between(*here, share, rules.spacing_um)
    if rules.method == "interpolate":
        return [middle], expected
    near = [gap.source]
    if len(gap.after) == 1:  # a daughter's mask does not show her mother
        near.insert(0 if share >= 0.5 else 1, (gap.t2, gap.after[0]))
    seen = [masks(*end, t) for end in near]
    low, high = (limit * expected for limit in FILL_SIZE_RATIO)
    return [r for r in seen if r is not None and low <= r.size <= high] + [middle], expected


def _fit(shapes: Iterable[Region], size: float, taken: Mask, rules: FillRules) -> Region | None:
    """Return the first shape with enough pixels outside the given masks, without the others."""
    least = max(1.0, MIN_FREE_RATIO * size, min(rules.min_size + 1.0, 0.5 * size))
    for shape in shapes:
        inside = shape.clipped(taken.shape)
        free = largest_part(inside.mask & ~taken[inside.box])
        if np.count_nonzero(free) >= least:
            return Region(free, inside.corner).tight()
    return None
