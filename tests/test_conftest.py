"""The guards that conftest puts around every test do guard."""

from __future__ import annotations

import socket
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import shuffle


def test_a_test_cannot_reach_another_machine() -> None:
    # 192.0.2.1 is reserved for documentation: nobody has it.
    with pytest.raises(OSError, match="a test tried to reach"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_a_test_can_reach_its_own_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_tests_are_shuffled_by_a_seed_but_those_of_a_file_stay_together() -> None:
    tests = [SimpleNamespace(path=Path(f), name=n) for f in "abcde" for n in range(9)]
    orders = []
    for seed in (1, 1, 2):
        items = list(tests)
        shuffle(items, seed)
        assert sorted(items, key=tests.index) == tests != items
        assert sum(a.path != b.path for a, b in pairwise(items)) == 4
        orders.append(items)
    assert orders[0] == orders[1] != orders[2]
