"""A server is healthy when it says so in time, and in no other case."""

from __future__ import annotations

import socket

import pytest

from pytest_modelserve.server.readiness import answers_health


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_a_closed_port_is_not_healthy(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert not answers_health(port, "/ping", 5)


def test_silence_is_not_healthy(listener: socket.socket) -> None:
    with listener:
        assert not answers_health(listener.getsockname()[1], "/ping", 0.05)
