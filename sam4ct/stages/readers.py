"""Base class of readers that change the masks of another reader."""

from __future__ import annotations

from sam4ct.types import FrameReader, Image


class Relabelled:
    """Base of a `FrameReader` with masks of its own; the images are those of another reader."""

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader

    @property
    def frames(self) -> int:
        return self._reader.frames

    @property
    def shape(self) -> tuple[int, ...]:
        return self._reader.shape

    def image(self, t: int) -> Image:
        """The image of a frame, unchanged."""
        return self._reader.image(t)
