"""Windows as SAM 2 sees them: image crops, masks drawn as prompts, masks put back into the frame.

To SAM 2, a window is a video frame of the window's size. So windows, prompts and masks are resized
in the same way as the `sam2` package resizes frames, mask prompts and masks. Slices and windows
are in frame pixels, (y, x); images and logits are square. Only `assembled` combines slices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sam4ct.geometry import Slabs, Window, WindowGrid
from sam4ct.intensity import BRIGHT, DARK, EPSILON
from sam4ct.regions import Mask, Region
from sam4ct.types import Propagated

LEVEL_SAMPLES = 128
"""Samples along each axis, about, on which the black and white level of a window are measured."""


def inside(image: Tensor, window: Window) -> Tensor:
    """Return the part of a window that lies in a slice of the frame, (y, x)."""
    (y, x), side = window.corner, window.side
    return image[max(0, y) : y + side, max(0, x) : x + side]


def shown(parts: Sequence[Tensor], windows: Sequence[Window], size: int) -> Tensor:
    """Scale the contrast of windows as `intensity.stretched` does, and resize them.

    Pixels outside the frame get the median of the pixels inside, so that the border of the frame
    makes only a faint edge.

    Args:
        parts: The part of each window inside the frame, (h, w) float32, on any device; not empty.
        windows: The window of each part; tells where to pad.
        size: Side of the network's image.

    Returns:
        (N, size, size), 0 to 1.
    """
    whole = [_padded(part, window) for part, window in zip(parts, windows, strict=True)]
    crops = _resized(whole, size)
    stride = max(1, size // LEVEL_SAMPLES)
    # The levels stay on the device: to fetch them would stall the device for every window.
    dark, bright = _levels(crops[:, ::stride, ::stride].flatten(1))
    scaled = (crops - dark[:, None, None]) / (bright - dark + EPSILON)[:, None, None]
    return scaled.clamp(0.0, 1.0)


def _padded(part: Tensor, window: Window) -> Tensor:
    """Return the whole window, given its part inside the frame."""
    side = window.side
    if part.shape == (side, side):
        return part
    whole = part.median().repeat(side, side)
    top, left = max(0, -window.y), max(0, -window.x)
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole


def _levels(samples: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values of every row (N, n) that become black and white, (N,) each.

    These are the quantiles of `torch.quantile`, which sorts all samples. Both lie near the ends,
    so `topk` of the few samples beyond them is several times faster.
    """
    last = samples.shape[1] - 1
    dark, bright = DARK / 100.0 * last, BRIGHT / 100.0 * last
    low, high = math.floor(dark), math.floor(bright)
    lowest = samples.topk(min(low + 2, last + 1), dim=1, largest=False).values
    highest = samples.topk(last - high + 1, dim=1).values
    return (
        torch.lerp(lowest[:, low], lowest[:, -1], dark - low),
        torch.lerp(highest[:, -1], highest[:, max(0, last - high - 1)], bright - high),
    )


def drawn(regions: Sequence[Region], windows: Sequence[Window], size: int) -> Tensor:
    """Draw the part of each region inside its window.

    Returns:
        (N, size, size) float32, 1 inside.
    """
    masks = []
    for region, window in zip(regions, windows, strict=True):
        mask = np.zeros((window.side, window.side), np.float32)
        y, x = (c - w for c, w in zip(region.corner, window.corner, strict=True))
        part = Region(region.mask, (y, x)).clipped(mask.shape)
        mask[part.box] = part.mask
        masks.append(torch.from_numpy(mask))
    return (_resized(masks, size) >= 0.5).float()


@dataclass(frozen=True)
class Found:
    """Masks found in windows of one size, still on the device."""

    rows: list[int]
    """Row of each mask in the logits."""
    masks: Tensor
    """(K, side, side), bool."""

    def fetched(self) -> Iterator[tuple[int, Mask]]:
        """Yield the row and the mask (side, side) of each."""
        return zip(self.rows, self.masks.cpu().numpy(), strict=True)


def enlarged(logits: Tensor, windows: Sequence[Window]) -> list[Found]:
    """Turn mask logits of windows (K, n, n), positive inside, into masks in window pixels."""
    found = []
    for side, rows in _by_size(window.side for window in windows).items():
        fine = F.interpolate(
            logits[rows][:, None], (side, side), mode="bilinear", align_corners=False
        )
        found.append(Found(rows, fine[:, 0] > 0))
    return found


def located(logits: Tensor, window: Window, shape: tuple[int, ...]) -> Region:
    """Turn mask logits of a window into a region of a slice.

    Args:
        logits: (n, n), positive inside, of any resolution, on the CPU.
        window: Where they were predicted.
        shape: Shape of the slice, (y, x). Pixels outside are dropped.
    """
    (found,) = enlarged(logits[None], [window])
    return Section(window, found.masks[0].numpy(), 0.0).region(shape)


@dataclass(frozen=True)
class Section:
    """The mask of an object in one window."""

    window: Window
    mask: Mask
    """(side, side)."""
    score: float
    """Object score: the logit that the object is in the window."""

    def region(self, shape: tuple[int, ...]) -> Region:
        """Return the mask as a region of a slice of shape (y, x); pixels outside are dropped."""
        tight = Region(self.mask, self.window.corner).clipped(shape).tight()
        # The mask is a view of the batch; without a copy it would keep the whole batch in memory.
        return Region(tight.mask.copy(), tight.corner)


def assembled(sections: Sequence[Section], grid: WindowGrid) -> Propagated:
    """Combine the sections of an object; there is at least one.

    In a volume, each section fills its slab. Sections with a score of 0 or less are left out,
    except the best one. The object gets the best score.
    """
    best = max(sections, key=lambda section: section.score)
    slice_shape = grid.shape[-2:]
    if len(grid.shape) == 2:
        return Propagated(best.region(slice_shape), best.score)
    seen = {
        section.window.slab: section.region(slice_shape)
        for section in sections
        if section.score > 0.0 or section is best
    }
    return Propagated(_stacked(seen, grid.slabs), best.score)


def _stacked(sections: Mapping[int, Region], slabs: Slabs) -> Region:
    """Build a region of a volume from sections by slab; each fills its slab."""
    parts = {slab: section for slab, section in sections.items() if section.size}
    if not parts:
        return Region(np.zeros((0, 0, 0), bool), (0, 0, 0))
    low = np.min([part.corner for part in parts.values()], axis=0)
    high = np.max([np.add(part.corner, part.mask.shape) for part in parts.values()], axis=0)
    first, end = slabs.slices(min(parts)).start, slabs.slices(max(parts)).stop
    mask = np.zeros((end - first, *(high - low)), bool)
    for slab, part in parts.items():
        slices = slabs.slices(slab)
        box = Region(part.mask, tuple(np.subtract(part.corner, low))).box
        mask[(slice(slices.start - first, slices.stop - first), *box)] = part.mask
    return Region(mask, (first, int(low[0]), int(low[1])))


def _by_size(sizes: Iterable[int]) -> dict[int, list[int]]:
    """Return the rows of each size, in increasing order."""
    rows: dict[int, list[int]] = {}
    for row, size in enumerate(sizes):
        rows.setdefault(size, []).append(row)
    return rows


def _resized(images: Sequence[Tensor], size: int) -> Tensor:
    """Resize square images to (N, size, size), bilinear with antialiasing."""
    resized = images[0].new_empty((len(images), size, size))
    for rows in _by_size(len(image) for image in images).values():
        stack = torch.stack([images[row] for row in rows])[:, None]
        resized[rows] = F.interpolate(
            stack, (size, size), mode="bilinear", align_corners=False, antialias=True
        )[:, 0]
    return resized
