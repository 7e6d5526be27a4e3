"""Cache blocks of a movie in memory, so that windows that overlap are read from disk once.

Blocks lie on a fixed grid that follows the pieces (chunks, strips, tiles) in which the movie is
stored. The blocks used last are kept, up to a bound in bytes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from threading import Lock
from typing import Protocol

import numpy as np

from sam4ct.io.files import Frame
from sam4ct.types import VolumeReader

MAX_BYTES = 256 << 20
LEAST_BLOCK = (8, 64, 64)
"""Least voxels of a block (z, y, x): each block costs some time."""
LARGEST_BLOCK = (512, 256, 1024)
"""Most voxels of a block (z, y, x): whole planes of a large volume would push each other out."""
MOST_AT_ONCE = 16 << 20
"""Most voxels that are read at once, unless one piece or one block has more."""

Box = tuple[slice, ...]
_Index = tuple[int, ...]


class StoredVolumes(VolumeReader, Protocol):
    """A reader that knows in which pieces its frames are stored."""

    @property
    def piece(self) -> tuple[int, ...]:
        """Shape that is decoded at once, ([z,] y, x)."""
        ...


@dataclass(frozen=True)
class CachedFrame:
    """One frame that is read where it is sliced."""

    volumes: VolumeReader
    t: int

    @property
    def shape(self) -> tuple[int, ...]:
        """([z,] y, x)"""
        return self.volumes.shape

    def __getitem__(self, box: Box, /) -> Frame:
        """Return a part of the frame, one slice an axis with steps of one."""
        return self.volumes.window(self.t, box)


class CachedVolumes:
    """A `VolumeReader` with the values of another one; several threads may read."""

    def __init__(
        self,
        volumes: StoredVolumes,
        *,
        max_bytes: int = MAX_BYTES,
        block: Sequence[int] | None = None,
    ) -> None:
        """Begin with an empty cache.

        Args:
            volumes: The movie.
            max_bytes: Most bytes of all blocks in the cache.
            block: Shape of a block, ([z,] y, x); None: `block_shape`.
        """
        self._volumes, self._max_bytes = volumes, max_bytes
        self.frames, self.shape, self._piece = volumes.frames, volumes.shape, volumes.piece
        self._block = tuple(block or block_shape(self.shape, self._piece))
        if len(self._block) != len(self.shape) or min(self._block) < 1:
            raise ValueError(f"blocks of {self._block} in frames of {self.shape}")
        self._kept: OrderedDict[tuple[int, _Index], Frame] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def volume(self, t: int) -> CachedFrame:
        """Return a frame that can be sliced."""
        return CachedFrame(self, t)

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """Return a part of a frame; the array is the caller's own.

        Args:
            t: Frame number.
            window: One slice per axis, ([z,] y, x), with steps of one.

        Raises:
            SequenceError: The movie is damaged, or a voxel in or near the window is NaN or
                infinite.
        """
        bounds = [part.indices(n)[:2] for part, n in zip(window, self.shape, strict=True)]
        if not 0 <= t < self.frames or any(last <= first for first, last in bounds):
            return self._volumes.window(t, window)  # says what is wrong, or has no voxels
        box = tuple(slice(first, last) for first, last in bounds)
        found: Frame | None = None
        for at, values in self.parts(t, box):
            if found is None:
                found = np.empty([part.stop - part.start for part in box], values.dtype)
            common = [
                slice(max(a.start, b.start), min(a.stop, b.stop))
                for a, b in zip(at, box, strict=True)
            ]
            found[_within(common, box)] = values[_within(common, at)]
        assert found is not None, "a window with voxels touches a block"
        return found

    def parts(self, t: int, box: Box) -> Iterator[tuple[Box, Frame]]:
        """Yield parts of a frame that together cover a box, and where in the frame they are.

        What is not in the cache is read once, at most about `MOST_AT_ONCE` voxels at a time.
        Parts are whole blocks: they may be larger than the box, and overlap.

        Args:
            t: Frame number.
            box: In the frame; not empty.

        Yields:
            A box of the frame, and its voxels. The cache may hold them: do not change them.

        Raises:
            SequenceError: As `window` does.
        """
        # Layer by layer in z: planes are mostly stored one by one, and a plane may be one piece.
        touched = [
            range(part.start // n, -(-part.stop // n))
            for part, n in zip(box, self._block, strict=True)
        ]
        for layer in [[z] for z in touched[0]] if len(touched) == 3 else [[]]:
            missing = []
            for index in product(*([z] for z in layer), *touched[-2:]):
                with self._lock:
                    if (kept := self._kept.get((t, index))) is not None:
                        self._kept.move_to_end((t, index))
                if kept is None:
                    missing.append(index)
                else:
                    yield self._around([index]), kept
            for together in self._batches(missing) if missing else ():
                yield self._read(t, together)

    def _batches(self, missing: Sequence[_Index]) -> Iterator[Sequence[_Index]]:
        """Yield the missing blocks of a layer in groups that are read at once.

        A group that is too large is halved by its rows, then by its columns. Blocks of one
        piece stay together: else the piece would be decoded for each of them.
        """
        if prod(part.stop - part.start for part in self._around(missing)) > MOST_AT_ONCE:
            for axis in (-2, -1):
                pieces = [self._block[axis] * i[axis] // self._piece[axis] for i in missing]
                if len(distinct := sorted(set(pieces))) > 1:
                    middle = distinct[len(distinct) // 2]
                    pairs = list(zip(missing, pieces, strict=True))
                    yield from self._batches([index for index, n in pairs if n < middle])
                    yield from self._batches([index for index, n in pairs if n >= middle])
                    return
        yield missing

    def _around(self, blocks: Sequence[_Index]) -> Box:
        """Return the smallest box of the frame around blocks."""
        first, last = np.min(blocks, axis=0).tolist(), np.max(blocks, axis=0).tolist()
        return tuple(
            slice(a * n, min((b + 1) * n, length))
            for a, b, n, length in zip(first, last, self._block, self.shape, strict=True)
        )

    def _read(self, t: int, missing: Sequence[_Index]) -> tuple[Box, Frame]:
        """Read the smallest box around missing blocks, and put these into the cache."""
        box = self._around(missing)
        values = self._volumes.window(t, box)
        for index in missing:
            # A copy: a view would keep all that was read in memory.
            block = values[_within(self._around([index]), box)].copy()
            with self._lock:
                if (t, index) in self._kept:  # another thread was faster
                    continue
                self._kept[t, index] = block
                self._bytes += block.nbytes
                while self._bytes > self._max_bytes:
                    self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return box, values


def block_shape(shape: Sequence[int], piece: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of blocks: whole pieces of a movie, but neither tiny nor huge.

    Args:
        shape: Of the movie's frames, ([z,] y, x).
        piece: Shape that is decoded at once, ([z,] y, x).
    """
    sides = zip(LEAST_BLOCK[-len(shape) :], LARGEST_BLOCK[-len(shape) :], strict=True)
    return tuple(
        min(side * -(-least // side), most, length)
        for side, (least, most), length in zip(piece, sides, shape, strict=True)
    )


def _within(part: Sequence[slice], box: Sequence[slice]) -> Box:
    """Return where a part of a frame is in a box of the frame."""
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, box, strict=True))
