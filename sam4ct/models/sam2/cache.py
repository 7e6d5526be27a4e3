"""The cache of the SAM 2 engine: encodings and memories of frames, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from sam4ct.geometry import Window
from sam4ct.models.sam2.network import Features, Memory
from sam4ct.regions import Region


@dataclass
class CachedFrame:
    """Cached data of one frame: encodings of its windows, and memories of its regions."""

    features: Features
    rows: dict[Window, int]
    """Row of each window in the features."""
    regions: dict[int, Region] = field(default_factory=dict)
    """The objects in memory, in the order of its rows; none before the first call."""
    memory: Memory | None = None

    @property
    def nbytes(self) -> int:
        return self.features.nbytes + (self.memory.nbytes if self.memory else 0)


class FrameCache:
    """Cached frames by number; the least recently used ones are dropped first."""

    def __init__(self, size_bytes: int) -> None:
        """Begin without frames.

        Args:
            size_bytes: Largest size of all frames; those in use may exceed it.
        """
        self._size_bytes = size_bytes
        self._frames: OrderedDict[int, CachedFrame] = OrderedDict()

    def get(self, t: int) -> CachedFrame | None:
        """Return a frame, which is now the most recently used one; None if it is not cached."""
        if t in self._frames:
            self._frames.move_to_end(t)
        return self._frames.get(t)

    def add(self, t: int, frame: CachedFrame) -> None:
        """Add a frame as the most recently used one."""
        self._frames[t] = frame

    def shrink(self, keep: tuple[int, int]) -> None:
        """Drop the least recently used frames, but two, until the rest fits the size."""
        used = sum(frame.nbytes for frame in self._frames.values())
        for t in [t for t in self._frames if t not in keep]:
            if used <= self._size_bytes:
                break
            used -= self._frames.pop(t).nbytes

    def forget_before(self, t: int) -> None:
        """Drop frames before t."""
        for frame in [frame for frame in self._frames if frame < t]:
            del self._frames[frame]
