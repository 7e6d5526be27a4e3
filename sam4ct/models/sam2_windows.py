"""Windows as SAM 2 sees them: image crops, drawn prompts, and masks put back into the frame.

Everything is resized as the package resizes frames, mask prompts and masks, so
that a window is to it a video frame of the window's size. Slices of frames and
windows are in frame pixels, (y, x); images and logits are square. Only `assembled`
knows that a frame may have more than one slice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sam4ct.geometry import Slabs, Window, WindowGrid
from sam4ct.intensity import BRIGHT, DARK, EPSILON
from sam4ct.regions import Region
from sam4ct.types import Propagated

LEVEL_SAMPLES = 128
"""Black and white of a window are measured on about this many samples an axis."""


def cropped(image: Tensor, window: Window, size: int) -> Tensor:
    """Cut a window out of a slice of the frame, (y, x) float32, on any device; see `shown`."""
    (y, x), side = window.corner, window.side
    return shown(image[max(0, y) : y + side, max(0, x) : x + side], window, size)


def shown(inside: Tensor, window: Window, size: int) -> Tensor:
    """Scale the contrast of a window as `intensity.stretched` does, and resize it.

    What lies outside of the frame becomes the median of what lies inside: an
    edge as faint as can be had.

    Args:
        inside: The part of the window that lies in the frame, (h, w) float32, on any
            device; not empty.
        window: Its corner counts where it lies outside of the frame.
        size: Side of the network's image.

    Returns:
        (size, size), 0 to 1.
    """
    (y, x), side = window.corner, window.side
    if inside.shape != (side, side):
        padded = inside.median().repeat(side, side)
        top, left = max(0, -y), max(0, -x)
        padded[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        inside = padded
    crop = _resized(inside, size)
    stride = max(1, size // LEVEL_SAMPLES)
    # Levels stay on the device: reading them here would make it wait for every window.
    shares = crop.new_tensor([DARK / 100.0, BRIGHT / 100.0])
    dark, bright = torch.quantile(crop[::stride, ::stride].flatten(), shares)
    scaled: Tensor = (crop - dark) / (bright - dark + EPSILON)
    return scaled.clamp(0.0, 1.0)


def drawn(region: Region, window: Window, size: int) -> Tensor:
    """Draw the part of a region that lies in a window; (size, size) float32, 1 inside."""
    mask = np.zeros((window.side, window.side), np.float32)
    y, x = (c - w for c, w in zip(region.corner, window.corner, strict=True))
    inside = Region(region.mask, (y, x)).clipped(mask.shape)
    mask[inside.box] = inside.mask
    return (_resized(torch.from_numpy(mask), size) >= 0.5).float()


def located(logits: Tensor, window: Window, shape: tuple[int, ...]) -> Region:
    """Turn mask logits of a window into a region of a slice of a shape (y, x).

    Args:
        logits: (n, n), positive inside, of any resolution, on the CPU.
        window: Where they were predicted.
        shape: Of the slice; what lies outside is cut off.
    """
    size = (window.side, window.side)
    fine = F.interpolate(logits[None, None], size, mode="bilinear", align_corners=False)
    return Region((fine[0, 0] > 0).numpy(), window.corner).clipped(shape).tight()


@dataclass(frozen=True)
class Section:
    """What the network found of an object in one window."""

    window: Window
    logits: Tensor
    """(n, n), positive inside, on the CPU."""
    score: float
    """Logit that the object is there."""


def assembled(sections: Sequence[Section], grid: WindowGrid) -> Propagated:
    """Put together what was found of an object in all its windows, at least one.

    In a volume, each section fills its slab; those in which the object is rather not
    are left out, but for the most probable one. Its score is the object's.
    """
    best = max(sections, key=lambda section: section.score)
    slice_shape = grid.shape[-2:]
    if len(grid.shape) == 2:
        return Propagated(located(best.logits, best.window, slice_shape), best.score)
    seen = {
        section.window.slab: located(section.logits, section.window, slice_shape)
        for section in sections
        if section.score > 0.0 or section is best
    }
    return Propagated(_stacked(seen, grid.slabs), best.score)


def _stacked(sections: Mapping[int, Region], slabs: Slabs) -> Region:
    """Build a volume's region of sections by slab; each fills its slab."""
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


def _resized(image: Tensor, size: int) -> Tensor:
    """Resize (H, W) to (size, size), bilinear with antialiasing."""
    resized = F.interpolate(
        image[None, None], (size, size), mode="bilinear", align_corners=False, antialias=True
    )
    return resized[0, 0]
