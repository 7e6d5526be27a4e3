"""Frames as grey pictures: maximum projections of volumes, contrast, JPEG.

One code serves 2D and 3D: a 2D frame is a volume of one plane. Arrays are ([z,] y, x);
pictures are (y, x), 8 bit.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

Scalar = TypeVar("Scalar", bound=np.generic)
Plane = NDArray[np.float32]

QUALITIES = (84, 74, 64, 54, 44, 34)
"""JPEG qualities, tried from the best until a picture fits its budget."""
DARKEST_PERCENT, BRIGHTEST_PERCENT = 0.5, 99.7
DIM = 0.2
"""A movie is mostly dark if its mean grey is below this share of its range."""
DIM_GAMMA = 0.5
"""Gamma that lifts dim cells in movies that are mostly dark."""
_SAMPLES_PER_AXIS = 512


def as_volume(frame: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return a frame, ([z,] y, x), as (z, y, x); a 2D frame becomes its only plane."""
    return frame if frame.ndim == 3 else frame[np.newaxis]


def projected(image: NDArray[np.generic]) -> Plane:
    """Return the maximum of an image, ([z,] y, x), over its planes, (y, x)."""
    return np.asarray(as_volume(image).max(axis=0), dtype=np.float32)


def silhouette(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where a mask, ([z,] y, x), has a pixel in any plane, (y, x)."""
    return np.asarray(as_volume(mask).any(axis=0))


def largest_plane(mask: NDArray[np.bool_]) -> int:
    """Return the plane of a mask, ([z,] y, x), with the most pixels; 0 in 2D."""
    return int(np.count_nonzero(as_volume(mask), axis=(1, 2)).argmax())


@dataclass(frozen=True)
class Contrast:
    """How intensities become grey levels. Values from `low` to `high` fill the range."""

    low: float
    high: float
    gamma: float = 1.0

    @classmethod
    def of(cls, planes: Iterable[Plane]) -> Contrast:
        """Choose one contrast for all given planes, (y, x), so that a movie does not flicker.

        Dim cells in a mostly dark movie are lifted. Constant images become black.
        """
        sample = np.concatenate([_thinned(plane).ravel() for plane in planes])
        low, high = (float(v) for v in np.percentile(sample, (DARKEST_PERCENT, BRIGHTEST_PERCENT)))
        if high <= low:
            low, high = float(sample.min()), float(sample.max())
        linear = cls(low, high)
        return cls(low, high, DIM_GAMMA) if linear.apply(sample).mean() < DIM * 255 else linear

    def apply(self, plane: Plane) -> NDArray[np.uint8]:
        """Return grey levels of the plane's shape."""
        span = self.high - self.low
        share = np.clip((plane - self.low) / (span if span > 0 else 1.0), 0.0, 1.0)
        return np.asarray(np.rint(255.0 * share**self.gamma), dtype=np.uint8)


def jpeg_uri(grey: NDArray[np.uint8], shape: tuple[int, int], max_bytes: int) -> str:
    """Return a picture as a `data:` URI.

    Args:
        grey: Grey levels, (y, x).
        shape: Wanted height and width in pixels.
        max_bytes: The quality is lowered, down to a limit, until the file fits.
    """
    picture = Pictures.fromarray(grey)
    if picture.size != shape[::-1]:
        picture = picture.resize(shape[::-1], Pictures.Resampling.LANCZOS)
    data = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        data = buffer.getvalue()
        if len(data) <= max_bytes:
            break
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _thinned(plane: Plane) -> Plane:
    """Return every n-th pixel: enough for percentiles, whatever the size of the frame."""
    steps = (max(1, n // _SAMPLES_PER_AXIS) for n in plane.shape)
    return plane[tuple(slice(None, None, step) for step in steps)]
