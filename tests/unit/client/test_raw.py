"""Bytes go over a socket as they are, and what comes back is read to the end of one answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pytest_modelserve.client.bare import BareConnection
from pytest_modelserve.client.raw import After, RawRequest, held, send_raw

Listen = Callable[[Callable[[socket.socket], None]], str]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Serve connections one after the other by a function."""
    listeners: list[tuple[socket.socket, threading.Thread]] = []

    def start(serve: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        listeners.append((listener, thread))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener, thread in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_chunks_are_sent_with_pauses_and_the_answer_is_read(listen: Listen) -> None:
    parts: list[tuple[float, bytes]] = []

    def serve(connection: socket.socket) -> None:
        while sum(len(part) for _, part in parts) < 6:
            part = connection.recv(100)
            parts.append((time.monotonic(), part))
        connection.sendall(OK)

    reply = send_raw(listen(serve), RawRequest(chunks=(b"one", b"two"), pause_s=0.05), timeout_s=5)
    assert (reply.status, reply.data, reply.is_late) == (200, OK, False)
    assert [part for _, part in parts] == [b"one", b"two"]
    assert parts[1][0] - parts[0][0] >= 0.04


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (OK, 200),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200),
        (b"HTTP/1.0 413 Too Large\r\n\r\nno length, then the end", 413),
        (b"", None),
        (b"SSH-2.0-OpenSSH\r\n", None),
        (b"HTTP/1.1 abc\r\n\r\n", None),
    ],
)
def test_the_status_is_that_of_the_first_answer(answer: bytes, status: int | None, listen: Listen) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(answer)

    reply = send_raw(listen(serve), RawRequest(chunks=(b"x",)), timeout_s=5)
    assert (reply.status, reply.data, reply.is_late) == (status, answer, False)


def test_silence_is_late(listen: Listen) -> None:
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        over.wait(5)

    reply = send_raw(listen(serve), RawRequest(chunks=(b"x",)), timeout_s=0.1)
    over.set()
    assert (reply.status, reply.is_late) == (None, True)


def test_the_end_of_what_is_sent_can_be_told(listen: Listen) -> None:
    def serve(connection: socket.socket) -> None:
        while connection.recv(100):
            pass
        connection.sendall(OK)

    assert send_raw(listen(serve), RawRequest(chunks=(b"x",), after=After.FINISH), timeout_s=5).status == 200


def test_a_client_can_vanish(listen: Listen) -> None:
    ends: list[object] = []
    seen = threading.Event()

    def serve(connection: socket.socket) -> None:
        try:
            while part := connection.recv(100):
                ends.append(part)
            ends.append("closed")
        except ConnectionResetError:
            ends.append("reset")
        seen.set()

    reply = send_raw(listen(serve), RawRequest(chunks=(b"x",), after=After.RESET), timeout_s=5)
    assert seen.wait(5)
    assert (ends[-1], reply.status, reply.is_late) == ("reset", None, False)


def test_a_server_that_closes_early_is_heard(listen: Listen) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    chunks = (b"x" * (1 << 20),) * 4
    assert send_raw(listen(serve), RawRequest(chunks=chunks), timeout_s=5).status == 413


def test_nobody_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        send_raw(f"http://127.0.0.1:{port}", RawRequest(chunks=(b"x",)), timeout_s=1)


def test_a_connection_is_held_open(listen: Listen) -> None:
    parts: list[bytes] = []
    got, over = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        while part := connection.recv(100):
            parts.append(part)
            got.set()
        over.set()

    with held(listen(serve), b"half", timeout_s=5):
        assert got.wait(5)
        assert not over.is_set()
    assert over.wait(5)
    assert parts == [b"half"]


def test_a_bare_connection_keeps_open_and_comes_back_after_a_loss(listen: Listen) -> None:
    heads: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        for _ in range(2):
            data = b""
            while not data.endswith(b"body"):
                part = connection.recv(1000)
                if not part:
                    return
                data += part
            heads.append(data)
            connection.sendall(OK)

    with BareConnection(f"{listen(serve)}/prefix", b"body", "text/csv", timeout_s=5) as connection:
        found = [connection.send() for _ in range(5)]
    assert found == [200, 200, None, 200, 200]  # the third found its connection closed
    assert len(heads) == 4
    first = heads[0].lower()
    assert first.startswith(b"post /prefix/invocations http/1.1")
    assert b"content-type: text/csv" in first
    assert b"x-modelserve" not in first
