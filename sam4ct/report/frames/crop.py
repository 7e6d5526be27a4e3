"""Square windows of frames, which may reach out of the frame. Windows are (y, x), pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sam4ct.report.frames.projection import Plane, as_volume
from sam4ct.types import VolumeReader

Window = tuple[slice, slice]


def cropped(
    volumes: VolumeReader, t: int, plane: Sequence[int], window: Window
) -> tuple[Plane, Window]:
    """Return a window of a plane, (y, x), as float32, and which part of it is in the frame.

    `plane` is the number of the slice in 3D, empty in 2D; the window may reach out of the frame,
    and what lies outside is 0.
    """
    shape = tuple(part.stop - part.start for part in window)
    crop = np.zeros(shape, np.float32)
    seen, source = [], []
    for s, n in zip(window, volumes.shape[-2:], strict=True):
        low, high = max(0, s.start), min(n, s.stop)
        source.append(slice(low, high))
        seen.append(slice(low - s.start, high - s.start))
    part = (seen[0], seen[1])
    at = [*(slice(z, z + 1) for z in plane), *source]
    crop[part] = as_volume(volumes.window(t, at))[0]
    return crop, part
