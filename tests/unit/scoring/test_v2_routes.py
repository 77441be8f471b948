"""The routes of the Open Inference Protocol: health, metadata, one body for every error, and what an answer repeats."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.runtime.frames import (
    ColumnValue,
    ExceptionRecord,
    OpaqueValue,
    Raised,
    SeriesValue,
    Storage,
    TableValue,
    Unencodable,
)
from pytest_modelserve.scoring import v2_routes
from pytest_modelserve.scoring.worker_link import WorkerDied, WorkerTimeout
from pytest_modelserve.scoring.worker_process import WorkerDeath
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec

MODEL = "/v2/models/mlflow-model"
VERSIONED = f"{MODEL}/versions/0123"  # the digest of the tests' model
ONE = {"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}
VALID = {"inputs": [ONE]}
SECRET = "/srv/secret/path"
RAISED = ExceptionRecord("KeyError", "builtins", ("KeyError",), f"{SECRET} x", f'File "{SECRET}"', False, None)
GONE = WorkerDeath(exit_code=None, signal_name="SIGSEGV")
NAMED = Signature(
    inputs=ColumnSchema(columns=(ColumnSpec(name="x", type=DataType.LONG),)),
    outputs=ColumnSchema(
        columns=(ColumnSpec(name="label", type=DataType.STRING), ColumnSpec(name="score", type=DataType.DOUBLE))
    ),
)


def of(content_type: str) -> dict[str, Any]:
    return {"parameters": {"content_type": content_type}}


BOTH = {"label": np.array(["a"]), "score": np.array([0.5])}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        (f"{MODEL}/ready", {"name": "mlflow-model", "ready": True}),
        (f"{VERSIONED}/ready", {"name": "mlflow-model", "ready": True}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health(serve: Any, path: str, body: object, method: str) -> None:
    answer = serve(DataType.LONG).request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert method == "HEAD" or answer.json() == body


@pytest.mark.parametrize(
    ("path", "loading", "dead"),
    [
        ("/v2/health/live", 200, 503),
        ("/v2/health/ready", 503, 503),
        (f"{MODEL}/ready", 503, 503),
        (f"{MODEL}/infer", 503, 503),
        (MODEL, 200, 200),
        ("/v2", 200, 200),
    ],
)
def test_without_a_worker_nothing_is_ready(serve: Any, path: str, loading: int, dead: int) -> None:
    server = serve(DataType.LONG)
    send = server.infer if path.endswith("/infer") else lambda _, path: server.request("GET", path)
    server.worker.death = GONE
    answer = send(VALID, path)
    assert answer.status_code == dead
    assert dead == 200 or answer.json() == {"error": "The model's process has ended"}
    server.slot.worker = None
    answer = send(VALID, path)
    assert answer.status_code == loading
    assert loading == 200 or answer.json() == {"error": "The model is still loading"}


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_server_tells_what_it_is(serve: Any, path: str) -> None:
    body = serve(DataType.LONG).request("GET", path).json()
    assert (body["name"], body["extensions"]) == ("pytest-modelserve", ["binary_tensor_data"])
    assert set(body) == {"name", "version", "extensions"}


@pytest.mark.parametrize("path", [MODEL, VERSIONED])
def test_the_model_tells_what_it_takes_and_answers(serve: Any, path: str) -> None:
    assert serve(NAMED).request("GET", path).json() == {
        "name": "mlflow-model",
        "versions": ["0123"],
        "platform": "mlflow_pyfunc",
        "inputs": [{"name": "x", "datatype": "INT64", "shape": [-1, 1], **of("np")}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1, 1], **of("str")},
            {"name": "score", "datatype": "FP64", "shape": [-1, 1], **of("np")},
        ],
    }


@pytest.mark.parametrize("suffix", ["", "/ready", "/infer"])
@pytest.mark.parametrize(
    ("path", "told"),
    [("/v2/models/nope", "There is no model 'nope'"), (f"{MODEL}/versions/9", "The model has no version '9'")],
)
def test_another_model_or_version_is_not_there(serve: Any, path: str, told: str, suffix: str) -> None:
    server = serve(DataType.LONG)
    answer = server.request("POST" if suffix == "/infer" else "GET", path + suffix, b"{}")
    assert answer.status_code == 404
    assert answer.headers["X-Modelserve-Decided-By"] == "server"
    assert "X-Modelserve-Request-Id" not in answer.headers
    assert answer.json()["error"].startswith(told)
    assert server.worker.received == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{MODEL}/infer", 405),
        ("POST", f"{MODEL}/ready", 405),
        ("POST", "/v2/health/live", 405),
        ("DELETE", MODEL, 405),
        ("POST", "/v2", 405),
        ("DELETE", "/v2/", 405),
        ("GET", "/v2/nowhere", 404),
        ("GET", f"{MODEL}/ready/", 404),
        ("POST", "/v2/repository/index", 404),
    ],
)
def test_other_methods_and_paths_are_refused_in_the_protocol_s_own_form(
    serve: Any, method: str, path: str, status: int
) -> None:
    answer = serve(DataType.LONG).request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert status == 404 or answer.headers["allow"]


def test_a_path_that_only_begins_alike_is_not_of_the_protocol(serve: Any) -> None:
    assert serve(DataType.LONG).request("GET", "/v22").json()["error_code"] == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize(
    ("answer", "status", "decided_by"),
    [
        (Raised(1, RAISED, 0.1), 500, "model"),
        (OpaqueValue("decimal.Decimal", SECRET), 500, "encoder"),
        ({1.5: 1, "1.5": 2}, 500, "encoder"),
        (Unencodable(1, "builtins.list", "it holds itself", 0.1), 500, "encoder"),
        (WorkerDied(GONE), 503, "server"),
        (WorkerTimeout("the prediction", 2.0), 504, "model"),
        (ZeroDivisionError(SECRET), 500, "server"),
    ],
)
def test_every_end_without_a_prediction_has_the_one_body(serve: Any, answer: Any, status: int, decided_by: str) -> None:
    server = serve(DataType.LONG)
    server.worker.answer = answer
    received = server.infer(VALID, X_Modelserve_Request_Id="r1")
    assert received.status_code == status
    assert set(received.json()) == {"error"}
    assert received.headers["X-Modelserve-Decided-By"] == decided_by
    assert received.headers["X-Modelserve-Request-Id"] == "r1"
    assert SECRET not in received.text


def test_an_answer_in_full(serve: Any) -> None:
    server = serve(NAMED)
    server.worker.answer = BOTH
    answer = server.infer({"id": "é-7", "inputs": [ONE]}, X_Modelserve_Request_Id="r1")
    assert answer.status_code == 200
    assert json.loads(answer.content) == {
        "model_name": "mlflow-model",
        "model_version": "0123",
        "id": "é-7",
        "outputs": [
            {
                "name": "label",
                "shape": [1, 1],
                "datatype": "BYTES",
                "parameters": {"content_type": "str"},
                "data": ["a"],
            },
            {"name": "score", "shape": [1, 1], "datatype": "FP64", "parameters": {"content_type": "np"}, "data": [0.5]},
        ],
    }
    assert answer.headers["X-Modelserve-Decided-By"] == "model"
    assert server.worker.received[-1][2] == "r1"


@pytest.mark.parametrize(("id_", "told"), [({}, None), ({"id": None}, None), ({"id": ""}, ""), ({"id": "7"}, "7")])
def test_the_id_comes_back_as_it_came(serve: Any, id_: dict[str, Any], told: str | None) -> None:
    body = serve(DataType.LONG).infer({**id_, **VALID}).json()
    assert body.get("id") == told
    assert ("id" in body) is (told is not None)


def test_the_versioned_path_is_the_same_model(serve: Any) -> None:
    server = serve(DataType.LONG)
    assert server.infer(VALID, f"{VERSIONED}/infer").json() == server.infer(VALID).json()


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ([], ["label", "score"]),
        (["score"], ["score"]),
        (["score", "label"], ["score", "label"]),
    ],
)
def test_the_outputs_that_are_wanted_come_in_their_order(serve: Any, wanted: list[str], told: list[str]) -> None:
    server = serve(NAMED)
    server.worker.answer = BOTH
    outputs = [{"name": name, "parameters": {"binary_data": False}} for name in wanted]
    body = server.infer({**VALID, "outputs": outputs}).json()
    assert [output["name"] for output in body["outputs"]] == told


def test_an_output_that_the_signature_does_not_have_is_refused_before_the_model(serve: Any) -> None:
    error = serve(NAMED).turn_down({**VALID, "outputs": [{"name": "nope"}]})
    assert error == "The model has no output 'nope'; it has 'label', 'score'"


def test_without_declared_outputs_the_answer_tells_which_there_are(serve: Any) -> None:
    server = serve(DataType.LONG)
    answer = server.infer({**VALID, "outputs": [{"name": "output-0"}]})
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "The model has no output 'output-0'; it has 'output-1'",
    )
    assert server.infer({**VALID, "outputs": [{"name": "output-1"}]}).json()["outputs"][0]["data"] == [1]


@pytest.mark.parametrize("content_type", [None, "application/json", "application/json; charset=UTF-8"])
def test_content_types_that_are_json(serve: Any, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content_Type": content_type}
    assert serve(DataType.LONG).infer(VALID, **headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/csv"}, 415),
        ({"Content_Type": "application/octet-stream"}, 415),
        ({"Content_Type": "text/csv", "Inference_Header_Content_Length": "1"}, 415),
        ({"Content_Type": "application/json; charset=latin-1"}, 415),
        ({"Content_Encoding": "gzip"}, 415),
        ({"Inference_Header_Content_Length": "20"}, 400),
        ({"Inference_Header_Content_Length": "9999"}, 400),
        ({"Inference_Header_Content_Length": "-1"}, 400),
        ({"Inference_Header_Content_Length": ""}, 400),
        ({"X_Modelserve_Request_Id": "a" * 129}, 400),
    ],
)
def test_headers_that_promise_what_is_not_served(serve: Any, headers: dict[str, str], status: int) -> None:
    assert serve(DataType.LONG).turn_down(VALID, status, **headers)


@pytest.mark.parametrize("content_type", ["text/csv", "application/x-www-form-urlencoded", "text/plain", ""])
def test_a_refused_content_type_names_json_alone(serve: Any, content_type: str) -> None:
    error = serve(DataType.LONG).turn_down(VALID, 415, Content_Type=content_type)
    assert error.endswith("reads application/json")


def test_a_body_over_the_limit(serve: Any) -> None:
    server = serve(DataType.LONG, max_body_bytes=20)
    assert server.turn_down(VALID, 413) == "The body is longer than 20 bytes"


def test_what_was_ignored_and_lost_stands_in_headers(serve: Any) -> None:
    server = serve(Signature(inputs=TensorSchema(tensors=(TensorSpec(name="t", dtype="int64", shape=(-1,)),))))
    server.worker.answer = np.array([1.0, np.nan])
    answer = server.infer({"note": 1, "inputs": [{**ONE, "name": "t"}, {**ONE, "name": "u"}]})
    assert answer.headers["X-Modelserve-Ignored"] == '["note", "u"]'
    assert answer.headers["X-Modelserve-Lossy"] == "NaN"
    assert answer.json()["outputs"][0]["data"] == [1.0, None]


def test_a_long_body_is_read_in_a_thread_and_answered_alike(serve: Any) -> None:
    server = serve(DataType.LONG)
    values = list(range(20_000))
    body = {"inputs": [{"name": "x", "datatype": "INT64", "shape": [len(values)], "data": values}]}
    assert server.infer(body).status_code == 200
    assert server.worker.received[-1][0].n_rows == len(values)


N_LONG = 8_193
LONG = ColumnValue("y", Storage.ARRAY, np.zeros(N_LONG))
HALF = ColumnValue("y", Storage.ARRAY, np.zeros(N_LONG // 2 + 1))


@pytest.mark.parametrize(
    ("value", "is_long"),
    [
        (np.zeros(N_LONG), True),
        (np.zeros(N_LONG - 1), False),
        ([0.5] * N_LONG, True),
        ([[0.5] * 100] * 100, True),
        ({"a": [0.5] * N_LONG}, True),
        (TableValue((LONG,), N_LONG), True),
        (TableValue((HALF, replace(HALF, name="z")), N_LONG // 2 + 1), True),
        (TableValue((HALF,), N_LONG // 2 + 1), False),
        ([0.5] * (N_LONG - 1), False),
        ({"a": [0.5] * (N_LONG // 2), "b": [0.5] * (N_LONG // 2)}, False),
        ({"a": [0.5] * (N_LONG // 2 + 1), "b": [0.5] * (N_LONG // 2)}, True),
        (SeriesValue(LONG), True),
        ([{"a": 1}, {"a": 2}], False),
        ([], False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_long_answer_to_a_short_request_is_written_in_a_thread(
    serve: Any, monkeypatch: pytest.MonkeyPatch, value: Any, is_long: bool
) -> None:
    threads: list[threading.Thread] = []

    def write(document: Any) -> bytes:
        threads.append(threading.current_thread())
        return json.dumps(document).encode()

    monkeypatch.setattr(v2_routes, "write_response", write)
    server = serve(DataType.LONG)
    server.worker.answer = value
    assert server.infer(VALID).status_code == 200
    assert [thread is not threading.main_thread() for thread in threads] == [is_long]


def nested(*, in_objects: bool) -> Any:
    value: Any = 1
    for _ in range(5_000):
        value = {"a": value} if in_objects else [value]
    return value


@pytest.mark.parametrize("in_objects", [True, False])
def test_an_answer_nested_too_deep_is_the_encoder_s_to_refuse(serve: Any, *, in_objects: bool) -> None:
    server = serve(DataType.LONG)
    server.worker.answer = nested(in_objects=in_objects)
    answer = server.infer(VALID)
    assert (answer.status_code, answer.json()) == (500, {"error": "The model returned a value nested too deep"})
    assert answer.headers["X-Modelserve-Decided-By"] == "encoder"


@pytest.mark.parametrize("wanted", [["label", "score"], ["score", "label"]])
def test_what_any_output_lost_is_told(serve: Any, wanted: list[str]) -> None:
    server = serve(NAMED)
    server.worker.answer = {"label": ["a"], "score": np.array([np.nan])}
    answer = server.infer({**VALID, "outputs": [{"name": name} for name in wanted]})
    assert answer.headers["X-Modelserve-Lossy"] == "NaN"
