"""The SAM-Med3D engine: one region for each click in a volume, in batches.

Implements `types.VolumeSegmenter`. Each click has a crop of its own, so that its result does not
depend on other clicks. Frames are (z, y, x).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from sam4ct.models.batches import Batches
from sam4ct.models.device import precision
from sam4ct.models.pointwise import same_for_any_threads
from sam4ct.models.sam_med3d.crops import Crop, CropLaw, Volume, cut, located, normalised
from sam4ct.models.sam_med3d.network import click_masks, encode, image_size, no_mask
from sam4ct.regions import Region

Point = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class SegmenterSettings:
    """Device, precision and batch size of the engine."""

    device: str = "cpu"
    bf16: bool = True
    """Compute in bfloat16 on CUDA devices that have it."""
    click_batch: int = 8
    """Clicks that are computed together."""


class SamMed3dSegmenter:
    """Implements `types.VolumeSegmenter` with a SAM-Med3D network."""

    def __init__(
        self,
        network: Any,
        image: Callable[[int], Volume],
        law: CropLaw,
        settings: SegmenterSettings,
    ) -> None:
        """Move the network to its device. No frame is read yet.

        Args:
            network: A SAM-Med3D network (see `network.build_sam_med3d`).
            image: Returns the unchanged image of a frame, (z, y, x), in memory or on disk;
                every crop is normalised by itself.
            law: Size of the crops, which must be the network's.
            settings: Device, precision and batch size.
        """
        if law.size != image_size(network):
            raise ValueError(f"crops of {law.size}³ for a network of {image_size(network)}³")
        self._device = torch.device(settings.device)
        self._network = network.to(self._device).eval()
        same_for_any_threads(self._network)
        self._image, self._law, self._settings = image, law, settings
        self._batches = Batches(settings.click_batch)
        self._clicks = 0

    @property
    def clicks(self) -> int:
        """Clicks computed so far."""
        return self._clicks

    @property
    def halved_batches(self) -> int:
        """How often a batch was halved for lack of device memory."""
        return self._batches.halved

    @torch.inference_mode()
    def segment(self, t: int, points: Sequence[Point]) -> list[Region]:
        """Return one region for each click.

        A region is the part of the predicted mask that is connected with the click. It is empty
        if the mask does not cover the click, or the click lies outside the volume.

        Args:
            t: Frame. Its image is read once; without clicks it is not read.
            points: Clicks in frame voxels, (z, y, x).
        """
        if not points:
            return []
        volume = self._image(t)
        clicked = [tuple(int(np.floor(c + 0.5)) for c in point) for point in points]
        inside = [k for k, voxel in enumerate(clicked) if _is_in(voxel, volume.shape)]
        crops = [self._law.around(points[k]) for k in inside]

        def find(part: range) -> Tensor:
            there = [crops[i] for i in part]
            return self._masks(volume, there, [points[inside[i]] for i in part]).cpu()

        found = self._batches.run(len(inside), find)
        self._clicks += len(inside)
        regions = [Region(np.zeros((0,) * len(voxel), bool), voxel) for voxel in clicked]
        for k, crop, logits in zip(inside, crops, (m for part in found for m in part), strict=True):
            regions[k] = component_at(located(logits[0], crop, volume.shape), clicked[k])
        return regions

    def _masks(self, volume: Volume, crops: list[Crop], points: list[Point]) -> Tensor:
        """Return the low-resolution logits (B, 1, L, L, L) of one click in each crop."""
        images = normalised(torch.stack([cut(volume, crop) for crop in crops])).to(self._device)
        within = [crop.within(point) for crop, point in zip(crops, points, strict=True)]
        clicks = torch.tensor(within, dtype=torch.float32, device=self._device)[:, None]
        labels = torch.ones((len(crops), 1), dtype=torch.long, device=self._device)
        with precision(self._device, bf16=self._settings.bf16):
            embeddings = encode(self._network, images)
            blank = no_mask(self._network, len(crops))
            return click_masks(self._network, embeddings, clicks, labels, blank)


def component_at(region: Region, voxel: tuple[int, ...]) -> Region:
    """Return the face-connected part of a region that holds a voxel; empty if none does."""
    at = tuple(v - c for v, c in zip(voxel, region.corner, strict=True))
    if not _is_in(at, region.mask.shape) or not region.mask[at]:
        return Region(region.mask[(slice(0, 0),) * region.mask.ndim], region.corner)
    parts, _ = ndimage.label(region.mask)
    return Region(parts == parts[at], region.corner).tight()


def _is_in(voxel: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(0 <= v < n for v, n in zip(voxel, shape, strict=True))
