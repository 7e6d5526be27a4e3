"""Crops as SAM-Med3D sees them: cubes cut around a click, and masks put back into the frame.

Along each axis, voxel i of a crop lies at frame voxel `origin + i * step`, and the click lies at
crop voxel `size // 2`. Native crops have step 1 and whole origins: they are cut without
resampling. Other crops are cubes in micrometres. They are resampled with a triangular kernel
whose half width is the larger of the two voxel sizes: it interpolates linearly between coarse
slices and averages fine pixels. Frames and crops are (z, y, x).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sam4ct.regions import Region

Point = tuple[float, ...]


class Volume(Protocol):
    """A frame in memory or on disk that can be sliced."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, box: tuple[slice, ...], /) -> ArrayLike: ...


@dataclass(frozen=True)
class Crop:
    """Where the voxels of a cube lie in the frame."""

    origin: Point
    """Frame voxel of the crop's first voxel; may lie outside of the frame."""
    step: Point
    """Frame voxels from one crop voxel to the next, by axis."""
    size: int
    """Voxels a side."""

    def within(self, point: Iterable[float]) -> Point:
        """Return a point of the frame in voxels of the crop."""
        return tuple((p - o) / s for p, o, s in zip(point, self.origin, self.step, strict=True))


@dataclass(frozen=True, kw_only=True)
class CropLaw:
    """Size of the crops."""

    size: int
    """Voxels a side: the network's image size."""
    spacing_um: tuple[float, ...]
    """Voxel size of the frame, (z, y, x)."""
    side_um: float | None = None
    """Side of the cube in micrometres; None: the crop has native voxels."""

    @classmethod
    def of(
        cls,
        size: int,
        spacing_um: tuple[float, ...],
        cell_diameter_px: float,
        window_diameters: float | None,
    ) -> CropLaw:
        """Return the size of crops for cells of a diameter.

        Args:
            size: The network's image size.
            spacing_um: Voxel size, (z, y, x).
            cell_diameter_px: In-plane, frame pixels.
            window_diameters: Side of the cube in cell diameters; None: native voxels.
        """
        if window_diameters is None:
            return cls(size=size, spacing_um=spacing_um)
        side = window_diameters * cell_diameter_px * spacing_um[-1]
        return cls(size=size, spacing_um=spacing_um, side_um=side)

    def around(self, point: Iterable[float]) -> Crop:
        """Return the crop whose voxel size // 2 lies at a point of the frame."""
        half = self.size // 2
        if self.side_um is None:
            origin = tuple(float(np.floor(p + 0.5)) - half for p in point)
            return Crop(origin, (1.0,) * len(origin), self.size)
        step = tuple(self.side_um / self.size / s for s in self.spacing_um)
        origin = tuple(float(p) - half * s for p, s in zip(point, step, strict=True))
        return Crop(origin, step, self.size)


def cut(volume: Volume, crop: Crop) -> Tensor:
    """Cut a crop out of a volume of intensities.

    The darkest voxel of the crop becomes 0, and so do voxels outside the volume: the published
    network was trained on 8-bit crops padded with black.

    Args:
        volume: Frame (z, y, x), any numeric type; only the crop's part is read.
        crop: Cube that overlaps the volume.

    Returns:
        (S, S, S) float32, 0 and above.

    Raises:
        ValueError: The crop lies outside of the volume.
    """
    box, weights = _sampling(crop, volume.shape)
    slab = torch.from_numpy(np.asarray(volume[box], dtype=np.float32))
    return _sampled(slab - slab.min(), weights)


def cut_mask(mask: Volume, crop: Crop) -> Tensor:
    """Cut the same crop out of a mask (z, y, x), booleans; (S, S, S) bool."""
    box, weights = _sampling(crop, mask.shape)
    slab = torch.from_numpy(np.asarray(mask[box], dtype=np.float32))
    return _sampled(slab, weights) >= 0.5


def normalised(crops: Tensor) -> Tensor:
    """Scale crops (B, S, S, S) to mean 0 and deviation 1 of their positive voxels.

    SAM-Med3D was trained on images that were normalised so (Wang et al. 2023). A crop without
    contrast becomes 0.

    Returns:
        (B, 1, S, S, S) float32.
    """
    images = crops[:, None]
    axes = (1, 2, 3, 4)
    lit = (images > 0).float()
    count = lit.sum(axes, keepdim=True)
    mean = (images * lit).sum(axes, keepdim=True) / count.clamp(min=1)
    variance = ((images - mean).square() * lit).sum(axes, keepdim=True) / (count - 1).clamp(min=1)
    return (images - mean) / torch.where(variance > 0, variance.sqrt(), 1.0)


def located(logits: Tensor, crop: Crop, shape: tuple[int, ...]) -> Region:
    """Turn mask logits of a crop into a region of a frame.

    Args:
        logits: (L, L, L) on the CPU, positive inside, of any resolution: they cover the crop's
            cube, and are interpolated linearly.
        crop: Where they were predicted.
        shape: Shape of the frame. Voxels outside are dropped.
    """
    corner, weights = [], []
    for origin, step, length in zip(crop.origin, crop.step, shape, strict=True):
        low = max(0, int(np.ceil(origin - 0.5 * step)))
        high = min(length, int(np.ceil(origin + (crop.size - 0.5) * step)))
        voxels = np.arange(low, max(low, high))
        # Both grids cover the cube: their outer voxel centres lie half a voxel inside its faces.
        at = ((voxels - origin) / step + 0.5) * (len(logits) / crop.size) - 0.5
        at = np.clip(at, 0, len(logits) - 1)
        corner.append(low)
        weights.append(_triangles(at, np.arange(len(logits)), 1.0))
    return Region((_sampled(logits, weights) > 0).numpy(), tuple(corner)).tight()


def _sampling(crop: Crop, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], list[Tensor]]:
    """Return the part of a frame that a crop needs, and its weights by axis, (S, part)."""
    box, weights = [], []
    for origin, step, length in zip(crop.origin, crop.step, shape, strict=True):
        reach = max(1.0, step)
        at = origin + step * np.arange(crop.size)
        voxels = np.arange(int(np.ceil(at[0] - reach)), int(np.floor(at[-1] + reach)) + 1)
        every = _triangles(at, voxels, reach)
        used = (voxels >= 0) & (voxels < length) & every.any(dim=0).numpy()
        if not used.any():
            raise ValueError(f"the crop at {crop.origin} lies outside of a frame of shape {shape}")
        box.append(slice(int(voxels[used][0]), int(voxels[used][-1]) + 1))
        weights.append(every[:, torch.from_numpy(used)])
    return tuple(box), weights


def _triangles(at: NDArray[np.floating], voxels: NDArray[np.int64], reach: float) -> Tensor:
    """Return weights (m, n) of the voxels (n) of an axis for points (m) on it; rows sum to 1."""
    weights = np.clip(1.0 - np.abs(at[:, None] - voxels) / reach, 0.0, None)
    total = weights.sum(axis=1, keepdims=True)
    return torch.from_numpy((weights / np.where(total > 0, total, 1.0)).astype(np.float32))


def _sampled(values: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Apply the weights (m, n) of each axis to values (n, n', n''); (m, m', m'')."""
    for weight in weights:
        values = torch.tensordot(values.float(), weight, dims=([0], [1]))
    return values
