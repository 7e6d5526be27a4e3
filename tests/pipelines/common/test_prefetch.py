"""Background: what is asked for is there, in order, and no fault is lost."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from scenes.commands import PATIENCE
from scenes.drawn import DrawnReader, label_frames

from sam4ct.pipelines.common import prefetch as background
from sam4ct.pipelines.common.prefetch import UNWRITTEN, Ahead, Behind, LabelsAhead


class Maker:
    """Makes frames of their number, and notes which and in which thread."""

    def __init__(self, broken: int = -1) -> None:
        self.made: list[int] = []
        self.threads: set[int] = set()
        self._broken = broken

    def __call__(self, t: int) -> NDArray[np.int64]:
        self.made.append(t)
        self.threads.add(threading.get_ident())
        if t == self._broken:
            raise OSError(f"frame {t}")
        return np.full(4, t)


def settle(maker: Maker, count: int) -> None:
    """Wait until so many frames are made."""
    until = time.monotonic() + PATIENCE
    while len(maker.made) < count and time.monotonic() < until:
        time.sleep(0.001)


def test_frames_are_those_asked_for_in_any_order() -> None:
    ahead = Ahead(Maker(), 9)
    for t in (0, 1, 2, 1, 0, 5, 8, 6, 7, 3):
        assert ahead(t).tolist() == [t] * 4


def test_the_next_frame_is_made_while_one_is_in_work() -> None:
    maker = Maker()
    ahead = Ahead(maker, 9)
    ahead(3)
    settle(maker, 2)
    assert maker.made == [3, 4]
    assert len(maker.threads) == 1
    assert threading.get_ident() not in maker.threads


def test_nothing_is_made_beyond_the_last_frame() -> None:
    maker = Maker()
    ahead = Ahead(maker, 3)
    for t in range(3):
        ahead(t)
    assert maker.made == [0, 1, 2]


def test_a_frame_is_made_once_while_it_is_kept() -> None:
    maker = Maker()
    ahead = Ahead(maker, 5)
    for _ in range(3):
        for t in range(5):
            ahead(t)
    assert maker.made == [0, 1, 2, 3, 4]


def test_large_frames_are_kept_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "KEPT_BYTES", 0)
    maker = Maker()
    ahead = Ahead(maker, 3)
    for t in (0, 1, 2, 1, 2, 0):
        ahead(t)
    assert maker.made == [0, 1, 2, 0]


def test_of_large_frames_those_asked_for_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "KEPT_BYTES", 0)
    maker = Maker()
    ahead = Ahead(maker, 3)
    for t in (0, 1, 0, 2, 0):
        ahead(t)
    assert maker.made == [0, 1, 2]


def test_a_fault_is_raised_where_its_frame_is_asked_for() -> None:
    maker = Maker(broken=1)
    ahead = Ahead(maker, 3)
    ahead(0)
    settle(maker, 2)
    with pytest.raises(OSError, match="frame 1"):
        ahead(1)
    assert ahead(2).tolist() == [2] * 4


def test_labels_read_ahead_are_those_of_the_reader() -> None:
    reader = DrawnReader(label_frames([(10, 10)], [(20, 20)]))
    ahead = LabelsAhead(reader)
    assert (ahead.frames, ahead.shape) == (reader.frames, reader.shape)
    for t in (1, 0):
        assert np.array_equal(ahead.labels(t), reader.labels(t))
        assert np.array_equal(ahead.image(t), reader.image(t))


def test_work_is_done_in_order_and_all_of_it_when_the_block_ends() -> None:
    done: list[int] = []
    with Behind() as behind:
        for i in range(20):
            behind.do(lambda i=i: done.append(i))  # type: ignore[misc]
    assert done == list(range(20))


def test_the_one_who_gives_work_waits_while_too_much_is_left() -> None:
    gate, given = threading.Event(), []
    with Behind() as behind:

        def give() -> None:
            for i in range(UNWRITTEN + 3):
                behind.do(gate.wait)  # type: ignore[arg-type]
                given.append(i)

        giver = threading.Thread(target=give)
        giver.start()
        giver.join(0.2)
        assert giver.is_alive()
        assert len(given) == UNWRITTEN + 1
        gate.set()
        giver.join(10)
    assert len(given) == UNWRITTEN + 3


@pytest.mark.parametrize("more", [0, 10])
def test_a_fault_of_the_work_is_raised(more: int) -> None:
    def broken() -> None:
        raise OSError("disk full")

    def give() -> None:
        with Behind() as behind:
            behind.do(broken)
            for _ in range(more):
                behind.do(lambda: None)

    with pytest.raises(OSError, match="disk full"):
        give()


def test_what_was_given_is_done_even_if_the_block_fails() -> None:
    done: list[int] = []

    def give() -> None:
        with Behind() as behind:
            behind.do(lambda: time.sleep(0.05))
            behind.do(lambda: done.append(1))
            raise KeyError("unrelated")

    with pytest.raises(KeyError):
        give()
    assert done == [1]
