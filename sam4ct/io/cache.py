"""Windows of a movie that overlap, of which nothing is read twice as long as there is room.

Keeps blocks of a fixed grid, those used last, up to a bound in bytes. Blocks follow the
pieces in which the movie is stored, so that decoding one serves all windows around. A box
that is too large to hold is had in parts. Which voxels are where on disk is left to the
reader behind.
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

from sam4ct.io.tiff import Frame
from sam4ct.types import VolumeReader

MAX_BYTES = 256 << 20
LEAST_BLOCK = (8, 64, 64)
"""Voxels of a block (z, y, x) at least, where pieces are smaller: each takes a moment."""
LARGEST_BLOCK = (512, 256, 1024)
"""Voxels of a block (z, y, x) at most, where pieces are larger: whole planes of a large
volume would push each other out."""
MOST_AT_ONCE = 16 << 20
"""Voxels that are read at once; more only where one piece or one block has more."""

Box = tuple[slice, ...]
_Index = tuple[int, ...]
_Key = tuple[int, _Index]


class StoredVolumes(VolumeReader, Protocol):
    """A reader that knows in which pieces its frames are stored."""

    @property
    def piece(self) -> tuple[int, ...]:
        """What is decoded at once, ([z,] y, x)."""
        ...


@dataclass(frozen=True)
class CachedFrame:
    """One frame, which is read where it is sliced."""

    volumes: VolumeReader
    t: int

    @property
    def shape(self) -> tuple[int, ...]:
        """([z,] y, x)"""
        return self.volumes.shape

    def __getitem__(self, box: tuple[slice, ...], /) -> Frame:
        """Return a part of the frame, one slice an axis with steps of one."""
        return self.volumes.window(self.t, box)


class CachedVolumes:
    """A `VolumeReader` that equals the one behind it; several threads may read."""

    def __init__(
        self,
        volumes: StoredVolumes,
        *,
        max_bytes: int = MAX_BYTES,
        block: Sequence[int] | None = None,
    ) -> None:
        """Read through a cache that is empty.

        Args:
            volumes: What is read.
            max_bytes: Of all blocks that are kept.
            block: Their shape, ([z,] y, x); None: `block_shape`.
        """
        self._volumes, self._max_bytes = volumes, max_bytes
        self._shape, self._piece = volumes.shape, volumes.piece
        self._block = tuple(block or block_shape(self._shape, self._piece))
        if len(self._block) != len(self._shape) or min(self._block) < 1:
            raise ValueError(f"blocks of {self._block} in frames of {self._shape}")
        self._kept: OrderedDict[_Key, Frame] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    @property
    def frames(self) -> int:
        return self._volumes.frames

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every frame, ([z,] y, x)."""
        return self._shape

    def volume(self, t: int) -> CachedFrame:
        """Return a frame that can be sliced."""
        return CachedFrame(self, t)

    def window(self, t: int, window: Sequence[slice]) -> Frame:
        """Return a part of a frame, as the reader behind does; the array is the caller's own.

        Args:
            t: Frame number.
            window: One slice per axis, ([z,] y, x), with steps of one.

        Raises:
            SequenceError: The movie is damaged, or a voxel in or near the window is NaN or
                infinite.
        """
        bounds = [part.indices(n)[:2] for part, n in zip(window, self._shape, strict=True)]
        if not 0 <= t < self.frames or any(last <= first for first, last in bounds):
            return self._volumes.window(t, window)  # says what is wrong, or has no voxels
        box = tuple(slice(first, last) for first, last in bounds)
        found: Frame | None = None
        for at, values in self.parts(t, box):
            if found is None:
                found = np.empty([part.stop - part.start for part in box], values.dtype)
            common = [_common(a, b) for a, b in zip(at, box, strict=True)]
            inside = tuple(_moved(c, a.start) for c, a in zip(common, at, strict=True))
            found[tuple(_moved(c, b.start) for c, b in zip(common, box, strict=True))] = values[
                inside
            ]
        assert found is not None, "a window with voxels touches a block"
        return found

    def parts(self, t: int, box: Box) -> Iterator[tuple[Box, Frame]]:
        """Yield parts of a frame that cover a box, and where in the frame they are.

        What is not kept is read once, and no more than `MOST_AT_ONCE` of it is held at a
        time. Parts are whole blocks: they reach out of the box, and may overlap.

        Args:
            t: Frame number.
            box: In the frame; not empty.

        Yields:
            A box of the frame, and its voxels; these may be kept, so do not change them.

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
                if (kept := self._take((t, index))) is None:
                    missing.append(index)
                else:
                    yield self._box(index), kept
            for together in self._batches(missing) if missing else ():
                yield self._read(t, together)

    def _batches(self, missing: Sequence[_Index]) -> Iterator[Sequence[_Index]]:
        """Yield the missing blocks of a layer in groups that are read at once.

        A group is halved by its rows, then by its columns, until it is small enough. Blocks
        of one piece stay together, or it would be decoded for each.
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
        lowest, highest = np.min(blocks, axis=0), np.max(blocks, axis=0)
        first, last = (self._box(tuple(index.tolist())) for index in (lowest, highest))
        return tuple(slice(a.start, b.stop) for a, b in zip(first, last, strict=True))

    def _read(self, t: int, missing: Sequence[_Index]) -> tuple[Box, Frame]:
        """Read the smallest box around missing blocks, and keep these."""
        box = self._around(missing)
        values = self._volumes.window(t, box)
        for index in missing:
            place = zip(self._box(index), box, strict=True)
            # A copy: a view would keep all that was read.
            self._keep((t, index), values[tuple(_moved(a, b.start) for a, b in place)].copy())
        return box, values

    def _box(self, index: _Index) -> Box:
        """Where a block is in the frame; those at the far edges are cut off."""
        return tuple(
            slice(i * n, min((i + 1) * n, length))
            for i, n, length in zip(index, self._block, self._shape, strict=True)
        )

    def _take(self, key: _Key) -> Frame | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: _Key, block: Frame) -> None:
        with self._lock:
            if key in self._kept:  # another thread was faster
                return
            self._kept[key] = block
            self._bytes += block.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes


def block_shape(shape: Sequence[int], piece: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of blocks: whole pieces of a movie, but neither tiny nor huge.

    Args:
        shape: Of its frames, ([z,] y, x).
        piece: What is decoded at once.
    """
    sides = zip(LEAST_BLOCK[-len(shape) :], LARGEST_BLOCK[-len(shape) :], strict=True)
    return tuple(
        min(side * -(-least // side), most, length)
        for side, (least, most), length in zip(piece, sides, shape, strict=True)
    )


def _common(a: slice, b: slice) -> slice:
    return slice(max(a.start, b.start), min(a.stop, b.stop))


def _moved(part: slice, start: int) -> slice:
    return slice(part.start - start, part.stop - start)
