"""The result: tracks with labels, and label frames.

In: links and regions. Out: the rows of `res_track.txt`, and one label frame after another.

In the order of a run:

- `tracks`: links to tracks; only a filled gap lets a track go on
- `frames`: label frames; given masks keep their pixels
"""

from __future__ import annotations

from sam4ct.stages.paint.frames import paint
from sam4ct.stages.paint.tracks import Traced, trace

__all__ = [
    "Traced",
    "paint",
    "trace",
]
