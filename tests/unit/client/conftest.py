"""Servers on 127.0.0.1 that the tests of the client talk to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass(frozen=True)
class Received:
    """A request as the server read it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int]


@dataclass(frozen=True)
class EchoServer:
    """A server that keeps what it gets and answers what it is told."""

    url: str
    received: list[Received]
    answers: dict[str, tuple[int, bytes]]


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    received: list[Received] = []
    answers: dict[str, tuple[int, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: the client would acknowledge the first 40 ms late

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.append(Received(self.command, self.path, headers, body, self.client_address))
            status, content = answers.get(self.path, (200, b'{"predictions": [1, 2]}'))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815 # names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the overridden name
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield EchoServer(url=f"http://127.0.0.1:{server.server_port}", received=received, answers=answers)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start servers that hand each accepted connection to a function; return their URL."""
    with ExitStack() as closing:

        def start(converse: Callable[[socket.socket], None]) -> str:
            listener = socket.create_server(("127.0.0.1", 0))
            threads: list[threading.Thread] = []

            def serve() -> None:
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:  # the listener was shut down: the test is over
                        return
                    thread = threading.Thread(target=talk, args=(connection,), daemon=True)
                    threads.append(thread)
                    thread.start()

            def talk(connection: socket.socket) -> None:
                with connection:
                    try:
                        converse(connection)
                    except OSError:  # the client hung up in the middle, as some tests want
                        return

            accepting = threading.Thread(target=serve, daemon=True)
            accepting.start()

            def stop() -> None:
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()
                accepting.join()
                for thread in threads:
                    thread.join(timeout=5)

            closing.callback(stop)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start
