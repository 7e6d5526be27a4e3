"""Background: frames are read before they are asked for, and files written after they are made.

So a network does not wait for a disk, nor for what is done to a frame before it is seen, and to
what was found in it afterwards. One
thread each; what it raises is raised where the frame is asked for, or the next file written.
Nothing here knows what is read or written.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from numpy.typing import NDArray

from sam4ct.regions import LabelFrame
from sam4ct.stages.readers import Relabelled
from sam4ct.types import FrameReader

T = TypeVar("T", bound=NDArray[Any])

KEPT_BYTES = 1 << 28
"""For frames that are asked for again; the last two are kept in any case, and what is in work."""
UNWRITTEN = 2
"""Pieces of work that may wait before the next one is waited for; what they work on is held."""


class Ahead(Generic[T]):
    """Makes frames, each while the one before is in work, and keeps a few."""

    def __init__(self, make: Callable[[int], T], frames: int) -> None:
        """Args:
        make: Returns the array of a frame; called in another thread.
        frames: Length of the sequence.
        """
        self._make, self._frames = make, frames
        # Its thread ends when this object does.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._next: dict[int, Future[T]] = {}
        self._kept: OrderedDict[int, T] = OrderedDict()
        """By frame, the least recently asked first."""

    def __call__(self, t: int) -> T:
        """Return the array of a frame, and begin with the next one.

        Raises:
            Exception: What `make` raises for this frame.
        """
        if t not in self._kept:
            # Submitted even if it is waited for at once: frames are made by one thread alone.
            future = self._next.pop(t, None) or self._pool.submit(self._make, t)
            self._kept[t] = future.result()
            self._begin(t + 1)
        self._kept.move_to_end(t)
        self._shrink()
        return self._kept[t]

    def _begin(self, t: int) -> None:
        """Begin with a frame; one that was not asked for after all is given up."""
        if t >= self._frames or t in self._kept or t in self._next:
            return
        for future in self._next.values():
            future.cancel()
        self._next = {t: self._pool.submit(self._make, t)}

    def _shrink(self) -> None:
        used = sum(frame.nbytes for frame in self._kept.values())
        while used > KEPT_BYTES and len(self._kept) > 2:
            used -= self._kept.popitem(last=False)[1].nbytes


class LabelsAhead(Relabelled):
    """A `FrameReader` whose masks are read ahead and kept for a while."""

    def __init__(self, reader: FrameReader) -> None:
        super().__init__(reader)
        self._labels: Ahead[LabelFrame] = Ahead(reader.labels, reader.frames)

    def labels(self, t: int) -> LabelFrame:
        """The masks of a frame; not to be changed."""
        return self._labels(t)


class Behind:
    """Does work in another thread, piece by piece in order; all is done when the block ends.

    What a piece raises is raised by a later one, or at the end of the block.
    """

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="behind")
        self._waiting: deque[Future[None]] = deque()
        return self

    def do(self, work: Callable[[], None]) -> None:
        """Do some work soon; waits while too much is left of what was given before."""
        while len(self._waiting) > UNWRITTEN:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(work))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown()
        if error is None:
            for future in self._waiting:
                future.result()
