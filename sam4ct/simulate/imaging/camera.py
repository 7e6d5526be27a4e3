"""What lies between the cells and the file: surroundings, dirt, uneven light, compression.

Specks, clutter and channels move with the stage; dirt on the optics and uneven light do not.
Array order ([z,] y, x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from sam4ct.intensity import Image
from sam4ct.simulate.cells.cell import Float
from sam4ct.simulate.cells.channels import Channels
from sam4ct.simulate.imaging.render import smooth_noise


@dataclass(frozen=True, kw_only=True)
class CameraLaw:
    """What frames show besides cells, and how their grey values are changed."""

    clutter: float = 0.0
    """Contrast of a texture between the cells; it moves with the stage."""
    clutter_px: float = 4.0
    """Correlation length of that texture, pixels."""
    specks: int = 0
    """Number of small objects in the sample that are not cells; some move by themselves."""
    speck_px: float = 1.5
    """Typical radius of a speck."""
    dirt: int = 0
    """Number of spots and rings on the optics; they do not move."""
    dirt_px: float = 5.0
    """Typical radius of a spot."""
    shade: float = 0.0
    """Share of the light that is missing at the darkest pixel."""
    pedestal: float = 1.0
    """Brightness without cells, in units of a cell's contrast; uneven light scales it."""
    refocus: float = 0.0
    """Standard deviation of the logarithm of the blur, from frame to frame."""
    levels: int = 0
    """Number of grey levels from the darkest to the brightest pixel; 0: not reduced."""
    jpeg: float = 0.0
    """Quantisation step of the highest frequencies, as a share of the contrast; 0: no JPEG."""
    jpeg_block: int = 8
    """Side of the blocks, pixels."""


class Camera:
    """The camera of a movie; dirt, light and surroundings are drawn once."""

    def __init__(
        self,
        rng: np.random.Generator,
        law: CameraLaw,
        shape: tuple[int, ...],
        scale: Float,
        channels: Channels | None = None,
    ) -> None:
        self._rng, self._law, self._shape, self._scale = rng, law, shape, scale
        self._channels = channels
        self._light = _light(rng, shape, law.shade)
        self._dirt = _dirt(rng, shape, law)
        clutter = law.clutter * smooth_noise(rng, shape, law.clutter_px)
        self._clutter: Image = clutter.astype(np.float32)
        self._places = rng.uniform(0.0, 1.0, (law.specks, len(shape))) * shape
        self._contrast = rng.normal(0.0, 1.0, law.specks)
        self._restless = rng.random(law.specks) < 0.3

    def blur(self, usual: float) -> float:
        """Return the blur of the next frame, pixels, given the usual one."""
        return usual * float(np.exp(self._rng.normal(0.0, self._law.refocus)))

    def backdrop(self, shift: Float) -> Image:
        """Return what the sample shows besides cells, of the frame's shape.

        Args:
            shift: How far the stage has moved the sample since the first frame, units.
        """
        moved = np.round(shift / self._scale).astype(int)
        picture = self._specks(shift) + np.roll(self._clutter, moved, tuple(range(len(moved))))
        if self._channels is not None:
            picture = picture + self._channels.picture(self._shape, self._scale, shift)
        return np.asarray(picture, dtype=np.float32)

    def _specks(self, shift: Float) -> Image:
        if not self._law.specks:
            return np.zeros(self._shape, np.float32)
        steps = self._rng.normal(0.0, self._law.speck_px, self._places.shape)
        self._places = self._places + steps * self._restless[:, None]
        at = np.floor(self._places + shift / self._scale).astype(int) % self._shape
        spots = np.zeros(self._shape, np.float32)
        np.add.at(spots, tuple(at.T), self._contrast)
        sigma = [0.5] * (len(self._shape) - 2) + [self._law.speck_px] * 2
        spread = ndimage.gaussian_filter(spots, sigma, mode="wrap")
        return np.asarray(spread * 6.3 * self._law.speck_px**2, dtype=np.float32)

    def taken(self, picture: Image) -> Image:
        """Return the stored frame: with dirt, uneven light, compression and fewer grey levels."""
        law = self._law
        picture = np.asarray((picture + self._dirt + law.pedestal) * self._light, dtype=np.float32)
        if law.jpeg:
            picture = compressed(picture, law.jpeg, law.jpeg_block)
        if law.levels:
            low, high = float(picture.min()), float(picture.max())
            step = (high - low + 1e-6) / law.levels
            picture = (np.round((picture - low) / step) * step + low).astype(np.float32)
        return picture


def _light(rng: np.random.Generator, shape: tuple[int, ...], shade: float) -> Image:
    """Return light that falls from 1 at a random centre to 1 - shade at the farthest pixel."""
    if not shade:
        return np.ones(shape, np.float32)
    y, x = np.ogrid[-1.0 : 1.0 : shape[-2] * 1j, -1.0 : 1.0 : shape[-1] * 1j]
    centre = rng.uniform(-1.2, 1.2, 2)
    far = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
    return np.broadcast_to(1.0 - shade * far / far.max(), shape).astype(np.float32)


def _dirt(rng: np.random.Generator, shape: tuple[int, ...], law: CameraLaw) -> Image:
    """Return spots, and rings as of dust out of focus."""
    plane = np.zeros(shape[-2:], np.float32)
    y, x = np.ogrid[: shape[-2], : shape[-1]]
    for _ in range(law.dirt):
        radius = law.dirt_px * float(np.exp(rng.normal(0.0, 0.5)))
        at = rng.uniform(0.0, 1.0, 2) * shape[-2:]
        far = np.hypot(y - at[0], x - at[1]) / radius
        rings = rng.uniform(0.0, 3.0) * (rng.random() < 0.5)
        plane += rng.normal(0.0, 0.7) * np.exp(-(far**2)) * np.cos(rings * far**2)
    return np.broadcast_to(plane, shape)


def compressed(picture: Image, step: float, block: int = 8) -> Image:
    """Return an image after JPEG compression: a rounded cosine transform of square blocks.

    After ITU-T T.81: higher frequencies are rounded more coarsely. Here the steps grow linearly
    with the frequency, roughly like the example table of the standard.

    Args:
        picture: ([z,] y, x).
        step: Step of the highest frequency, as a share of the picture's contrast.
        block: Side of the blocks, pixels.
    """
    height, width = picture.shape[-2:]
    pad = [(0, 0)] * (picture.ndim - 2) + [(0, -height % block), (0, -width % block)]
    whole = np.pad(picture, pad, mode="edge")
    rows, columns = whole.shape[-2] // block, whole.shape[-1] // block
    tiles = whole.reshape(*picture.shape[:-2], rows, block, columns, block)
    waves = fft.dctn(tiles, axes=(-3, -1), norm="ortho")
    order = np.arange(block, dtype=np.float32)
    fine = (order[:, None, None] + order + 1.0) / (2.0 * block - 1.0)
    steps = step * float(picture.max() - picture.min() + 1e-6) * fine * block / 8.0
    back = fft.idctn(np.round(waves / steps) * steps, axes=(-3, -1), norm="ortho")
    return np.asarray(back.reshape(whole.shape)[..., :height, :width], dtype=np.float32)
