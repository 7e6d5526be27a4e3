"""Training examples for the compact SAM-Med3D: cells cut out of simulated volumes.

Every volume is a single simulated frame, by a law drawn at random: look, crowding, slice
distance, blur, noise. Several crops are cut from it as generation cuts them: around a position
inside a cell, rarely its centre, with a cell diameter that is only about right. A few are cut
around a position without a cell; their mask is empty. Neighbours in a crop are objects, too: they
teach to tell cells apart by the click alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from sam4ct.finetune.compact.examples import Examples
from sam4ct.finetune.compact.sam2_examples import draw_optics, log_uniform
from sam4ct.intensity import stretched
from sam4ct.models.sam_med3d.crops import Crop, CropLaw, cut, cut_mask, normalised
from sam4ct.simulate.cells.cell import CellLaw
from sam4ct.simulate.movie import MovieLaw, simulate

LOOK_SHARES = {"nucleus": 0.85, "membrane": 0.1, "dark": 0.05}
"""Shares of looks: volumes are mostly fluorescence images."""
BACKGROUND_SHARE = 0.1
"""Share of the crops whose click is on background."""
MIN_VOXELS = 20
MIN_SHARE = 0.1
"""Cells with fewer voxels, or a smaller share of a usual cell's volume, are not clicked on."""
GROWN = 0.85
"""Mean radius of the cells of a volume, of all ages and shapes, over the radius of their law."""
NOTHING = -1
"""The label of no cell."""
Labels = NDArray[np.int32]
Point = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """The crops of a volume."""

    size: int
    """Side of a crop, voxels."""
    window_diameters: float | None
    """Side of a crop in cell diameters; None: native voxels."""
    crops: int
    """Crops per volume."""
    objects: int
    """Objects per crop; objects are repeated if there are fewer."""


@dataclass(frozen=True)
class Crops:
    """Crops and the masks to find: B crops with K objects each."""

    images: Tensor
    """(B, 1, S, S, S) float32, normalised."""
    masks: Tensor
    """(B, K, S, S, S) bool: first the object in the centre, if any, then neighbours."""

    @classmethod
    def joined(cls, parts: list[Crops]) -> Crops:
        """Concatenate crops."""
        return cls(torch.cat([p.images for p in parts]), torch.cat([p.masks for p in parts]))

    def to(self, device: torch.device) -> Crops:
        return Crops(self.images.to(device), self.masks.to(device))


def simulated_crops(seed: int, first: int, count: int, drawing: Drawing) -> Examples[Crops]:
    """Return examples: volumes `first` to `first + count` - 1 of a seed, each with its crops."""
    return Examples(seed, first, count, lambda rng: draw_crops(rng, draw_volume(rng), drawing))


def draw_volume(rng: np.random.Generator) -> MovieLaw:
    """Draw the law of one volume, about four cell diameters wide; some are thin slabs."""
    look = str(rng.choice(list(LOOK_SHARES), p=list(LOOK_SHARES.values())))
    anisotropy = log_uniform(rng, 1.0, 8.0)
    # Finer pixels for coarser slices, so that cells have about the same number of voxels.
    radius = log_uniform(rng, 4.0, 9.0) * anisotropy ** (1 / 3)
    wide = rng.uniform(3.5, 5.0, 2)
    deep = rng.uniform(2.0, 4.0) if rng.random() < 0.8 else rng.uniform(0.7, 2.0)
    extent = 2.0 * GROWN * radius * np.array([deep, *wide])
    spacing = (anisotropy, 1.0, 1.0)
    filled = rng.uniform(0.05, 0.7)
    return MovieLaw(
        shape=tuple(max(3, round(n)) for n in extent / spacing),
        frames=1,
        cells=max(1, round(filled * float(np.prod(extent)) / _ball(GROWN * radius))),
        law=CellLaw(
            radius=radius,
            radius_spread=rng.uniform(0.05, 0.3),
            elongation=rng.uniform(0.45, 0.95),
            bumpiness=rng.uniform(0.01, 0.2),
        ),
        optics=draw_optics(rng, radius, look),
        spacing=spacing,
        contact=rng.uniform(0.65, 1.0),
    )


def _ball(radius: float) -> float:
    return 4 / 3 * np.pi * radius**3


def draw_crops(rng: np.random.Generator, law: MovieLaw, drawing: Drawing) -> Crops:
    """Simulate a volume and cut crops out of it.

    Args:
        rng: Source of all randomness.
        law: Law of the volume, see `draw_volume`.
        drawing: Number and size of crops.
    """
    usual = _ball(GROWN * law.law.radius) / float(np.prod(law.scale()))
    while True:
        frame = next(simulate(rng, law))
        sizes = np.bincount(frame.labels.ravel())
        known = np.flatnonzero(sizes[1:] >= max(MIN_VOXELS, MIN_SHARE * usual)) + 1
        if len(known):
            break
    image = frame.image - frame.image.min()
    if rng.random() < 0.5:
        image = stretched(image)
    image = image ** float(np.exp(rng.normal(0.0, 0.35)))
    spacing = tuple(float(s) for s in law.scale())
    diameter = 2.0 * GROWN * law.law.radius
    images, masks = [], []
    for label in rng.choice(known, drawing.crops, replace=len(known) < drawing.crops):
        guess = diameter * log_uniform(rng, 0.75, 1.35)
        law_of_crop = CropLaw.of(drawing.size, spacing, guess, drawing.window_diameters)
        place = None
        if rng.random() < BACKGROUND_SHARE:
            place = _place_outside(rng, frame.labels, spacing)
        goal = int(label) if place is None else NOTHING
        if place is None:
            place = _place_inside(rng, frame.labels == label, spacing)
        crop = law_of_crop.around(place)
        images.append(cut(image, crop))
        masks.append(_objects(rng, frame.labels, goal, crop, drawing.objects))
    return Crops(normalised(torch.stack(images)), torch.stack(masks))


def _objects(rng: np.random.Generator, labels: Labels, goal: int, crop: Crop, count: int) -> Tensor:
    """Return masks (K, S, S, S) of the object in the centre of a crop, and of neighbours."""
    middle = cut_mask(labels == goal, crop)
    box = tuple(
        slice(max(0, int(o)), max(0, int(o + s * crop.size)) + 1)
        for o, s in zip(crop.origin, crop.step, strict=True)
    )
    others = np.setdiff1d(labels[box], (0, goal))
    rng.shuffle(others)
    neighbours = (cut_mask(labels == i, crop) for i in others[: count - 1])
    found = [mask for mask in neighbours if mask.sum() >= MIN_VOXELS]
    own = middle if middle.any() or not found else found[0]
    return torch.stack([middle, *found, *[own] * (count - 1 - len(found))])


def _place_inside(
    rng: np.random.Generator, mask: NDArray[np.bool_], spacing: tuple[float, ...]
) -> Point:
    """Draw a position in an object, with its depth as weight, anywhere in its voxel."""
    box = ndimage.find_objects(mask.astype(np.uint8), max_label=1)[0]
    inside = np.pad(mask[box], 1)
    depth = ndimage.distance_transform_edt(inside, spacing).ravel()
    at = np.unravel_index(rng.choice(len(depth), p=depth / depth.sum()), inside.shape)
    corner = np.array([s.start for s in box])
    return corner - 1 + np.array(at) + rng.uniform(-0.5, 0.5, mask.ndim)


def _place_outside(
    rng: np.random.Generator, labels: Labels, spacing: tuple[float, ...]
) -> Point | None:
    """Draw a voxel well away from all cells; None if there is none."""
    away = ndimage.distance_transform_edt(labels == 0, spacing)
    half = 0.5 * float(away.max())
    least = max(half, 3.0 * spacing[-1])
    far = np.flatnonzero(away >= least)
    if not len(far):
        return None
    return np.array(np.unravel_index(rng.choice(far), labels.shape), dtype=np.float64)
