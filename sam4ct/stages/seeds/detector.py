"""Seeds: the centres of cells in a frame of any size, block by block.

Pure numpy and scipy. A seed is a place where the scale space of `blobs` has a maximum that
noise does not explain. Blocks overlap by all that a maximum depends on, so the seeds are
the same, bit for bit, whatever the blocks. Reading them, and how many at once, is left to
the caller.

What counts as a cell:
    1. a maximum in space and size, at least `SIGNIFICANT` standard deviations of the noise
       around it (see `scale_space`);
    2. at least `WEAKEST` of what the brightest cells of the frame have (the 95th percentile),
       which keeps the texture of a bright background out;
    3. round enough: along the edges of a mask there are maxima, too, but long ones;
    4. the best within half of the smallest cell's diameter.
A threshold takes the place of 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from sam4ct.stages.seeds.maxima import offsets, roundness
from sam4ct.stages.seeds.scale_space import BlobLaw, binned, scale_space
from sam4ct.types import Image, Seeds

SIGNIFICANT = 6.0
WEAKEST = 0.1
_BRIGHT = 0.95
LEAST_ROUND = 0.2
"""Of `roundness`: 99 % of simulated cells, touching ones among them, have .45 and more, 95 % of
the maxima along the edges of a mask less than .15."""
MOST_VOXELS = 1 << 23
"""Of a block, as read."""
MOST_BINNED = 1 << 21
"""Of a block, binned: a dozen arrays of floats that large are in memory at a time."""


@dataclass(frozen=True)
class Block:
    """A part of a frame that is searched for seeds by itself."""

    window: tuple[slice, ...]
    """What to read: the voxels, ([z,] y, x), with those around that the search needs."""
    start: tuple[int, ...]
    """First binned voxel of the frame that is read."""
    core: tuple[slice, ...]
    """Where seeds are taken, in binned voxels of the frame; the cores of a frame tile it."""


def plan_blocks(
    shape: Sequence[int], law: BlobLaw, core: Sequence[int] | None = None
) -> list[Block]:
    """Return the blocks of a frame, in order of z, y, x.

    Args:
        shape: Of the frame, ([z,] y, x).
        law: Which blobs are looked for.
        core: Binned voxels along each axis of a core; None: as many as memory should hold.
    """
    cells = [-(-n // b) for n, b in zip(shape, law.bins, strict=True)]
    steps = core or _core(cells, law)
    counts = [-(-n // step) for n, step in zip(cells, steps, strict=True)]
    blocks = []
    for index in np.ndindex(*counts):
        axes = list(zip(index, steps, cells, law.halo, law.bins, shape, strict=True))
        inner = [slice(i * step, min(n, (i + 1) * step)) for i, step, n, *_ in axes]
        first = [max(0, i * step - halo) for i, step, _, halo, *_ in axes]
        last = [part.stop + halo for part, halo in zip(inner, law.halo, strict=True)]
        window = (
            slice(a * b, min(n, z * b))
            for a, z, b, n in zip(first, last, law.bins, shape, strict=True)
        )
        blocks.append(Block(tuple(window), tuple(first), tuple(inner)))
    return blocks


def seeds_in_block(
    image: Image,
    block: Block,
    law: BlobLaw,
    shape: Sequence[int],
    threshold: float | None = None,
) -> Seeds:
    """Return the maxima in the core of a block that may be cells.

    Args:
        image: The voxels under `block.window`, finite numbers.
        block: Of `plan_blocks`.
        law: Which blobs are looked for.
        shape: Of the frame, ([z,] y, x).
        threshold: Least contrast of a cell, in grey values; None: by the noise.

    Returns:
        Places in voxels of the frame, ([z,] y, x), and contrasts.
    """
    if image.min() == image.max():
        return _no_seeds(len(shape))
    best, significance = scale_space(binned(image, law.bins), law)
    inner = tuple(
        slice(part.start - a, part.stop - a)
        for part, a in zip(block.core, block.start, strict=True)
    )
    peaks = (best == ndimage.maximum_filter(best, size=3)) & (best > 0)
    found = np.argwhere(peaks[inner]) + [part.start for part in inner]
    bins = np.array(law.bins)
    if threshold is None:
        least = SIGNIFICANT * law.edge_gains(found + block.start, -(-np.array(shape) // bins))
        found = found[significance[tuple(found.T)] >= least]
    else:
        found = found[best[tuple(found.T)] >= threshold]
    pixels = np.array(law.spacing) * bins
    found = found[roundness(best, found, pixels) >= LEAST_ROUND]
    # Whole numbers first: their sum with a fraction is then the same from wherever they count.
    centres = (found + block.start) + offsets(best, found)
    places = np.clip(centres * bins + (bins - 1) / 2.0, 0.0, np.array(shape) - 1.0)
    return Seeds(places, best[tuple(found.T)].astype(np.float64))


def seeds_of_frame(parts: Iterable[Seeds], law: BlobLaw, threshold: float | None = None) -> Seeds:
    """Return the seeds of a frame, from those of all its blocks, in order of z, y, x.

    Args:
        parts: From `seeds_in_block`.
        law: The same.
        threshold: The same.
    """
    parts = list(parts)
    places = np.concatenate([part.places for part in parts])
    scores = np.concatenate([_scores(part) for part in parts])
    if threshold is None and len(scores):
        bright = scores >= WEAKEST * np.quantile(scores, _BRIGHT)
        places, scores = places[bright], scores[bright]
    order = np.lexsort((*places.T[::-1], -scores))
    places, scores = places[order], scores[order]
    kept = _best_nearby(places * law.spacing, law.smallest / 2.0)
    places, scores = places[kept], scores[kept]
    order = np.lexsort(places.T[::-1])
    return Seeds(places[order], scores[order])


def _core(cells: Sequence[int], law: BlobLaw) -> list[int]:
    """Return the largest core whose block fits into memory; long axes are halved first."""
    most = min(MOST_BINNED, MOST_VOXELS // prod(law.bins))
    core = list(cells)
    while prod(min(c + 2 * h, n) for c, h, n in zip(core, law.halo, cells, strict=True)) > most:
        longest = int(np.argmax(core))
        if core[longest] == 1:
            break
        core[longest] = -(-core[longest] // 2)
    return core


def _best_nearby(places: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    """Say which places, the best first, have no better one that is kept within a radius."""
    kept = np.ones(len(places), bool)
    pairs = cKDTree(places).query_pairs(radius, output_type="ndarray")
    for better, worse in pairs[np.lexsort(pairs.T[::-1])].tolist():
        if kept[better]:
            kept[worse] = False
    return kept


def _scores(seeds: Seeds) -> NDArray[np.float64]:
    assert seeds.scores is not None, "seeds that were found have scores"
    return seeds.scores


def _no_seeds(axes: int) -> Seeds:
    return Seeds(np.empty((0, axes)), np.empty(0))
