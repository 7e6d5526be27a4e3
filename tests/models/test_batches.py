"""Batches: all items once and in order, in smaller pieces when memory runs out."""

from __future__ import annotations

import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scenes.commands import PATIENCE

from sam4ct.models.batches import Batches, Prepared


def too_many(most: int, part: range) -> range:
    """A device with room for some items."""
    if len(part) > most:
        raise torch.OutOfMemoryError("drawn")
    return part


@given(st.integers(0, 50), st.integers(1, 20))
def test_every_item_is_done_once_and_in_order(count: int, size: int) -> None:
    batches = Batches(size).run(count, list)
    assert [item for batch in batches for item in batch] == list(range(count))
    assert all(len(batch) == size for batch in batches[:-1])


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 20))
def test_batches_are_halved_until_they_fit(count: int, size: int, most: int) -> None:
    batches = Batches(size)
    done = batches.run(count, lambda part: too_many(most, part))
    assert [item for batch in done for item in batch] == list(range(count))
    assert max(map(len, done)) <= most
    assert batches.size == size >> batches.halved


def test_a_halved_batch_stays_halved() -> None:
    batches = Batches(8)
    batches.run(8, lambda part: too_many(4, part))
    assert [len(batch) for batch in batches.run(10, list)] == [4, 4, 2]
    assert batches.halved == 1


def test_a_single_item_that_does_not_fit_is_the_callers_problem() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        Batches(8).run(3, lambda part: too_many(0, part))


def test_other_faults_are_passed_on_at_once() -> None:
    def broken(part: range) -> None:
        raise RuntimeError("broken")

    batches = Batches(8)
    with pytest.raises(RuntimeError, match="broken"):
        batches.run(3, broken)
    assert batches.size == 8


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 items"):
        Batches(0)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 20))
def test_what_was_prepared_is_that_of_the_batch_even_if_it_is_halved(
    count: int, size: int, most: int
) -> None:
    with Prepared(list, count) as prepared:

        def work(part: range) -> list[int]:
            items = prepared(part)
            too_many(most, part)
            return items

        done = Batches(size).run(count, work)
    assert [item for batch in done for item in batch] == list(range(count))


def test_the_next_batch_is_prepared_meanwhile_and_once() -> None:
    begun, next_is_there = [], threading.Event()

    def make(part: range) -> range:
        begun.append(part)
        if part.start:
            next_is_there.set()
        return part

    def work(part: range) -> range:
        items = prepared(part)
        if part.start == 0:
            assert next_is_there.wait(timeout=PATIENCE)
        return items

    with Prepared(make, 5) as prepared:
        assert Batches(2).run(5, work) == [range(0, 2), range(2, 4), range(4, 5)]
    assert begun == [range(0, 2), range(2, 4), range(4, 5)]


def test_what_preparing_raises_is_raised_where_it_is_asked_for() -> None:
    def make(part: range) -> range:
        if part.start == 2:
            raise ValueError("broken")
        return part

    with Prepared(make, 4) as prepared:
        assert prepared(range(2)) == range(2)
        with pytest.raises(ValueError, match="broken"):
            prepared(range(2, 4))
