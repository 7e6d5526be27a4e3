"""The labelled objects of a frame: their crops and masks, if they are large enough.

Frames are read, and masks computed, slice by slice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from torch import Tensor

from sam4ct.finetune.patches.sources import Source
from sam4ct.models.sam_med3d.crops import Crop, CropLaw, cut_mask
from sam4ct.regions import LabelFrame, Region, regions_of

logger = logging.getLogger(__name__)

LEAST_VOXELS = 27
"""Objects with fewer voxels in a crop are left out: a cube of 3 voxels a side shows no shape."""


@dataclass(frozen=True)
class FrameImage:
    """The image of a frame, read slice by slice."""

    source: Source
    t: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape(self.t)

    def __getitem__(self, box: tuple[slice, ...], /) -> Any:
        return self.source.window(self.t, box)


@dataclass(frozen=True)
class _Object:
    """One label of a frame as a mask, computed slice by slice."""

    labels: LabelFrame
    label: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.labels.shape

    def __getitem__(self, box: tuple[slice, ...], /) -> Any:
        return self.labels[box] == self.label


def large_objects(source: Source, t: int, law: CropLaw) -> Iterator[tuple[int, Crop, Tensor]]:
    """Yield label, crop and mask of the objects of a frame that are large enough."""
    labels = source.labels(t)
    for label, region in regions_of(labels).items():
        crop = law.around(innermost(region, law.spacing_um))
        mask = cut_mask(_Object(labels, label), crop)
        if int(mask.sum()) >= LEAST_VOXELS:
            yield label, crop, mask
        else:
            logger.debug("%s: label %d is too small", source.mask_file(t), label)


def innermost(region: Region, spacing_um: Sequence[float]) -> tuple[float, ...]:
    """Return the frame voxel deepest inside a region; the first of equals."""
    depth = ndimage.distance_transform_edt(np.pad(region.mask, 1), sampling=spacing_um)
    at = np.array(np.unravel_index(int(depth.argmax()), depth.shape)) - 1
    return tuple(float(a + c) for a, c in zip(at, region.corner, strict=True))
