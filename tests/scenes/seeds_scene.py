"""Volumes of bright balls in noise, with the places of the balls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from sam4ct.stages.seeds.detector import plan_blocks, seeds_in_block, seeds_of_frame
from sam4ct.stages.seeds.scale_space import BlobLaw
from sam4ct.types import Seeds

Volume = NDArray[np.uint16]
Places = NDArray[np.float64]
GROUND = 20.0
"""Grey value of the background."""


@dataclass(frozen=True)
class Balls:
    """A frame of balls."""

    shape: tuple[int, ...] = (12, 90, 110)
    spacing: tuple[float, ...] = (3.0, 1.0, 1.0)
    diameter_px: float = 14.0
    contrast: float = 100.0
    noise: float = 8.0

    def draw(self, places: Places, seed: int = 0) -> Volume:
        """Draw balls with soft edges at places, in voxels."""
        grid = np.indices(self.shape).reshape(len(self.shape), -1).T * self.spacing
        clean = np.full(len(grid), GROUND)
        for place in np.atleast_2d(places) * self.spacing if len(places) else ():
            far = np.linalg.norm(grid - place, axis=1) - self.radius
            clean = np.maximum(
                clean, GROUND + self.contrast / (1.0 + np.exp(np.minimum(2.0 * far, 50.0)))
            )
        rng = np.random.default_rng(seed)
        noisy = clean + self.noise * rng.standard_normal(len(clean))
        return noisy.clip(0).round().astype(np.uint16).reshape(self.shape)

    def scattered(self, count: int, seed: int = 0) -> Places:
        """Draw places that are at least a diameter apart, and half a one from the edges."""
        rng = np.random.default_rng(seed)
        extent = np.array(self.shape) * self.spacing
        places: list[Places] = []
        while len(places) < count:
            place = rng.uniform(self.radius, extent - self.radius)
            if all(np.linalg.norm(place - other) > 2 * self.radius for other in places):
                places.append(place)
        return np.array(places) / self.spacing

    @property
    def radius(self) -> float:
        return self.diameter_px * self.spacing[-1] / 2.0

    @property
    def law(self) -> BlobLaw:
        return BlobLaw((0.75 * self.diameter_px, 1.5 * self.diameter_px), self.spacing)


def seeds_of(
    frame: NDArray[np.generic],
    law: BlobLaw,
    core: Sequence[int] | None = None,
    threshold: float | None = None,
) -> Seeds:
    """Search a whole frame block by block."""
    blocks = plan_blocks(frame.shape, law, core)
    parts = [seeds_in_block(frame[b.window], b, law, frame.shape, threshold) for b in blocks]
    return seeds_of_frame(parts, law, threshold)


def hits(found: Places, truth: Places, spacing: Sequence[float], radius: float) -> int:
    """Count the pairs of seeds and cells, one to one, that are within a radius."""
    if not len(found) or not len(truth):
        return 0
    near = cdist(found * spacing, truth * spacing) <= radius
    return int(near[linear_sum_assignment(~near)].sum())


def save_frames(folder: Path, frames: Sequence[Volume]) -> Path:
    folder.mkdir(parents=True)
    for t, frame in enumerate(frames):
        tifffile.imwrite(
            folder / f"t{t:03d}.tif", frame, photometric="minisblack", compression="zlib"
        )
    return folder
