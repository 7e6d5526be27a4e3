"""A stopwatch for the parts of a run: how long the main thread is in each of them.

The functions of the product are wrapped where they are looked up, for the time of a
measurement only. Time in a function that is called by another one counts as the inner
one's part alone, so the parts add up to the whole. What other threads do at the same
time counts only as far as the main thread waits for it.
"""

from __future__ import annotations

import functools
import importlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

ENCODER, SAM2, WINDOWS = "encoder", "SAM 2, other", "windows"
COMPARE, ASSOCIATE, READ, WRITE, REPORT = "compare", "associate", "read", "write", "report"
OTHER = "other"
PARTS = (ENCODER, SAM2, WINDOWS, COMPARE, ASSOCIATE, READ, WRITE, REPORT, OTHER)

WRAPPED = {
    "sam4ct.models.sam2.engine:encode": ENCODER,
    "sam4ct.models.sam2.network:self_attended": SAM2,
    "sam4ct.models.sam2.engine:remember": SAM2,
    "sam4ct.models.sam2.engine:remember_points": SAM2,
    "sam4ct.models.sam2.engine:recall": SAM2,
    "sam4ct.models.sam2.engine:Sam2Propagator.propagate": WINDOWS,
    "sam4ct.pipelines.link.propagate:regions_of": COMPARE,
    "sam4ct.pipelines.link.propagate:Propagations.between": COMPARE,
    "sam4ct.pipelines.link.run:repair": ASSOCIATE,
    "sam4ct.pipelines.link.run:associate": ASSOCIATE,
    "sam4ct.pipelines.link.run:generate": ASSOCIATE,
    "sam4ct.pipelines.link.plan:survey": READ,
    "sam4ct.pipelines.common.prefetch:Ahead.__call__": READ,
    "sam4ct.pipelines.common.prefetch:Behind.do": WRITE,
    "sam4ct.pipelines.common.prefetch:Behind.__exit__": WRITE,
    "sam4ct.pipelines.link.run:fill": WRITE,
    "sam4ct.pipelines.link.run:finish": WRITE,
    "sam4ct.pipelines.link.run:write_report": REPORT,
}
"""Where a function is looked up, and the part that its time belongs to."""


class Stopwatch:
    """Seconds of the main thread by part."""

    def __init__(self, settle: Callable[[], object] = lambda: None) -> None:
        """Args:
        settle: Waits until the device has done what it was asked for.
        """
        self.seconds: Counter[str] = Counter()
        self._settle = settle
        self._parts = [OTHER]
        self._since = time.perf_counter()

    def _turn(self) -> None:
        """Enter the time so far under the part that is going on."""
        self._settle()
        now = time.perf_counter()
        self.seconds[self._parts[-1]] += now - self._since
        self._since = now

    def wrapped(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return a function that does the same, and whose time counts as a part's."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return function(*args, **kwargs)
            self._turn()
            self._parts.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                self._turn()
                self._parts.pop()

        return timed

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure while the block runs."""
        with ExitStack() as stack:
            for place, part in WRAPPED.items():
                module, _, name = place.partition(":")
                *owners, last = name.split(".")
                owner: Any = importlib.import_module(module)
                for step in owners:
                    owner = getattr(owner, step)
                timed = self.wrapped(getattr(owner, last), part)
                stack.enter_context(mock.patch.object(owner, last, timed))
            self._since = time.perf_counter()
            yield
            self._turn()
