"""The guards that conftest puts around every test do guard."""

from __future__ import annotations

import socket

import pytest


def test_a_test_cannot_reach_another_machine() -> None:
    # 192.0.2.1 is reserved for documentation: nobody has it.
    with pytest.raises(OSError, match="a test tried to reach"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_a_test_can_reach_its_own_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
