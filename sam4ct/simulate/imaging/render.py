"""Render a frame: the look of its cells, the background, blur, flicker and noise.

Array order ([z,] y, x).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from sam4ct.intensity import Image
from sam4ct.simulate.imaging.looks import LOOKS, PATTERNS
from sam4ct.simulate.imaging.optics import Fields, Optics


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> Image:
    """Return Gaussian noise of variance 1, correlated over `length` pixels."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    if length > 0:
        noise = ndimage.gaussian_filter(noise, length, mode="wrap")
        noise /= noise.std() + 1e-6
    return np.asarray(noise, dtype=np.float32)


@dataclass(frozen=True)
class Stage:
    """What stays the same in a movie: slow background and debris, of the frame's shape."""

    background: Image

    @classmethod
    def draw(cls, rng: np.random.Generator, shape: tuple[int, ...], optics: Optics) -> Stage:
        slow = smooth_noise(rng, shape, max(shape[-2:]) / 8.0) * optics.background / 2.0
        spots = np.zeros(shape, np.float32)
        for _ in range(optics.debris):
            at = tuple(int(rng.integers(0, n)) for n in shape)
            spots[at] += rng.normal(0.0, 25.0)
        if optics.debris:
            slow += ndimage.gaussian_filter(spots, rng.uniform(1.0, 3.0))
        return cls(background=slow)


def image(
    rng: np.random.Generator,
    fields: Fields,
    optics: Optics,
    stage: Stage,
    backdrop: Image | None = None,
) -> Image:
    """Render one frame: float32, any offset, a cell's contrast is about 1.

    Args:
        rng: Source of all randomness.
        fields: Fields of the cells in the frame.
        optics: Optics of the movie.
        stage: What stays the same in the movie.
        backdrop: What the sample shows besides cells, of the frame's shape.
    """
    if optics.pattern != "waves":
        fields = replace(fields, texture=PATTERNS[optics.pattern](fields.texture))
    signal = LOOKS[optics.look](fields, optics)
    if backdrop is not None:
        signal = signal + backdrop
    in_plane = [0.5 * optics.blur_px] * (signal.ndim - 2) + [optics.blur_px] * 2
    signal = ndimage.gaussian_filter(signal, in_plane)
    signal = signal * (1.0 + rng.normal(0.0, optics.flicker)) + stage.background
    noise = smooth_noise(rng, signal.shape, optics.grain_px) * optics.noise
    shot = np.sqrt(np.clip(1.0 + signal, 0.2, None))
    return np.asarray(signal + noise * shot, dtype=np.float32)
