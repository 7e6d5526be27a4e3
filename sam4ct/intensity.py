"""Intensity: what is done to the grey values of an image before SAM 2 sees it.

Pure numpy. Images are ([z,] y, x) of any real dtype; filters work within a slice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]

DARK, BRIGHT = 0.5, 99.8
"""Percentiles taken for black and white: a few dead or hot pixels do not matter."""
EPSILON = 1e-6
"""Keeps a constant image from a division by zero; it becomes 0 everywhere."""


def window_levels(window: NDArray[Any]) -> tuple[float, float]:
    """Return the values of an image that are shown as black and as white."""
    dark, bright = np.percentile(window, [DARK, BRIGHT])
    return dark, bright


def stretched(window: NDArray[Any]) -> Image:
    """Scale an image, usually one window, to 0..1 between its black and white level."""
    dark, bright = window_levels(window)
    scaled = (window - dark) / (bright - dark + EPSILON)
    return np.asarray(np.clip(scaled, 0.0, 1.0), dtype=np.float32)


def prepared(image: NDArray[Any], *, median_px: int = 0, gamma: float = 1.0) -> Image:
    """Apply a profile's image preparation to a whole frame.

    With a gamma, the frame is first scaled so that its black and white levels are
    0 and 1. Darker values become 0, but brighter ones stay: every window is
    stretched afterwards, and cells of the brightest kind must keep their texture.

    Args:
        image: ([z,] y, x).
        median_px: Side of the in-plane median filter, odd; 0 for none.
        gamma: Exponent; 1 for none, and then the values keep their scale.

    Returns:
        float32, of the image's shape.
    """
    if median_px:
        size = [1] * (image.ndim - 2) + [median_px, median_px]
        image = ndimage.median_filter(image, size=size)
    values = image.astype(np.float32)
    if gamma == 1.0:
        return values
    dark, bright = window_levels(values)
    return np.asarray(
        (np.clip(values - dark, 0.0, None) / (bright - dark + EPSILON)) ** gamma, dtype=np.float32
    )


def contrast_nearby(volume: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    """Return how much brighter a region is than what is around it, in grey values.

    For parts of frames too large to hold, where nothing is known of the background as
    a whole.

    Args:
        volume: The region's box with a margin, ([z,] y, x).
        mask: The region in it, of the same shape, with pixels.

    Returns:
        Mean inside less median outside; nan if the region fills all of it.
    """
    if mask.all():
        return float("nan")
    return float(volume[mask].mean() - np.median(volume[~mask]))


def contrasts(image: NDArray[Any], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return how much brighter than the background each region is.

    The unit is the background's own spread, from its median to its 95th
    percentile, so that the figures of frames with different exposure compare:
    a region above 1 is brighter than nearly all of the background.

    Args:
        image: ([z,] y, x).
        labels: Label frame of the same shape; 0 is background.

    Returns:
        One figure per label in increasing order, negative for dark regions; none
        if the frame has no region or no background.
    """
    background = image[labels == 0]
    found = np.unique(labels[labels > 0])
    if not len(found) or not len(background):
        return np.empty(0)
    middle, high = np.percentile(background, [50.0, 95.0])
    means = np.asarray(ndimage.mean(image, labels, found), dtype=np.float64)
    return np.asarray((means - middle) / (high - middle + EPSILON))
