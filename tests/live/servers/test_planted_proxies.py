"""A defect in a server is caught on every backend: planted by a proxy in front of the real one, which is healthy."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn

from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.history import History
from pytest_modelserve.checks.table import BY_NAME, run_check
from pytest_modelserve.client import ModelClient
from pytest_modelserve.pipeline import serve
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.settings import Settings

FLIGHTS: Final = Path(__file__).parents[3] / "example_models" / "flight_delays"
HASTE_S: Final = 15.0
BACKENDS: Final = ("builtin", "mlflow", "mlserver")
ASKED: Final = (
    BACKENDS if os.environ.get("MODELSERVE_TEST_SEEDS") else BACKENDS[:1]
)  # of the others one has to be built
MICROSECONDS: Final = re.compile(rb"(T\d\d:\d\d:\d\d\.\d{3})\d{1,6}")
DIGIT: Final = re.compile(rb"(\d\.\d{3})(\d)")
HOP: Final = frozenset({"connection", "content-length", "content-encoding", "transfer-encoding", "host"})

Change = Callable[[bytes], bytes]


def unchanged(body: bytes) -> bytes:
    return body


def on_rows(change: Callable[[list[Any]], list[Any]]) -> Change:
    """Return a change of an answer's predictions, where there are any."""

    def changed(body: bytes) -> bytes:
        try:
            document = json.loads(body)
        except ValueError:
            return body
        rows = document.get("predictions") if isinstance(document, dict) else None
        return json.dumps({"predictions": change(rows)}).encode() if isinstance(rows, list) else body

    return changed


def with_another_digit(body: bytes) -> bytes:
    return DIGIT.sub(lambda found: found[1] + str((int(found[2]) + 1) % 10).encode(), body, count=1)


DEFECTS: Final[dict[str, tuple[Change, Change]]] = {  # of requests, and of answers
    "changes_a_digit": (unchanged, with_another_digit),
    "drops_a_row": (unchanged, on_rows(lambda rows: rows[:-1])),
    "swaps_two_answers": (unchanged, on_rows(lambda rows: [*rows[1::-1], *rows[2:]])),
    "cuts_microseconds": (lambda body: MICROSECONDS.sub(rb"\1", body), unchanged),
}


class Proxy:
    """An ASGI application that hands each request on, and changes it or its answer."""

    def __init__(self) -> None:
        self.target: Callable[[], str] = str
        self.changes: tuple[Change, Change] = (unchanged, unchanged)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        to_server, to_client = self.changes
        headers = [(name, value) for name, value in scope["headers"] if name.decode() not in HOP]
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60.0) as client:
            url = self.target() + scope["raw_path"].decode()
            answer = await client.request(scope["method"], url, headers=headers, content=to_server(body))
        told = to_client(answer.content)
        kept = [pair for pair in answer.headers.raw if pair[0].decode().lower() not in HOP]
        kept.append((b"content-length", str(len(told)).encode()))
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        await send({"type": "http.response.body", "body": told})


@contextmanager
def listening(app: Proxy) -> Iterator[str]:
    """Serve an application on a free port, in a thread."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", timeout_keep_alive=120)
    server = uvicorn.Server(config)
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # by which asyncio knows to send small packets at once
    listener.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:  # the socket is bound before it listens
        thread.join(0.01)
        assert thread.is_alive()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class Behind:
    """A served model whose requests take the way through a proxy; its calls are recorded as before."""

    def __init__(self, served: Any, url: str) -> None:
        self._served = served
        self._url = url

    def __getattr__(self, name: str) -> Any:
        return getattr(self._served, name)

    def connect(self, *, timeout_s: float) -> ModelClient:
        return ModelClient(self._url, signature=self._served.model.signature, timeout_s=timeout_s)


@pytest.fixture(scope="module")
def contexts(cache_dir: Path) -> Iterator[dict[str, CheckContext]]:
    """The model on every backend."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("OMP_NUM_THREADS", "1")  # threads of three servers that wait for each other by spinning
        yield {
            name: stack.enter_context(
                serve(str(FLIGHTS), Settings(cache_dir=cache_dir, server=name, examples=20))
            ).context()
            for name in dict.fromkeys((*BACKENDS[:2], *ASKED))
        }


@pytest.fixture(scope="module")
def proxy() -> Iterator[tuple[Proxy, str]]:
    """The proxy, and where it listens."""
    app = Proxy()
    with listening(app) as url:
        yield app, url


def found_by(context: CheckContext, reference: CheckContext) -> dict[str, CheckResult]:
    return {
        "round_trip_input": run_check(context, BY_NAME["round_trip_input"], "dataframe_split"),
        "servers_agree": run_check(replace(reference, beside=(context,)), BY_NAME["servers_agree"], ""),
    }


def hasty(context: CheckContext) -> CheckContext:
    """Return the context with little time for a search, which a defect in every answer does not need to be found."""
    return replace(context, settings=replace(context.settings, budget_s=HASTE_S), history=History())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ASKED)
def test_defects_are_caught_and_the_healthy_proxy_is_not(
    name: str, contexts: dict[str, CheckContext], proxy: tuple[Proxy, str]
) -> None:
    app, url = proxy
    context, reference = contexts[name], contexts["mlflow" if name == "builtin" else "builtin"]
    app.target = lambda: context.served.server.base_url  # which is another one after a restart
    behind = replace(context, served=Behind(context.served, url))
    app.changes = (unchanged, unchanged)
    healthy = found_by(behind, reference)
    assert {check: result.outcome for check, result in healthy.items()} == dict.fromkeys(healthy, Outcome.PASSED)
    caught = {}
    for defect, app.changes in DEFECTS.items():
        results = found_by(hasty(behind), hasty(reference))
        caught[defect] = {check for check, result in results.items() if result.outcome is Outcome.FAILED}
    assert caught.pop("cuts_microseconds") >= {"round_trip_input"}
    agreement = {"servers_agree"}
    assert caught == {"changes_a_digit": agreement, "drops_a_row": agreement, "swaps_two_answers": agreement}
