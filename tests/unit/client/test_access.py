"""A server that is not ours is reached with what it asks for, and no more often than was said."""

from __future__ import annotations

import asyncio
import ssl
import time
import traceback
from pathlib import Path

import pytest

from pytest_modelserve.client import AsyncModelClient, Invocation, ModelClient
from pytest_modelserve.client.access import Access, Pace, bearer
from pytest_modelserve.errors import RequestError, SettingError

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


def test_all_clients_together_keep_the_pace(echo: EchoServer) -> None:
    access = Access(pace=Pace(20.0))
    started = time.monotonic()
    with ModelClient.reaching(echo.url, access) as one, ModelClient.reaching(echo.url, access) as other:
        invocations = [client.send(b"{}") for client in (one, other, one)]

    async def ask() -> list[Invocation]:
        async with AsyncModelClient.reaching(echo.url, access) as client:
            return [await client.send(b"{}") for _ in range(2)]

    invocations += asyncio.run(ask())
    assert [invocation.status for invocation in invocations] == [200] * 5
    assert time.monotonic() - started >= 4 / 20


def test_the_wait_is_no_time_of_the_server(echo: EchoServer) -> None:
    with ModelClient.reaching(echo.url, Access(pace=Pace(2.0)), timeout_s=0.3) as client:
        for _ in range(3):
            invocation = client.send(b"{}")
            assert (invocation.status, invocation.error) == (200, None)
            assert invocation.elapsed_s < 0.3


def test_a_token_comes_from_the_environment_and_is_never_shown(echo: EchoServer) -> None:
    access = Access(headers={"X-Key-Of-Ours": "own secret", **bearer({"TOKEN": " secret\n"}, "TOKEN")})
    with ModelClient.reaching(echo.url, access) as client:
        invocation = client.send(b"{}", {"X-Case": "shown"})
    assert echo.received[0].headers["authorization"] == "Bearer secret"
    assert echo.received[0].headers["x-key-of-ours"] == "own secret"
    assert invocation.request.headers["X-Case"] == "shown"
    for text in (repr(access), repr(invocation), invocation.as_curl()):
        assert "secret" not in text


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://me:s3cr3t@127.0.0.1:1", {}),
        ("htp://me:s3cr3t@h", {}),
        ("me:s3cr3t@h:80", {}),
        ("http://me:s3cr3t@[::1", {}),
        ("http://127.0.0.1:1", {"X-Key": "s3cr3t\ns3cr3t"}),
    ],
)
def test_no_error_shows_a_secret(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(RequestError) as error, ModelClient.reaching(url, Access(headers=headers)) as client:
        client.send(b"{}").json()
    shown = "".join(traceback.format_exception(error.value))
    assert "s3cr3t" not in shown


@pytest.mark.parametrize("environ", [{}, {"TOKEN": ""}, {"TOKEN": "  "}])
def test_a_token_that_is_not_there_is_an_error(environ: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="'TOKEN', which is to hold the bearer token, is not set"):
        bearer(environ, "TOKEN")


def test_a_token_of_two_lines_is_an_error() -> None:
    with pytest.raises(SettingError, match="holds more than one line") as error:
        bearer({"TOKEN": "secret\nsecret"}, "TOKEN")
    assert "secret" not in str(error.value)


def test_certificates_are_verified_unless_one_says_otherwise(tmp_path: Path) -> None:
    assert Access().verify() is True
    assert Access(is_insecure=True).verify() is False
    file = tmp_path / "ca.pem"
    file.write_text(ssl.DER_cert_to_PEM_cert(ssl.create_default_context().get_ca_certs(binary_form=True)[0]))
    found = Access(ca_file=file).verify()
    assert isinstance(found, ssl.SSLContext)
    assert len(found.get_ca_certs()) == 1
    with pytest.raises(SettingError, match="the certificates cannot be read"):
        ModelClient.reaching("https://h", Access(ca_file=tmp_path / "none.pem"))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_an_error(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingError, match="the certificates cannot be read"):
        Access(ca_file=file).verify()


def test_the_login_of_a_url_is_sent_by_both_clients(echo: EchoServer) -> None:
    url = echo.url.replace("http://", "http://ann:open@")
    with ModelClient(url) as client:
        client.send(b"{}")

    async def ask() -> None:
        async with AsyncModelClient(url) as client:
            await client.send(b"{}")

    asyncio.run(ask())
    assert [request.headers["authorization"] for request in echo.received] == ["Basic YW5uOm9wZW4="] * 2
