"""The curl line, run by real shells and real curl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_modelserve.client import Invocation, ModelClient
from pytest_modelserve.client.curl import as_curl, moved

if TYPE_CHECKING:
    from .conftest import EchoServer

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

_NASTY = {
    "plain": b'{"inputs": [1]}',
    "quotes": b'it\'s "quoted" `and` $HOME \\n !!',
    "newlines": b'"a","b"\n1,2\n',
    "carriage": b"a\r\n\tb",
    "nul": b"a\x00b\x001",
    "not utf-8": b"\xff\xfe{}",
    "unicode": '{"x": "é😀"}'.encode(),
    "invisible": '{"x": "\u200b\u202e"}'.encode(),
    "at": b"@/etc/passwd",
    "dash": b"-n\0",
    "percent": b"%s%n\0%d",
    "empty": b"",
    "all bytes": bytes(range(256)),
    "long": b'{"x": "' + b"y" * 5000 + b'"}',
    "longer than an argument": b"z" * 200_000,
    "padded": b'{"x": 1}' + b" " * 200_000,
    "padded with what a shell reads": b"\0%s" + b"'" * 5000,
}


def _run(shell: str, line: str) -> None:
    subprocess.run([shell, "-c", line], check=True, capture_output=True, timeout=30)


@needs_curl
@pytest.mark.parametrize("with_file", [False, True], ids=["line", "file"])
@pytest.mark.parametrize("body", _NASTY.values(), ids=_NASTY)
def test_curl_sends_the_same_bytes(echo: EchoServer, tmp_path: Path, body: bytes, with_file: bool) -> None:
    body_file = tmp_path / "the body's file.bin" if with_file else None
    if body_file is not None:
        body_file.write_bytes(body)
    with ModelClient(echo.url) as client:
        invocation = client.send(body, {"Content-Type": "application/json; charset=utf-8"})

    line = invocation.as_curl(body_file=body_file)
    for shell in ("bash", "sh"):
        if len(line) < 100_000 or "printf" not in line:  # `-c` itself is one argument
            _run(shell, line)
        else:
            script = tmp_path / "script"
            script.write_text(line)
            subprocess.run([shell, str(script)], check=True, capture_output=True, timeout=30)

    ours, *theirs = echo.received
    assert [one.body == body for one in (ours, *theirs)] == [True, True, True]
    assert {(one.method, one.path, one.headers["content-type"]) for one in (ours, *theirs)} == {
        ("POST", "/invocations", "application/json; charset=utf-8")
    }


def test_the_padding_of_a_huge_body_is_counted() -> None:
    line = as_curl("POST", "http://127.0.0.1:1/invocations", {}, b"{}" + b" " * (64 << 20))
    assert "head -c 67108864 /dev/zero | tr '\\0' '\\040'" in line
    assert len(line) < 300


@needs_curl
@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("GET", "/ping", {}, b""),
        ("HEAD", "/health", {}, b""),
        ("PUT", "/invocations", {}, b"x"),
        ("DELETE", "/invocations", {}, b""),
        ("GET", "/invocations", {}, b"x"),
        ("POST", "/a/../b?x=[1]&y={2}", {}, b"x"),
        ("POST", "/invocations", {}, b"x"),
        ("POST", "/invocations", {"Content-Type": ""}, b"x"),
        ("POST", "/invocations", {"Content-Type": 'it\'s; a="b"'}, b"x"),
    ],
)
def test_curl_repeats_method_path_and_content_type(
    echo: EchoServer, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    with ModelClient(echo.url) as client:
        invocation = client.send(body, headers, method=method, path=path)
    _run("bash", invocation.as_curl())

    ours, theirs = echo.received
    assert (theirs.method, theirs.path, theirs.body) == (ours.method, ours.path, ours.body)
    assert theirs.headers.get("content-type") == ours.headers.get("content-type")


def _line(invocation_body: bytes, **headers: str) -> str:
    return as_curl("POST", "http://user:pw@host:1/invocations", headers, invocation_body)


def test_secrets_are_masked() -> None:
    line = _line(b"{}", **{"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "Cookie": "s3cret", "X-Trace": "t"})

    assert "s3cret" not in line
    assert "pw" not in line
    assert "'Authorization: ***'" in line
    assert "'X-Trace: t'" in line


def test_another_server_takes_the_place_of_the_first() -> None:
    line = as_curl("POST", "http://127.0.0.1:41234/invocations", {}, b"{}", base_url="http://127.0.0.1:5000/")

    assert "http://127.0.0.1:5000/invocations" in line
    assert "41234" not in line


@pytest.mark.parametrize(
    ("path", "other", "words"),
    [
        ("/ping", "http://h:8080", "curl -sS http://h:8080/ping"),
        ("/ping", "http://h:8080/", "curl -sS http://h:8080/ping"),
        ("/ping", "http://[::1]:8080", "curl -sS --globoff 'http://[::1]:8080/ping'"),
        ("/v2/models/a&b", "http://h:8080", "curl -sS 'http://h:8080/v2/models/a&b'"),
        ("/a[1]", "http://[::1]:8080/x", "curl -sS --globoff 'http://[::1]:8080/x/a[1]'"),
        ("/a/../b", "http://[::1]:8080", "curl -sS --path-as-is --globoff 'http://[::1]:8080/a/../b'"),
    ],
)
def test_a_line_goes_to_another_server_instead(path: str, other: str, words: str) -> None:
    line = as_curl("GET", f"http://127.0.0.1:5001{path}", {"X-A": "1"}, b"")
    assert moved(line, "http://127.0.0.1:5001", other) == f"{words} -H 'X-A: 1'"
    assert moved(line, "http://127.0.0.1:5002", other) == line


def test_short_text_stands_in_the_line_and_the_id_does_not(echo: EchoServer, tmp_path: Path) -> None:
    with ModelClient(echo.url) as client:
        invocation: Invocation = client.send(b'{"inputs": [1]}', {"Content-Type": "application/json"})

    assert invocation.as_curl(body_file=tmp_path / "x") == (
        f"curl -sS {echo.url}/invocations -H 'Content-Type: application/json' --data-binary '{{\"inputs\": [1]}}'"
    )
