"""The HTTP side: status pages, one body for every error, and what comes of a worker that raises, dies or hangs."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from pytest_modelserve.runtime.frames import (
    ExceptionRecord,
    OpaqueValue,
    Raised,
    TreeError,
    Unencodable,
)
from pytest_modelserve.scoring.app import create_app
from pytest_modelserve.scoring.errors import ErrorCode, ScoringError
from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.prediction import ModelSlot
from pytest_modelserve.scoring.worker_link import WorkerDied, WorkerTimeout
from pytest_modelserve.scoring.worker_process import WorkerDeath
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

VALID = '{"inputs": [1]}'
SECRET = "/srv/secret/path"
RAISED = ExceptionRecord(
    "KeyError", "builtins", ("KeyError", "LookupError"), f"{SECRET} x", f'Traceback: File "{SECRET}"', False, None
)
GONE = WorkerDeath(exit_code=None, signal_name="SIGSEGV")


@pytest.mark.parametrize("path", ["/ping", "/health"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_model_is_ready(serve: Any, path: str, method: str) -> None:
    answer = serve(DataType.LONG).request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert "X-Modelserve-Request-Id" not in answer.headers
    assert method == "HEAD" or answer.json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/ping", "/health", "/invocations"])
@pytest.mark.parametrize("is_loading", [True, False])
def test_without_a_living_worker_nothing_is_ready(serve: Any, path: str, is_loading: bool) -> None:
    server = serve(DataType.LONG)
    server.worker.death = GONE
    if is_loading:
        server.slot.worker = None
    answer = server.post(VALID) if path == "/invocations" else server.request("GET", path)
    assert answer.status_code == 503
    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert answer.headers["X-Modelserve-Decided-By"] == "server"
    assert server.worker.received == []


def test_version_tells_server_and_model(serve: Any) -> None:
    server = serve(DataType.LONG)
    body = server.request("GET", "/version").json()
    assert (body["server"], body["model_digest"]) == ("pytest-modelserve", "0123")
    assert body["worker"] == {"python": "3.11.7", "packages": {"numpy": "2.4.6"}}
    server.slot.worker = None
    assert server.request("GET", "/version").json()["worker"] is None


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        *((method, "/invocations", {"POST"}) for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")),
        *((method, "/ping", {"GET", "HEAD"}) for method in ("POST", "PUT", "DELETE", "OPTIONS")),
        ("POST", "/version", {"GET", "HEAD"}),
    ],
)
def test_other_methods_are_not_allowed(serve: Any, method: str, path: str, allow: set[str]) -> None:
    answer = serve(DataType.LONG).request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allow
    assert answer.headers["X-Modelserve-Decided-By"] == "server"
    assert method == "HEAD" or answer.json()["error_code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("path", ["/", "/invocations/", "/Invocations", "/ping/", "/metrics", "/redoc", "/%2e%2e/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_paths_do_not_exist(serve: Any, path: str, method: str) -> None:
    answer = serve(DataType.LONG).request(method, path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert "X-Modelserve-Request-Id" not in answer.headers
    assert "request_id" not in answer.json()


@pytest.mark.parametrize(
    ("answer", "status", "code", "decided_by"),
    [
        (Raised(1, RAISED, 0.1), 500, "MODEL_ERROR", "model"),
        (OpaqueValue("decimal.Decimal", SECRET), 500, "ENCODING_ERROR", "encoder"),
        (Unencodable(1, "builtins.list", "it holds itself", 0.1), 500, "ENCODING_ERROR", "encoder"),
        (WorkerDied(GONE), 503, "TEMPORARILY_UNAVAILABLE", "server"),
        (WorkerTimeout("the prediction", 2.0), 504, "DEADLINE_EXCEEDED", "model"),
        (TreeError("too deep"), 400, "INVALID_PARAMETER_VALUE", "schema"),
        (ZeroDivisionError(SECRET), 500, "INTERNAL_ERROR", "server"),
    ],
)
def test_every_end_without_a_prediction_has_the_one_body(
    serve: Any, answer: Any, status: int, code: str, decided_by: str
) -> None:
    server = serve(DataType.LONG)
    server.worker.answer = answer
    received = server.post(VALID, X_Modelserve_Request_Id="r1")
    assert (received.status_code, received.headers["content-type"]) == (status, "application/json")
    body = received.json()
    assert (body["error_code"], body["request_id"]) == (code, "r1")
    assert received.headers["X-Modelserve-Decided-By"] == decided_by
    assert SECRET not in received.text


def test_the_traceback_of_the_model_goes_to_the_log(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(DataType.LONG)
    server.worker.answer = Raised(1, RAISED, 0.1)
    with caplog.at_level(logging.ERROR):
        server.post(VALID, X_Modelserve_Request_Id="r1")
    assert "'r1'" in caplog.text
    assert RAISED.traceback in caplog.text


@pytest.mark.parametrize("answer", [WorkerDied(GONE), WorkerTimeout("the prediction", 2.0)])
def test_the_last_request_stands_in_the_log(serve: Any, caplog: pytest.LogCaptureFixture, answer: Exception) -> None:
    server = serve(DataType.LONG)
    server.worker.answer = answer
    with caplog.at_level(logging.ERROR):
        server.post(VALID, X_Modelserve_Request_Id="r1")
    assert "'r1'" in caplog.text
    assert VALID in caplog.text


@pytest.mark.parametrize(
    ("body", "decided_by"), [("nope", "parser"), ('{"inputs": ["x"]}', "schema"), (VALID, "model")]
)
def test_a_header_tells_who_decided(serve: Any, body: str, decided_by: str) -> None:
    assert serve(DataType.LONG).post(body).headers["X-Modelserve-Decided-By"] == decided_by


def test_an_answer_that_lost_nothing_tells_of_no_loss(serve: Any) -> None:
    assert serve(DataType.LONG).post(VALID).headers.keys().isdisjoint({"x-modelserve-ignored", "x-modelserve-lossy"})


def test_a_name_that_was_ignored_can_be_sent_whatever_it_holds(serve: Any) -> None:
    answer = serve(DataType.LONG).post({"inputs": {"x": [1], "\x7f~\x7fé": [1]}})
    assert answer.headers["X-Modelserve-Ignored"] == '["\\u007f~\\u007f\\u00e9"]'


def test_what_became_null_is_told(serve: Any) -> None:
    server = serve(DataType.LONG)
    server.worker.answer = [float("nan")]
    answer = server.post(VALID)
    assert (answer.json(), answer.headers["X-Modelserve-Lossy"]) == ({"predictions": [None]}, "NaN")


@pytest.mark.parametrize("request_id", ["r", "a b", "~" * 128])
def test_the_request_id_goes_to_the_worker_and_back(serve: Any, request_id: str) -> None:
    server = serve(DataType.LONG)
    answer = server.post(VALID, X_Modelserve_Request_Id=request_id)
    assert answer.headers["X-Modelserve-Request-Id"] == request_id
    assert server.worker.received[0][2] == request_id


@pytest.mark.parametrize("request_id", ["", "a\tb", "~" * 129])
def test_another_request_id_is_refused(serve: Any, request_id: str) -> None:
    server = serve(DataType.LONG)
    assert server.post(VALID, X_Modelserve_Request_Id=request_id).status_code == 400
    assert server.worker.received == []


def test_without_an_id_none_is_invented(serve: Any) -> None:
    server = serve(DataType.LONG)
    assert "X-Modelserve-Request-Id" not in server.post(VALID).headers
    assert server.worker.received[0][2] == ""


def test_a_long_body_is_read_all_the_same(serve: Any) -> None:
    server = serve(DataType.LONG)
    table = server.receive({"inputs": list(range(100_000))})
    assert table.columns[0].values.sum() == 100_000 * 99_999 // 2


def test_requests_at_the_same_time_do_not_mix(serve: Any) -> None:
    server = serve(DataType.LONG)

    async def send_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            headers = [{"Content-Type": "application/json", "X-Modelserve-Request-Id": str(n)} for n in range(50)]
            bodies = [f'{{"inputs": [{n}]}}{" " * (n % 2) * 70_000}' for n in range(50)]
            return await asyncio.gather(
                *(client.post("/invocations", content=b, headers=h) for b, h in zip(bodies, headers, strict=True))
            )

    answers = asyncio.run(send_all())
    assert [answer.headers["X-Modelserve-Request-Id"] for answer in answers] == [str(n) for n in range(50)]
    assert all(table.columns[0].values[0] == int(request_id) for table, _, request_id in server.worker.received)


CHAT = ColumnSchema(columns=(ColumnSpec(name="prompt", type=DataType.STRING),))
SIGNATURES: list[Any] = [
    None,
    DataType.DATETIME,
    CHAT,
    Signature(inputs=CHAT, outputs=CHAT, params=(ParamSpec(name="k", type=DataType.LONG, default=3),)),
    TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 2)),)),
    Signature(inputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.LONG),)), is_from_type_hint=True),
]


@pytest.mark.parametrize("declared", SIGNATURES, ids=str)
def test_the_openapi_document_is_complete(serve: Any, declared: Any) -> None:
    server = serve(declared, input_example={"inputs": [1]})
    document = server.request("GET", "/openapi.json").json()
    assert set(document["paths"]) == {"/invocations", "/ping", "/health", "/version"}
    operation = document["paths"]["/invocations"]["post"]
    assert set(operation["responses"]) == {"200", "400", "413", "415", "500", "503", "504"}
    content = operation["requestBody"]["content"]
    assert content["application/json"]["example"] == {"inputs": [1]}
    Draft202012Validator.check_schema(content["application/json"]["schema"])
    Draft202012Validator.check_schema(operation["responses"]["200"]["content"]["application/json"]["schema"])
    assert server.request("GET", "/docs").status_code == 200


@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        ({"inputs": [{"n": 1, "x": None}]}, True),
        ({"inputs": [{"n": 1, "x": 0.5}], "params": None}, True),
        ({"inputs": [{"n": 1, "x": 0.5}], "params": {"k": 2}}, True),
        ({"inputs": [{"n": 1, "x": 0.5}], "params": {"other": 2}}, False),
        ({"inputs": [{"n": 1, "x": 0.5, "maybe": None}]}, False),
        ({"inputs": [{"n": None, "x": 0.5}]}, False),
        ({"inputs": [{"n": "1", "x": 0.5}]}, False),
    ],
)
def test_the_document_takes_what_the_server_takes(serve: Any, body: dict[str, Any], is_taken: bool) -> None:
    columns = (
        ColumnSpec(name="n", type=DataType.LONG),
        ColumnSpec(name="x", type=DataType.DOUBLE),
        ColumnSpec(name="maybe", type=DataType.INTEGER, required=False),
    )
    params = (ParamSpec(name="k", type=DataType.LONG, default=3),)
    server = serve(Signature(inputs=ColumnSchema(columns=columns), params=params))
    document = server.request("GET", "/openapi.json").json()
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    assert Draft202012Validator(content["application/json"]["schema"]).is_valid(body) is is_taken
    assert (server.post(json.dumps(body)).status_code == 200) is is_taken


@pytest.mark.parametrize("given", ["a", "a b", "~" * 128, " a", "a ", "", "~" * 129, "a\tb"])
def test_the_document_tells_which_ids_the_server_takes(serve: Any, given: str) -> None:
    server = serve(DataType.LONG)
    document = server.request("GET", "/openapi.json").json()
    (header,) = document["paths"]["/invocations"]["post"]["parameters"]
    is_named = Draft202012Validator(header["schema"]).is_valid(given)
    answer = server.post({"inputs": [1]}, **{header["name"]: given})
    assert (answer.status_code == 200) is is_named


def test_errors_are_what_the_document_says(serve: Any) -> None:
    server = serve(DataType.LONG)
    document = server.request("GET", "/openapi.json").json()
    validator = Draft202012Validator(document["components"]["schemas"]["Error"])
    for answer in (server.post("nope"), server.post('{"inputs": ["x"]}'), server.request("GET", "/x")):
        validator.validate(answer.json())
    version = document["paths"]["/version"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator(version).validate(server.request("GET", "/version").json())


@pytest.mark.parametrize(
    ("declared", "media"),
    [
        (None, {"application/json", "text/csv", "application/vnd.apache.parquet"}),
        (DataType.LONG, {"application/json", "text/csv", "application/vnd.apache.parquet"}),
        (SIGNATURES[4], {"application/json", "application/vnd.apache.parquet"}),
        (SIGNATURES[5], {"application/json"}),
    ],
    ids=["none", "flat", "tensor", "hinted"],
)
def test_the_document_lists_the_media_that_can_carry_the_data(serve: Any, declared: Any, media: set[str]) -> None:
    document = serve(declared).request("GET", "/openapi.json").json()
    assert set(document["paths"]["/invocations"]["post"]["requestBody"]["content"]) == media


@pytest.mark.parametrize("has_worker", [True, False])
def test_the_worker_runs_while_the_server_does(serve: Any, has_worker: bool) -> None:
    told: list[str] = []

    @asynccontextmanager
    async def run_worker() -> AsyncIterator[None]:
        told.append("started")
        yield
        told.append("stopped")

    server = serve()
    app = create_app(server.settings, server.slot, run_worker if has_worker else None)

    async def live() -> None:
        async with app.router.lifespan_context(app):
            told.append("serving")

    asyncio.run(live())
    assert told == (["started", "serving", "stopped"] if has_worker else ["serving"])


def test_a_request_id_that_is_none_is_not_sent_back(serve: Any) -> None:
    answer = serve().post({"inputs": [1]}, X_Modelserve_Request_Id="a" * 129)
    assert answer.status_code == 400
    assert "X-Modelserve-Request-Id" not in answer.headers
    assert "request_id" not in answer.json()


@pytest.mark.parametrize("death", [GONE, None])
def test_a_place_without_a_worker_is_unavailable(death: Any) -> None:
    slot = ModelSlot()
    if death is not None:
        slot.worker = SimpleNamespace(death=death)
    with pytest.raises(ScoringError) as refused:
        slot.require()
    assert refused.value.code is ErrorCode.TEMPORARILY_UNAVAILABLE
    assert ("loading" in refused.value.message) is (death is None)


@pytest.mark.parametrize(("method", "path"), [("GET", "/ping/"), ("GET", "/version/"), ("POST", "/invocations/")])
def test_a_path_with_a_slash_at_its_end_is_another(serve: Any, method: str, path: str) -> None:
    assert serve().request(method, path).status_code == 404


def test_a_client_that_goes_away_gets_an_answer_that_nobody_reads(serve: Any) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": [], "query_string": b""}
    asyncio.run(serve().app({**scope, "http_version": "1.1", "root_path": "", "scheme": "http"}, receive, send))
    assert [message.get("status", 400) for message in sent] == [400] * len(sent)
    assert sent


def test_the_header_names_ten_of_what_was_ignored(serve: Any) -> None:
    names = [f"{at:02}{'n' * 50}" for at in range(12)]
    answer = serve(DataType.LONG).post({"inputs": {"x": [1], **{name: [1] for name in names}}})
    assert json.loads(answer.headers["X-Modelserve-Ignored"]) == [name[:40] for name in names[:10]]


def test_the_log_shows_how_a_lost_request_began(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(DataType.LONG)
    server.worker.answer = WorkerTimeout("the prediction", 2.0)
    body = '{"inputs": [1]}' + " " * 485 + "  "
    with caplog.at_level(logging.ERROR):
        assert server.post(body).status_code == 504
    assert repr(body[:500].encode()) in caplog.text
    assert repr(body[:501].encode()) not in caplog.text


@pytest.mark.parametrize(("n_bytes", "in_thread"), [(20, False), (1 << 16, False), ((1 << 16) + 1, True)])
def test_only_a_long_body_is_read_in_a_thread(
    serve: Any, monkeypatch: pytest.MonkeyPatch, n_bytes: int, in_thread: bool
) -> None:
    threads: list[bool] = []
    read = InputReader.read

    def note(*given: Any) -> Any:
        threads.append(threading.current_thread() is not threading.main_thread())
        return read(*given)

    monkeypatch.setattr(InputReader, "read", note)
    assert serve(DataType.LONG).post('{"inputs": [1]}'.ljust(n_bytes)).status_code == 200
    assert threads == [in_thread]
