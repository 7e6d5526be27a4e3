"""Progress of a long stage: a bar on a terminal, plain log lines elsewhere.

So a person sees the time left, and the log file of a batch job stays readable.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

logger = logging.getLogger(__name__)


class Progress:
    """Counts steps towards a total, as a context manager.

    Example:
        >>> with Progress(92, "propagate", "frames") as progress:
        ...     progress.step()
    """

    def __init__(
        self,
        total: int,
        what: str,
        unit: str,
        *,
        done: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock.

        Args:
            total: Number of all steps.
            what: The stage, e.g. "propagate".
            unit: Name of a step in the plural, e.g. "frames".
            done: Steps that an earlier run has done. They count in the total, but not in
                the rate: the time left would be far too short.
            stream: Shows the bar if it is a terminal; default: standard error.
            clock: Returns seconds since any moment.
        """
        self._total, self._what, self._unit = total, what, unit
        self._found = self._done = done
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._began = clock()
        self._stack = ExitStack()
        self._bar: tqdm | None = None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            # Log lines of the stages go above the bar instead of through it.
            self._stack.enter_context(logging_redirect_tqdm())
            self._bar = self._stack.enter_context(
                tqdm(
                    total=self._total,
                    initial=self._done,
                    desc=self._what,
                    unit=f" {self._unit}",
                    file=self._stream,
                    dynamic_ncols=True,
                )
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def step(self, n: int = 1, note: str = "") -> None:
        """Report n more steps as done.

        Args:
            n: Steps since the last call.
            note: Shown at the end, e.g. "41 cells".
        """
        self._done += n
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(n)
        else:
            logger.info("%s", self._line(note))

    def _line(self, note: str) -> str:
        """E.g. `propagate 12/92, 3.1 frames/s, 26 s left, 41 cells`."""
        parts = [f"{self._what} {self._done}/{self._total}"]
        seconds = self._clock() - self._began
        stepped = self._done - self._found
        if stepped > 0 and seconds > 0:
            rate = stepped / seconds
            figure = f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"  # .2g alone: 1.2e+03
            parts.append(f"{figure} {self._unit}/s")
            left = max(0, self._total - self._done) * seconds / stepped
            parts.append(f"{duration(left)} left")
        return ", ".join([*parts, note] if note else parts)


def duration(seconds: float) -> str:
    """Return a time in words: `26 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
