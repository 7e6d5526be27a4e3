"""Threads: the same comes out however many there are."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from scenes.commands import PATIENCE

from sam4ct.runtime import parallel as threads
from sam4ct.runtime.parallel import each, in_stretches, processors
from sam4ct.tables import Ints


@pytest.mark.parametrize("available", [1, 2, 64])
def test_results_come_in_the_order_of_the_pieces(
    available: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "processors", lambda: available)
    together = threading.Barrier(min(available, threads.MOST))

    def late_first(piece: int) -> int:
        # Broken after a while unless so many pieces are in work at a time.
        together.wait(timeout=PATIENCE)
        time.sleep(0.01 * (3 - piece))
        return piece**2

    assert each(late_first, range(4)) == [0, 1, 4, 9]


def test_nothing_is_made_of_nothing() -> None:
    assert each(str, []) == []


@pytest.mark.parametrize("available", [1, 2])
def test_what_a_piece_raises_is_raised_and_the_rest_is_left(
    available: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "processors", lambda: available)
    begun = []

    def broken(piece: int) -> None:
        begun.append(piece)
        time.sleep(0.01)
        raise ValueError(f"piece {piece}")

    with pytest.raises(ValueError, match="piece 0"):
        each(broken, range(50))
    assert len(begun) < 10


def test_there_is_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processors() >= 1
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    assert processors() >= 1


@pytest.mark.parametrize("count", [0, 1, 4, 5, 12])
def test_numbers_are_worked_on_in_stretches_and_come_in_order(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "STRETCH", 4)
    asked = []

    def squares(some: slice) -> Ints:
        asked.append((some.start, some.stop))
        return np.arange(some.start, some.stop) ** 2

    assert in_stretches(squares, count).tolist() == [n**2 for n in range(count)]
    assert max(stop - start for start, stop in asked) <= 4
