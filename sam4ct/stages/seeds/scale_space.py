"""Blobs: how much every voxel looks like the centre of a bright ball as large as a cell.

Pure numpy and scipy, for images and volumes alike. Owns the scale space: differences of
Gaussians (DoG) whose widths run over the sizes that cells have, each of them wide in
micrometres, not in voxels. Which voxels are cells is left to `seeds`.

Nothing here depends on where an image was cut: every result is the same sequence of
floating-point operations on the voxels within `halo`, and on no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log, prod, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Singles = NDArray[np.float32]
"""Of single precision: images of large volumes, and all that is made of them."""
Kernels = tuple[NDArray[np.float64], ...]
"""One kernel an axis."""

SCALE_RATIO = sqrt(2.0)
"""At most so much lies between two sizes that are tried: a ball halfway between answers with
97 % of its best."""
TRUNCATE = 3.0
"""Kernels end after so many standard deviations."""
LEAST_SIGMA = 1.2
"""Voxels; images are binned as long as no Gaussian gets narrower: that costs no accuracy,
lowers the noise, and makes the work follow the number of cells, not of voxels."""

_CURVATURE = (1.0, 0.0, -2.0, 0.0, 1.0)
"""Second difference. Of every other voxel, as neighbours share a part of their noise in images
that were resampled; of voxels further apart, it would see more of small cells."""


@dataclass(frozen=True)
class BlobLaw:
    """Which blobs are looked for."""

    diameter_px: tuple[float, float]
    """Of the smallest and largest cells, in pixels along x."""
    spacing: tuple[float, ...]
    """Size of a voxel, ([z,] y, x), in any unit."""

    def __post_init__(self) -> None:
        smallest, largest = self.diameter_px
        if not 0 < smallest <= largest < np.inf or not all(0 < s < np.inf for s in self.spacing):
            raise ValueError(f"no blobs of {self.diameter_px} px in voxels of {self.spacing}")

    @property
    def smallest(self) -> float:
        """Diameter of the smallest cells, in the unit of the spacing."""
        return self.diameter_px[0] * self.spacing[-1]

    @cached_property
    def bins(self) -> tuple[int, ...]:
        """So many voxels an axis are averaged before anything else."""
        return tuple(max(1, int(s / LEAST_SIGMA)) for s in self._sigmas[0])

    @cached_property
    def kernels(self) -> tuple[Kernels, ...]:
        """The Gaussians, from narrow to wide, on binned voxels; a DoG is made of neighbours."""
        return tuple(tuple(gaussian(sigma) for sigma in axes) for axes in self._binned_sigmas)

    @cached_property
    def halo(self) -> tuple[int, ...]:
        """Binned voxels around one that decide on whether there is a maximum of what size."""
        reach = len(_CURVATURE) // 2
        return tuple(len(kernel) // 2 + reach for kernel in self.kernels[-1])

    @cached_property
    def gain(self) -> float:
        """What makes DoGs of all sizes answer alike, a ball with about its contrast.

        A DoG is nearly the Laplacian of a Gaussian times half the difference of variances,
        and the Laplacian times the variance is what does not depend on the size.
        """
        ratio = self._ratio
        return 2.0 / (ratio - 1.0 / ratio)

    @cached_property
    def noise_gains(self) -> Singles:
        """Standard deviation of each DoG's answer to white noise of 1 in binned voxels."""
        pairs = zip(self.kernels[:-1], self.kernels[1:], strict=True)
        return np.array([self.gain * _norm(fine, coarse) for fine, coarse in pairs], np.float32)

    def edge_gains(
        self, places: NDArray[np.int64], shape: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """How much the mirror at the edges of a frame raises the noise of answers.

        Args:
            places: (n, axes), binned voxels of the frame.
            shape: Of the binned frame.
        """
        sigmas = self._binned_sigmas[-1]
        # The noise is added to its image, as far behind the edge, with which a kernel overlaps.
        mirrored = [
            np.exp(-(((edge + 0.5) / sigmas) ** 2)) for edge in (places, shape - 1 - places)
        ]
        return np.asarray(np.sqrt(np.prod(1.0 + mirrored[0] + mirrored[1], axis=1)))

    @property
    def _sizes(self) -> int:
        smallest, largest = self.diameter_px
        return 1 + ceil(log(largest / smallest) / log(SCALE_RATIO) - 1e-9)

    @property
    def _ratio(self) -> float:
        smallest, largest = self.diameter_px
        steps = self._sizes - 1
        return float((largest / smallest) ** (1.0 / steps)) if steps else SCALE_RATIO

    @cached_property
    def _sigmas(self) -> NDArray[np.float64]:
        """Width of every Gaussian in voxels, (sizes + 1, axes)."""
        # A ball of radius r in n dimensions answers most to a width of r / sqrt(n); the two
        # Gaussians of a DoG are half a step narrower and wider.
        axes = len(self.spacing)
        first = self.smallest / 2.0 / sqrt(axes) / sqrt(self._ratio)
        widths = first * self._ratio ** np.arange(self._sizes + 1)
        return np.asarray(widths[:, None] / np.array(self.spacing))

    @cached_property
    def _binned_sigmas(self) -> NDArray[np.float64]:
        """The same in binned voxels, less what binning has done already."""
        bins = np.array(self.bins)
        # Averaging n voxels widens as much as a Gaussian of variance (n^2 - 1) / 12 does.
        return np.asarray(np.sqrt(self._sigmas**2 - (bins**2 - 1) / 12.0) / bins)


class ScaleSpace(NamedTuple):
    """What the DoGs of all sizes say of every binned voxel."""

    best: Singles
    """The highest answer of any size, about the contrast of a ball there."""
    significance: Singles
    """The same in standard deviations of the noise; inf where there is no noise."""


def scale_space(image: Singles, law: BlobLaw) -> ScaleSpace:
    """Return the answers to a binned image, or to a part of one.

    The noise is measured where it is, as that of light grows with the light: by the second
    differences along x, which cells, being smooth, hardly have. They are averaged over the
    largest cell, and what the DoG leaves of white noise is known.

    Args:
        image: From `binned`. Frames go on mirrored beyond their edges.
        law: Which blobs.
    """
    fine = _smoothed(image, law.kernels[0])
    best = np.full(image.shape, -np.inf, np.float32)
    gains = np.zeros(image.shape, np.float32)
    for kernels, noise_gain in zip(law.kernels[1:], law.noise_gains, strict=True):
        coarse = _smoothed(image, kernels)
        answer = (fine - coarse) * np.float32(law.gain)
        np.copyto(gains, noise_gain, where=answer > best)
        np.maximum(best, answer, out=best)
        fine = coarse
    curvature = ndimage.correlate1d(image, _CURVATURE, axis=-1)
    # Of white noise of variance v the second difference has the variance 6 v.
    noise = np.sqrt(_smoothed(curvature**2, law.kernels[-1]) / 6.0) * gains
    with np.errstate(divide="ignore", invalid="ignore"):
        return ScaleSpace(best, np.where(noise > 0, best / noise, np.sign(best) * np.inf))


def binned(image: NDArray[np.generic], bins: Sequence[int]) -> Singles:
    """Return the means of blocks of voxels; the last block of an axis may be cut.

    Args:
        image: Any numbers, ([z,] y, x).
        bins: Voxels of a block along each axis.
    """
    means: NDArray[np.generic] = image
    for axis, n in reversed(list(enumerate(bins))):
        if n == 1:
            continue
        lacking = -means.shape[axis] % n
        if lacking:
            widths = [(0, lacking if i == axis else 0) for i in range(image.ndim)]
            means = np.pad(means, widths, mode="edge")
        # A sum in fixed order: that of np.mean depends on the length of the array.
        every = [slice(None)] * axis
        total = means[(*every, slice(0, None, n))].astype(np.float32)
        for i in range(1, n):
            total += means[(*every, slice(i, None, n))].astype(np.float32)
        means = total
    return means.astype(np.float32) / np.float32(prod(bins))


def gaussian(sigma: float) -> NDArray[np.float64]:
    """Return a Gaussian, cut off and normalised; a single 1 if it is far narrower than a voxel."""
    radius = int(TRUNCATE * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-9)) ** 2)
    return np.asarray(weights / weights.sum())


def _smoothed(image: Singles, kernels: Kernels) -> Singles:
    for axis, kernel in enumerate(kernels):
        if len(kernel) > 1:
            image = ndimage.correlate1d(image, kernel, axis=axis, mode="reflect")
    return image


def _norm(fine: Kernels, coarse: Kernels) -> float:
    """Root of the sum of squares of a difference of two separable kernels."""

    def product(a: Kernels, b: Kernels) -> float:
        return prod(_overlap(p, q) for p, q in zip(a, b, strict=True))

    squares = product(fine, fine) - 2.0 * product(fine, coarse) + product(coarse, coarse)
    return sqrt(max(squares, 0.0))


def _overlap(short: NDArray[np.float64], long: NDArray[np.float64]) -> float:
    beyond = (len(long) - len(short)) // 2
    return float(short @ long[beyond : len(long) - beyond])
