"""Errors of a simulated segmenter: turns true label frames into imperfect input masks.

One code for (y, x) and (z, y, x). Masks grow and shrink by the same length along every axis,
rounded to whole voxels: across slices that are far apart this is often none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sam4ct.regions import LabelFrame, Mask, Region, regions_of

Floats = NDArray[np.float64]
Masks = NDArray[np.int32]

MIN_VOXELS = 6
"""No error leaves or adds a smaller region."""
PLACES_TRIED = 20
"""Random positions tried for one spurious region."""


@dataclass(frozen=True, kw_only=True)
class SegmentationErrors:
    """Error rates of a simulated segmenter, each 0 to 1."""

    missed: float = 0.02
    """Share of cell-frames without a mask."""
    burst: float = 0.3
    """Probability that a missed cell is missed in the next frame, too, if above `missed`."""
    split: float = 0.01
    """Share of the cells not missed that are cut in two."""
    merged: float = 0.02
    """Share of the cells not missed that get one mask with a neighbour, if they touch one."""
    eroded: float = 0.1
    """Share of the cells not missed that shrink."""
    dilated: float = 0.1
    """Share of the cells not missed that grow into the background."""
    spurious: float = 0.01
    """Masks in the background, per cell."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0.0 <= getattr(self, field.name) <= 1.0:
                raise ValueError(f"{field.name} is {getattr(self, field.name)}, not 0 to 1")
        if self.split + self.merged + self.eroded + self.dilated > 1.0 + 1e-9:
            raise ValueError("split, merged, eroded and dilated add up to more than 1")

    def missed_given(self, was_missed: bool | None) -> float:
        """Return the probability that a cell is missed; with bursts, the mean stays `missed`.

        Args:
            was_missed: Whether it was missed in the frame before; None in the first frame.
        """
        if was_missed is None or self.burst <= self.missed:
            return self.missed
        return self.burst if was_missed else self.missed * (1 - self.burst) / (1 - self.missed)


NO_ERRORS = SegmentationErrors(
    missed=0.0, burst=0.0, split=0.0, merged=0.0, eroded=0.0, dilated=0.0, spurious=0.0
)


def damaged(
    rng: np.random.Generator,
    labels: LabelFrame,
    errors: SegmentationErrors,
    previous_missed: Collection[int] | None = None,
    spacing: Sequence[float] | None = None,
) -> tuple[NDArray[np.uint16], frozenset[int]]:
    """Return imperfect masks of a frame, and the cells that were missed.

    Args:
        rng: Source of all randomness.
        labels: True labels, ([z,] y, x), 0 is background.
        errors: The error rates.
        previous_missed: Labels missed in the frame before; None for the first frame.
        spacing: Voxel size relative to that in the plane, ([z,] y, x); isotropic if None.

    Returns:
        Masks labelled 1 to n in random order, so that labels do not identify cells; and the
        labels without a mask, for the next call.
    """
    masks = labels.astype(np.int32)
    regions = regions_of(labels)
    missed = set()
    for label in regions:
        was_missed = None if previous_missed is None else label in previous_missed
        if rng.random() < errors.missed_given(was_missed):
            missed.add(label)
    masks[np.isin(masks, list(missed))] = 0
    seen = {label: region for label, region in regions.items() if label not in missed}
    fates = dict(zip(seen, rng.random(len(seen)), strict=True))
    _merge(masks, [i for i in seen if fates[i] < errors.merged])
    scale = np.asarray(spacing or (1.0,) * labels.ndim)
    _reshape(rng, masks, seen, fates, errors, scale)
    for _ in range(rng.binomial(len(regions), errors.spurious) if regions else 0):
        _add_spurious(rng, masks, list(regions.values()))
    return _shuffled(rng, masks), frozenset(missed)


def _reshape(
    rng: np.random.Generator,
    masks: Masks,
    regions: dict[int, Region],
    fates: dict[int, float],
    errors: SegmentationErrors,
    scale: Floats,
) -> None:
    """Split, shrink or grow cells in place, by their random numbers `fates`."""
    split = errors.merged + errors.split
    eroded = split + errors.eroded
    dilated = eroded + errors.dilated
    for label, region in regions.items():
        fate = fates[label]
        if fate < errors.merged or fate >= dilated or not _untouched(masks, label, region):
            continue
        if fate < split:
            _split(rng, masks, label, region, scale)
        elif fate < eroded:
            _erode(rng, masks, label, region, scale)
        else:
            _dilate(rng, masks, label, region, scale)


def _untouched(masks: Masks, label: int, region: Region) -> bool:
    """Return False if the cell has become part of a merged mask."""
    return bool(np.all(masks[region.box][region.mask] == label))


def _merge(masks: Masks, labels: list[int]) -> None:
    """Join each cell with the neighbour that shares most of its outline, in place.

    A cell without a neighbour that is not merged yet stays as it is.
    """
    if not labels:
        return
    contacts = _contacts(masks)
    merged: set[int] = set()
    for label in labels:
        shared = {
            a + b - label: count
            for (a, b), count in contacts.items()
            if label in (a, b) and not {a, b} & merged
        }
        if not shared:
            continue
        other = max(shared, key=lambda neighbour: (shared[neighbour], -neighbour))
        masks[masks == other] = label
        merged |= {label, other}


def _contacts(masks: Masks) -> dict[tuple[int, int], int]:
    """Return pairs of touching labels, smaller first, and the number of touching voxel pairs."""
    pairs = []
    for axis in range(masks.ndim):
        a = np.moveaxis(masks, axis, 0)[:-1]
        b = np.moveaxis(masks, axis, 0)[1:]
        touching = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.sort(np.stack([a[touching], b[touching]], axis=1), axis=1))
    found, counts = np.unique(np.concatenate(pairs), axis=0, return_counts=True)
    return {(int(a), int(b)): int(n) for (a, b), n in zip(found, counts, strict=True)}


def _split(
    rng: np.random.Generator, masks: Masks, label: int, region: Region, scale: Floats
) -> None:
    """Cut a cell across its longest axis, near the middle, in place."""
    at = np.argwhere(region.mask)
    centred = (at - at.mean(axis=0)) * scale
    _, axes = np.linalg.eigh(centred.T @ centred)
    along = centred @ axes[:, -1]
    far = along > np.quantile(along, rng.uniform(0.35, 0.65))
    if min(far.sum(), (~far).sum()) < MIN_VOXELS:
        return
    masks[tuple((at[far] + region.corner).T)] = masks.max() + 1


def _steps(rng: np.random.Generator, region: Region, scale: Floats) -> tuple[int, ...]:
    """Return how many voxels to shrink or grow along each axis.

    The length is 8 to 25 % of the radius in the plane, and at least one pixel.
    """
    height, width = region.mask.shape[-2:]
    depth = float(rng.uniform(0.08, 0.25)) * float(height + width) / 4.0
    in_plane = max(1, round(depth))
    return tuple(round(in_plane / float(size)) for size in scale)


def _elements(steps: tuple[int, ...]) -> Iterator[tuple[Mask, int]]:
    """Yield structuring elements, in the plane and across slices, with their iterations."""
    cross = ndimage.generate_binary_structure(2, 1)
    yield cross.reshape((1,) * (len(steps) - 2) + cross.shape), steps[-1]
    if len(steps) == 3 and steps[0]:
        yield np.ones((3, 1, 1), dtype=bool), steps[0]


def _erode(
    rng: np.random.Generator, masks: Masks, label: int, region: Region, scale: Floats
) -> None:
    kept = region.mask
    for element, times in _elements(_steps(rng, region, scale)):
        kept = ndimage.binary_erosion(kept, element, iterations=times)
    if np.count_nonzero(kept) >= MIN_VOXELS:
        masks[region.box][region.mask & ~kept] = 0


def _dilate(
    rng: np.random.Generator, masks: Masks, label: int, region: Region, scale: Floats
) -> None:
    steps = _steps(rng, region, scale)
    corner = tuple(c - n for c, n in zip(region.corner, steps, strict=True))
    grown = np.pad(region.mask, [(n, n) for n in steps])
    for element, times in _elements(steps):
        grown = ndimage.binary_dilation(grown, element, iterations=times)
    placed = Region(grown, corner).clipped(masks.shape)
    masks[placed.box][placed.mask & (masks[placed.box] == 0)] = label


def _add_spurious(rng: np.random.Generator, masks: Masks, shapes: list[Region]) -> None:
    """Add a small copy of a random cell at a position mostly in the background, in place."""
    model = shapes[int(rng.integers(len(shapes)))].mask
    smaller = float(rng.uniform(0.4, 0.9))
    # At least one slice of a volume is left.
    scale = [*(max(smaller, 1.0 / n) for n in model.shape[:-2]), smaller, smaller]
    shape = ndimage.zoom(model.astype(np.uint8), scale, order=0).astype(bool)
    for _ in range(PLACES_TRIED):
        corner = tuple(
            int(rng.integers(-(n // 2), max(1, m - n // 2)))
            for n, m in zip(shape.shape, masks.shape, strict=True)
        )
        placed = Region(shape, corner).clipped(masks.shape)
        free = placed.mask & (masks[placed.box] == 0)
        if np.count_nonzero(free) >= max(MIN_VOXELS, shape.sum() // 2):
            masks[placed.box][free] = masks.max() + 1
            return


def _shuffled(rng: np.random.Generator, masks: Masks) -> NDArray[np.uint16]:
    """Relabel 1 to n in random order."""
    present = np.unique(masks[masks > 0])
    table = np.zeros(int(present.max(initial=0)) + 1, np.uint16)
    table[present] = rng.permutation(len(present)).astype(np.uint16) + 1
    return table[masks]
