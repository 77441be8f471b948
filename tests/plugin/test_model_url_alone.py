"""`--model-url` without `--model-uri`: the server tells the signature, and the report says so."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from pytest_modelserve.pipeline import serve
from pytest_modelserve.settings import Settings

pytest_plugins = ["pytester"]


class Front(BaseHTTPRequestHandler):
    """Passes on what is sent, and keeps some paths for itself."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer goes in one piece: a second packet would wait 40 ms for the first
    client: httpx.Client
    target = ""
    closed: tuple[str, ...] = ()
    name = "mlflow-model"

    def do_GET(self) -> None:
        self._pass_on("GET")

    def do_HEAD(self) -> None:
        self._pass_on("HEAD")

    def do_POST(self) -> None:
        self._pass_on("POST")

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""

    def _pass_on(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.replace(f"/v2/models/{self.name}", "/v2/models/mlflow-model")
        if path == "/v2/repository/index" and "index" not in self.closed:
            self._answer(200, b'[{"name": "%s"}]' % self.name.encode())
        elif path in self.closed:
            self._answer(404, b'{"error": "nothing here"}')
        else:
            headers = {key: value for key, value in self.headers.items() if key.lower() not in {"host", "connection"}}
            answer = self.client.request(method, f"{self.target}{path}", content=body, headers=headers)
            self._answer(answer.status_code, answer.content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def in_front(target: str, closed: tuple[str, ...], name: str, host: str = "127.0.0.1") -> Iterator[str]:
    client = httpx.Client(trust_env=False)
    told = {"target": target, "closed": closed, "name": name, "client": client}
    handler = type("Handler", (Front,), told)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = type("Server", (ThreadingHTTPServer,), {"address_family": family})
    with client, kind((host, 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            named = f"[{host}]" if ":" in host else host
            yield f"http://{named}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def url(model: Any, tmp_path: Path) -> Iterator[str]:
    """Serve the model as somebody else would."""
    with serve(str(model.path), Settings(env_manager="local", cache_dir=tmp_path / "other")) as served:
        yield served.server.base_url


@pytest.fixture
def front(url: str) -> Iterator[Callable[..., str]]:
    """Return what puts a server before it that keeps some paths for itself."""
    with ExitStack() as stack:
        yield lambda *closed, name="mlflow-model", host="127.0.0.1": stack.enter_context(
            in_front(url, closed, name, host)
        )


@pytest.fixture
def ipv6_host() -> str:
    """Return the loopback of IPv6, where this machine has it."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError as error:
        pytest.skip(f"this machine has no ::1: {error}")
    return "::1"


@pytest.fixture
def ipv6(front: Callable[..., str], ipv6_host: str) -> str:
    """Return the address of the model there."""
    return front(host=ipv6_host)


REPORT = "--model-report=report.json"
CHECKS = "--model-checks=smoke,accepts_valid,matches_output_schema,rejects_invalid"


def test_our_server_tells_its_signature(run: Any, url: str) -> None:
    result = run(f"--model-url={url}", REPORT, CHECKS, "-rs")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            f"model: {url} (*), signature by GET /openapi.json, no input example; server builtin at {url}, seed *",
            f"  builtin server at {url}; its model known by GET /openapi.json alone, without an input example",
        ]
    )
    document: dict[str, Any] = run.report["models"][0]
    assert (document["uri"], document["server"]["signature_from"]) == (url, "GET /openapi.json")
    assert document["signature"].count("required") == 4
    checks = {check["name"]: check for check in document["checks"]}
    assert "predicts_input_example" not in checks
    sent = sum(check["accepted"] for check in checks.values())
    assert sent > 10
    assert document["verdict"] == "partial"  # these checks alone were asked for


def test_its_ids_can_be_pasted(run: Any, url: str) -> None:
    ids = run.collected(f"--model-url={url}", "--model-checks=smoke")
    assert f"{url}::builtin::signature_lint" in ids
    result = run(f"{url}::builtin::signature_lint", f"--model-url={url}")
    result.assert_outcomes(passed=1)


def test_an_address_of_ipv6_is_as_good(run: Any, ipv6: str) -> None:
    result = run(f"--model-url={ipv6}", REPORT, CHECKS, "-v")
    assert result.ret == 0
    assert ipv6.startswith("http://[::1]:")
    assert run.report["models"][0]["uri"] == ipv6
    ids = run.collected(f"--model-url={ipv6}", "--model-checks=smoke")
    assert f"{ipv6}::builtin::signature_lint" in ids
    (variant,) = (one for one in run.collected(f"--model-url={ipv6}") if one.endswith("[missing_column]"))
    for chosen in (variant, f"{ipv6}/::builtin::rejects_invalid[missing_column]"):
        run(chosen, f"--model-url={ipv6}").assert_outcomes(passed=1)
    run(variant.rpartition("[")[0], f"--model-url={ipv6}", "--collect-only", "-q").stdout.fnmatch_lines(
        ["*rejects_invalid[[]missing_column]*"]
    )


def test_a_failure_at_an_address_of_ipv6_can_be_repeated(
    run: Any, make_model: Any, tmp_path: Path, ipv6_host: str
) -> None:
    make_model("other", outputs=[{"name": "z", "type": "double", "required": True}])
    with (
        serve("other", Settings(env_manager="local", cache_dir=tmp_path / "another")) as served,
        in_front(served.server.base_url, (), "mlflow-model", ipv6_host) as url,
    ):
        run(f"--model-url={url}", REPORT, "--model-checks=matches_output_schema").assert_outcomes(failed=1)
        (failed,) = (check["failure"] for check in run.report["models"][0]["checks"] if check["failure"])
        run("--lf", f"--model-url={url}", "--model-checks=matches_output_schema").assert_outcomes(failed=1)
    assert f"--globoff '{url}/invocations'" in failed["text"]
    assert f"pytest '{url}::builtin::matches_output_schema'" in failed["text"]


def test_the_metadata_of_v2_tell_it_too(run: Any, front: Any) -> None:
    url = front("/openapi.json", name="churn")
    result = run(f"--model-url={url}", REPORT, CHECKS)
    assert result.ret == 0
    document: dict[str, Any] = run.report["models"][0]
    assert document["server"]["signature_from"] == "GET /v2/models/churn"
    assert "'flag': boolean (optional)" in document["signature"]


@pytest.mark.parametrize(
    ("closed", "more", "tried"),
    [
        (
            ("/openapi.json", "/v2/models/mlflow-model"),
            (),
            ["*GET /openapi.json*answered 404*", "*GET /v2/models/churn*answered 404*"],
        ),
        (("/openapi.json",), ("--model-v2-name=other",), ["*GET /v2/models/other*answered 404*"]),
    ],
)
def test_a_server_that_does_not_tell_is_told_with_what_was_tried(
    closed: tuple[str, ...], more: tuple[str, ...], tried: list[str], run: Any, front: Any
) -> None:
    url = front(*closed, name="churn")
    result = run(f"--model-url={url}", "--model-checks=smoke", *more)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            f"model: {url}: the server at {url} does not tell the signature of its model",
            *tried,
            "*Name the model by --model-uri*",
        ]
    )


def test_a_failure_is_repeated_at_the_server(run: Any, make_model: Any, tmp_path: Path) -> None:
    make_model("other", outputs=[{"name": "z", "type": "double", "required": True}])
    with serve("other", Settings(env_manager="local", cache_dir=tmp_path / "another")) as served:
        url = served.server.base_url
        result = run(f"--model-url={url}", REPORT, "--model-checks=matches_output_schema")
    assert result.ret == 1
    (failed,) = (check["failure"] for check in run.report["models"][0]["checks"] if check["failure"])
    assert "modelserve serve" not in failed["text"]
    assert f"{url}/invocations" in failed["text"]
    assert f"pytest {url}::builtin::matches_output_schema" in failed["text"].replace("'", "")


def test_tests_of_ones_own_take_it(run: Any, pytester: pytest.Pytester, url: str) -> None:
    pytester.makepyfile(
        """
        def test_it(model_client, model_signature, model_uri):
            assert model_client.predict({"n": [3], "x": [0.5], "word": ["a"]}).to_list() == [{"y": 3.0}]
            assert len(model_signature.inputs.columns) == 4
        """
    )
    run("test_tests_of_ones_own_take_it.py", f"--model-url={url}").assert_outcomes(passed=1)


def test_a_password_in_the_address_is_shown_nowhere(run: Any, url: str) -> None:
    secret = url.replace("//", "//me:s3cr3t@")
    result = run(f"--model-url={secret}", REPORT, "--model-checks=smoke")
    assert result.ret == 0
    assert "s3cr3t" not in f"{result.stdout.str()}{result.stderr.str()}{run.report_path.read_text()}"
    assert run.report["models"][0]["uri"] == url.replace("//", "//***@")
