"""Prefetch: read frames before they are needed, and write files while the network goes on.

One thread reads and prepares the next frame, another writes results, so that the network waits
for neither. An error is raised where the frame is asked for, or when the next file is written.
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
"""Memory for frames that are asked for again; the last two are kept in any case."""
UNWRITTEN = 2
"""Pieces of work that may wait; with more, `Behind.do` waits. Each holds its arrays in memory."""


class Ahead(Generic[T]):
    """Makes each frame while the one before is processed, and keeps a few of them."""

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
        """Begin with a frame; give up another one that was begun and never asked for."""
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

    An error in a piece is raised by a later call of `do`, or at the end of the block.
    """

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="behind")
        self._waiting: deque[Future[None]] = deque()
        return self

    def do(self, work: Callable[[], None]) -> None:
        """Do some work soon; wait while too many earlier pieces are not done."""
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
