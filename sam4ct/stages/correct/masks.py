"""Answers that change masks: which fragments are one cell, and where a mask of two cells is cut.

In: masks and corrections whose regions are known. Out: joins and cuts. A mask is cut across its
longest axis, where it is narrowest.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sam4ct.corrections import Correction, Kind
from sam4ct.regions import Mask
from sam4ct.tables import Detections, Joins, row_numbers

MIN_SHARE = 0.25
"""Of a mask, in each half, at least."""
SMOOTHED = 3
"""Voxels over which the thickness of a mask is averaged."""

_Key = tuple[int, int]
"""(t, label)."""


def joined_by(
    corrections: Iterable[Correction], joins: Joins, detections: Detections
) -> tuple[Joins, Joins]:
    """Return which fragments were found, and which were said, to be parts of one cell.

    Those found that an answer speaks of, too, are among the latter, or left out if the answer is
    that they are two cells.

    Args:
        corrections: Their labels are those of `detections`.
        joins: Fragments that were found.
        detections: All regions, fragments too.

    Returns:
        The rest of `joins`, and the joins that were said: each fragment into the largest one.
    """
    rows = zip(joins.t.tolist(), joins.label.tolist(), joins.into.tolist(), strict=True)
    found = [((t, label), (t, into)) for t, label, into in rows]
    two = {_key(one) for one in corrections if one.kind is Kind.TWO_CELLS}
    said = [
        ((first.t, first.label), (other.t, other.label))
        for first, *others in (one.ends for one in corrections if one.kind is Kind.ONE_CELL)
        for other in others
    ]
    named = {region for pair in said for region in pair}
    stays = np.array(
        [named.isdisjoint(pair) and two.isdisjoint(pair) for pair in found], dtype=bool
    )
    said += [pair for pair in found if not named.isdisjoint(pair) and two.isdisjoint(pair)]
    t, label, into = np.array(_into_largest(said, detections), np.int64).reshape(-1, 3).T
    return joins.take(stays), Joins(t, label, into)


def to_cut(corrections: Iterable[Correction], joins: Joins) -> list[_Key]:
    """Return the masks (t, label) that were said to cover two cells, in order.

    Of fragments that were joined, it is enough not to join them.
    """
    names = {
        (t, name)
        for t, *both in zip(
            joins.t.tolist(), joins.label.tolist(), joins.into.tolist(), strict=True
        )
        for name in both
    }
    return sorted({_key(one) for one in corrections if one.kind is Kind.TWO_CELLS} - names)


def cut_of(mask: Mask, spacing_um: NDArray[np.float64]) -> tuple[tuple[float, float, float], float]:
    """Return where a mask is cut in two.

    Args:
        mask: ([z,] y, x), two voxels at least.
        spacing_um: Voxel size (z, y, x).

    Returns:
        The axis (z, y, x) from the first half to the second, micrometres, and the share of the
        first.
    """
    spacing = spacing_um[-mask.ndim :]
    places = np.argwhere(mask) * spacing
    centred = places - places.mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    axis *= 1.0 if axis[np.argmax(np.abs(axis))] > 0 else -1.0
    along = np.sort(centred @ axis)
    step = float(spacing.min())
    bins = np.floor((along - along[0]) / step).astype(np.int64)
    thickness = np.bincount(bins).astype(float)
    share = np.cumsum(thickness) / len(along)
    smooth = uniform_filter1d(thickness, SMOOTHED, mode="nearest")
    # A cut lies after its bin.
    least = np.minimum(smooth, np.append(smooth[1:], smooth[-1]))
    good = (share >= MIN_SHARE) & (share <= 1.0 - MIN_SHARE)
    if not good.any():
        best = 0.5
    else:
        best = float(share[np.lexsort((np.abs(share - 0.5), least, ~good))[0]])
    z, y, x = np.pad(axis, (3 - mask.ndim, 0)).tolist()
    return (z, y, x), best


def _key(one: Correction) -> _Key:
    return one.ends[0].t, one.ends[0].label


def _into_largest(
    pairs: Iterable[tuple[_Key, _Key]], detections: Detections
) -> list[tuple[int, int, int]]:
    """Return (t, label, into) for groups of regions that pairs connect, in order."""
    groups: dict[_Key, set[_Key]] = {}
    for one, other in pairs:
        both = groups.get(one, {one}) | groups.get(other, {other})
        groups.update(dict.fromkeys(both, both))
    found = []
    for group in {min(g): sorted(g) for g in groups.values()}.values():
        t, label = np.array(group, np.int64).T
        size = detections.size[row_numbers(detections, t, label)]
        # Of equally large ones, that of the smallest label.
        into = int(label[np.argmax(size)])
        found += [(t_, label_, into) for t_, label_ in group if label_ != into]
    return sorted(found)
