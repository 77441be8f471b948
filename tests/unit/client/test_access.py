"""A server that is not ours is reached with what it asks for, and no more often than was said."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import httpx
import pytest

from pytest_modelserve.client import AsyncModelClient, ModelClient
from pytest_modelserve.client.access import Access, AsyncPacedTransport, Pace, PacedTransport, bearer
from pytest_modelserve.errors import SettingError

from .conftest import EchoServer


@pytest.mark.parametrize(
    ("rate", "asked_at", "waits"),
    [
        (None, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        (2.0, (0.0, 0.0, 0.0), (0.0, 0.5, 1.0)),
        (2.0, (0.0, 0.4, 3.0), (0.0, 0.1, 0.0)),
        (0.5, (10.0, 11.0), (0.0, 1.0)),
    ],
)
def test_requests_wait_for_their_turn(
    rate: float | None, asked_at: tuple[float, ...], waits: tuple[float, ...]
) -> None:
    pace = Pace(rate)
    assert [pace.wait_s(at) for at in asked_at] == pytest.approx(waits)


def test_both_clients_keep_the_pace(echo: EchoServer) -> None:
    access = Access(rate=20.0)
    started = time.monotonic()
    with ModelClient(echo.url, transport=access.transport()) as client:
        assert [client.send(b"{}").status for _ in range(5)] == [200] * 5
    assert time.monotonic() - started >= 4 / 20

    async def ask() -> list[int | None]:
        async with AsyncModelClient(echo.url, transport=access.async_transport()) as client:
            return [(await client.send(b"{}")).status for _ in range(5)]

    started = time.monotonic()
    assert asyncio.run(ask()) == [200] * 5
    assert time.monotonic() - started >= 4 / 20


def test_nothing_is_sent_twice() -> None:
    asked = []

    def lose(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("lost")

    with ModelClient("http://127.0.0.1:1", transport=PacedTransport(httpx.MockTransport(lose), Pace(None))) as client:
        assert client.send(b"{}").error is not None
    assert len(asked) == 1

    async def ask() -> None:
        transport = AsyncPacedTransport(httpx.MockTransport(lose), Pace(None))
        async with AsyncModelClient("http://127.0.0.1:1", transport=transport) as client:
            assert (await client.send(b"{}")).error is not None

    asyncio.run(ask())
    assert len(asked) == 2


def test_a_token_comes_from_the_environment_and_is_never_shown(echo: EchoServer) -> None:
    access = Access(headers=bearer({"TOKEN": " secret\n"}, "TOKEN"))
    assert "secret" not in repr(access)
    with ModelClient(echo.url, headers=access.headers, transport=access.transport()) as client:
        curl = client.send(b"{}").as_curl()
    assert echo.received[0].headers["authorization"] == "Bearer secret"
    assert "secret" not in curl


@pytest.mark.parametrize("environ", [{}, {"TOKEN": ""}, {"TOKEN": "  "}])
def test_a_token_that_is_not_there_is_an_error(environ: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="'TOKEN', which is to hold the bearer token, is not set"):
        bearer(environ, "TOKEN")


def test_certificates_are_verified_unless_the_user_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(httpx, "HTTPTransport", lambda *, verify: seen.append(verify))
    file = tmp_path / "ca.pem"
    file.write_text(ssl.DER_cert_to_PEM_cert(ssl.create_default_context().get_ca_certs(binary_form=True)[0]))
    for access in (Access(), Access(is_insecure=True), Access(ca_file=file)):
        access.transport()
    assert seen[:2] == [True, False]
    assert isinstance(seen[2], ssl.SSLContext)
    assert len(seen[2].get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_an_error(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingError, match="the certificates cannot be read"):
        Access(ca_file=file).transport()
