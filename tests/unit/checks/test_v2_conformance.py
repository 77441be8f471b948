"""The check of the Open Inference Protocol, against the scoring server's application and what spoils its answers."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pytest_modelserve.cases import RawBody, Table, Tensors
from pytest_modelserve.checks.anchor import UNSTEADY
from pytest_modelserve.checks.deviations import GONE, DeviationWatch
from pytest_modelserve.checks.good_request import NOT_PREDICTED
from pytest_modelserve.checks.table import STATIC_RULES
from pytest_modelserve.checks.v2_changes import NO_SUCH, TEXT, as_lists, changed_input
from pytest_modelserve.checks.v2_conformance import v2_conformance, v2_variants
from pytest_modelserve.checks.v2_rules import JSON_TYPE, V2_RULES, V2Rule
from pytest_modelserve.results import Outcome
from pytest_modelserve.runtime.frames import ExceptionRecord, Predictions, Raised, Ready, TableValue
from pytest_modelserve.scoring.app import create_app
from pytest_modelserve.scoring.prediction import ModelSlot
from pytest_modelserve.scoring.settings import ServeSettings
from pytest_modelserve.server.deviations import Deviation, Example
from pytest_modelserve.signature.datatypes import AnyType, DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.strategies.rules import RULES
from pytest_modelserve.wire.open_inference import inference_document

RAISED = ExceptionRecord("KeyError", "builtins", ("KeyError",), "x", "Traceback", False, None)
COLUMNS = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="n", type=DataType.LONG),
            ColumnSpec(name="s", type=DataType.STRING),
            ColumnSpec(name="o", type=DataType.DOUBLE, required=False),
        )
    ),
    outputs=ColumnSchema(
        columns=(ColumnSpec(name="y", type=DataType.DOUBLE), ColumnSpec(name="z", type=DataType.STRING))
    ),
)
TENSOR = Signature(
    inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 2)),)),
    outputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 2)),)),
)
ROWS = Table(columns=("n", "s", "o"), rows=((1, "a", 0.5), (2, "b", 1.5)))
ARRAY = Tensors(arrays={None: np.array([[1, 2], [3, 4]], dtype="float32")})
MODEL = "/v2/models/mlflow-model"
EMPTY, BROKEN = b"", b'{"live": tru'
RAW = (EMPTY, BROKEN)

Spoil = Callable[[httpx.Request, Any], "tuple[int, Any] | None"]


class Worker:
    """A model that answers each row with its first number and its first text, or an array with itself."""

    def __init__(self) -> None:
        self.ready = Ready("3.11.7", {}, 0.1)
        self.death: object | None = None
        self.returned: Any = None
        self.reached: list[str] = []

    async def predict(
        self, data: Any, params: Mapping[str, object] | None = None, *, request_id: str = ""
    ) -> Predictions | Raised:
        self.reached.append(request_id)
        if isinstance(self.returned, Raised):
            return self.returned
        value = self.returned if self.returned is not None else data
        if self.returned is None and isinstance(data, TableValue):
            cells = {column.name: list(column.values) for column in data.columns}
            value = {"y": [float(cell) for cell in cells["n"]], "z": cells["s"]}
            value = [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
        return Predictions(1, value, "builtins.list", 0.001)


def as_json(status: int, document: Any) -> httpx.Response:
    return httpx.Response(status, json=document)


class Application:
    """The scoring server's application in this process.

    Attributes:
        spoil: Sees each request and its answer; returns another status and document, or None.
        before: Sees each request before it is sent; returns an answer that takes the place of any other, or None.
    """

    def __init__(self, folder: Path, signature: Signature | None, v2_name: str) -> None:
        self.worker = Worker()
        self.spoil: Spoil = lambda _request, _document: None
        self.before: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None
        settings = ServeSettings(
            model_dir=folder,
            model_uri="models:/m/1",
            mlmodel_digest="0123",
            worker_python=Path("python"),
            worker_env={},
            isolated=True,
            loader={},
            signature=signature,
            input_example=None,
            calls_file=folder / "calls.jsonl",
            predict_timeout_s=60.0,
            load_timeout_s=60.0,
            max_body_bytes=1 << 20,
            predict_threads=2,
            v2_name=v2_name,
        )
        self._app = create_app(settings, ModelSlot(self.worker))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if (early := self.before(request)) is not None:
            return early
        answer = asyncio.run(self._send(request))
        spoiled = self.spoil(request, json.loads(answer.content))
        if spoiled is not None:
            return httpx.Response(spoiled[0], content=spoiled[1]) if spoiled[1] in RAW else as_json(*spoiled)
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self._app), base_url="http://server") as client:
            return await client.request(
                request.method, request.url.raw_path.decode(), content=request.content, headers=request.headers
            )


@pytest.fixture
def conform(serve: Any, raised: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run one rule against the application; the spy is the worker itself, which notes what reached it."""

    def run(rule: str, spoil: Spoil | None = None, signature: Signature | None = COLUMNS, **settings: Any) -> Any:
        returned = settings.pop("returned", None)
        has_raised = isinstance(returned, Raised)
        is_managed, has_spy = settings.pop("is_managed", True), settings.pop("has_spy", True)
        example = settings.pop("example", ARRAY if signature is TENSOR else ROWS)
        application = Application(tmp_path, signature, settings.get("v2_name", "mlflow-model"))
        application.worker.returned = returned
        application.spoil = spoil or application.spoil
        application.before = settings.pop("before", application.before)
        watch = settings.pop("watch", DeviationWatch())
        context = dataclasses.replace(
            serve(lambda rows: rows, signature, example=example, **settings), deviations=watch
        )
        context.served.is_managed, context.served.has_spy = is_managed, has_spy

        def answer(request: httpx.Request) -> httpx.Response:
            n_reached = len(application.worker.reached)
            try:
                return application(request)
            finally:
                if len(application.worker.reached) > n_reached:
                    context.served._write_call(request, {}, raised(KeyError("x")) if has_raised else None)

        monkeypatch.setattr(context.served, "_answer", answer)
        return v2_conformance(context, rule)

    return run


@pytest.mark.parametrize("signature", [COLUMNS, TENSOR, None], ids=["columns", "tensor", "no signature"])
@pytest.mark.parametrize("rule", [rule.id for rule in V2_RULES])
def test_our_own_server_keeps_every_rule(conform: Any, rule: str, signature: Signature | None) -> None:
    one = next(each for each in V2_RULES if each.id == rule)
    if not one.applies(signature):
        pytest.skip("the rule is not for such a model")
    result = conform(rule, signature=signature)
    if rule == "out_of_datatype" and signature is TENSOR:
        assert (result.outcome, result.reason) == (
            Outcome.SKIPPED,
            "the model's inputs are such that nothing can show it",
        )
        return
    assert result.outcome is Outcome.PASSED, result.failure and result.failure.text
    assert result.requests > 0
    assert result.name == f"v2_conformance[{rule}]"


def infers(request: httpx.Request) -> bool:
    return request.url.path == f"{MODEL}/infer"


def spoil_output(**changes: Any) -> Spoil:
    """Change the first output of each answer."""

    def spoil(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
        if "outputs" not in document or not infers(request):
            return None
        first, *others = document["outputs"]
        return 200, {**document, "outputs": [{**first, **changes}, *others]}

    return spoil


def spoil_answer(**changes: Any) -> Spoil:
    return lambda request, document: (200, {**document, **changes}) if "outputs" in document else None


def take_all(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
    """Answer what was refused as if it had been taken."""
    return (200, {"model_name": "m", "outputs": []}) if "error" in document else None


def tell_detail(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
    """Refuse in FastAPI's own form, as MLServer does."""
    return (422, {"detail": [document["error"]]}) if "error" in document else None


def fail(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
    """Refuse as if it were the server's own fault."""
    return (500, document) if "error" in document else None


def at(path: str, document: Any, status: int = 200) -> Spoil:
    return lambda request, _: (status, document) if request.url.path == path else None


def only_all(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
    """Answer all outputs whichever are wanted."""
    if infers(request) and "outputs" in document and len(document["outputs"]) == 1:
        return 200, {**document, "outputs": [*document["outputs"], {**document["outputs"][0], "name": "more"}]}
    return None


def lose_wanted(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
    """Refuse to answer one output alone."""
    if infers(request) and "outputs" in json.loads(request.content):
        return 400, {"error": "no"}
    return None


def lose_nested(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
    """Answer nested data with other numbers, as MLServer reads nested texts as empty."""
    if infers(request) and isinstance(json.loads(request.content)["inputs"][0]["data"][0], list):
        return spoil_output(data=[7.0, 7.0])(request, document)
    return None


def known(rule: str, **changes: Any) -> Deviation:
    fields: dict[str, Any] = {"kinds": frozenset({"protocol"}), "change": "no JSON object", "answer": "^422 "}
    return Deviation(
        id="known",
        server="mlserver",
        versions="==1.7.1",
        rules=(rule,),
        what="It is known.",
        link="https://example.org",
        example=Example(model="m", status=422),
        **{**fields, **changes},
    )


FAILS = {"kinds": frozenset({"server_error"}), "answer": "^500 ", "change": ""}


@pytest.mark.parametrize(
    ("rule", "spoil", "changes", "outcome"),
    [
        ("unknown_datatype", tell_detail, {}, Outcome.PASSED),
        ("unknown_datatype", tell_detail, {"change": "another"}, Outcome.FAILED),
        ("unknown_datatype", tell_detail, {"label": "FLOAT"}, Outcome.FAILED),  # the next request is not excused
        ("unknown_datatype", fail, {}, Outcome.FAILED),
        ("unknown_datatype", fail, FAILS, Outcome.PASSED),
        ("missing_input", fail, {**FAILS, "wanted": frozenset({"reject"})}, Outcome.PASSED),
        ("missing_input", fail, {**FAILS, "wanted": frozenset({"accept"})}, Outcome.FAILED),
        ("missing_input", take_all, {"answer": "", "change": "^it was answered 200, not 4xx$"}, Outcome.PASSED),
    ],
)
def test_what_a_server_is_known_to_do_is_told_and_nothing_else_is_excused(
    conform: Any, rule: str, spoil: Spoil, changes: Mapping[str, Any], outcome: Outcome
) -> None:
    watch = DeviationWatch([known(rule, **changes)])
    result = conform(rule, spoil, watch=watch)
    assert result.outcome is outcome, result.failure and result.failure.text
    if outcome is Outcome.PASSED:
        (shown,) = watch.noted(result, is_whole=True).deviations
        assert (shown.id, shown.rule) == ("known", rule)


def test_a_known_deviation_that_no_longer_shows_is_told_as_gone(conform: Any) -> None:
    watch = DeviationWatch([known("unknown_datatype")])
    noted = watch.noted(conform("unknown_datatype", watch=watch), is_whole=True)
    assert noted.outcome is Outcome.PASSED
    assert [advice.kind for advice in noted.advice] == [GONE]
    assert noted.deviations == ()


def test_what_the_model_raises_is_no_deviation(conform: Any) -> None:
    watch = DeviationWatch([known("well_formed", kinds=frozenset({"protocol", "server_error"}), answer="", change="")])
    result = conform("well_formed", returned=Raised(1, RAISED, 0.1), watch=watch)
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, NOT_PREDICTED)
    assert watch.noted(result, is_whole=True).deviations == ()


METADATA = {"name": "m", "platform": "", "inputs": [], "outputs": []}
SPOILED: list[tuple[str, Spoil, str]] = [
    ("says_ready", at("/v2/health/live", {"live": False}), "its body does not say that it is"),
    ("says_ready", at("/v2/health/ready", {"error": "no"}, 400), "it was answered 400, not 2xx"),
    ("says_ready", at(f"{MODEL}/ready", {}), "its body does not say that it is"),
    ("says_ready", at("/v2/health/live", BROKEN), "not strict JSON"),
    ("server_metadata", at("/v2", {"name": "x", "version": "1"}), "extensions is no list of strings"),
    ("server_metadata", at("/v2", {"version": "1", "extensions": []}), "name is no string"),
    ("server_metadata", at("/v2", []), "it is no object"),
    ("model_metadata", at(MODEL, {"name": "m"}), "platform of the metadata is missing"),
    ("well_formed", spoil_output(shape=[3, 1]), "has 2 elements, its shape says 3"),
    ("well_formed", spoil_output(datatype="INT64", data=[1.5, 2]), "element 0 of outputs[0] is no INT64"),
    ("metadata_matches", spoil_output(name="output-1"), "the metadata promise the outputs 'y', 'z'"),
    ("metadata_matches", spoil_output(datatype="FP32"), "the metadata promise FP64 for 'y', the answer has FP32"),
    ("metadata_matches", spoil_output(shape=[2]), "the metadata promise [-1, 1] for 'y', the answer has [2]"),
    ("metadata_matches", at(MODEL, METADATA), "the metadata promise the outputs none"),
    ("metadata_matches", at(MODEL, BROKEN), "not strict JSON"),
    ("metadata_matches", spoil_answer(outputs=None), "outputs of the answer is no list"),
    ("answers_alike", spoil_answer(outputs=None), "outputs of the answer is no list"),
    ("id_echo", spoil_answer(outputs=None), "outputs of the answer is no list"),
    ("flat_or_nested", spoil_answer(outputs=None), "outputs of the answer is no list"),
    ("flat_or_nested", spoil_output(parameters={"content_type": "pd_json"}, datatype="BYTES", data=["[", "]"]), "JSON"),
    (
        "requested_outputs",
        lose_wanted,
        "asked for 'y', it was answered 400",
    ),
    ("unknown_model", at(f"/v2/models/{NO_SUCH}", BROKEN, 404), 'string under "error"'),
    ("answers_alike", spoil_output(data=[1.0, 2.5]), "by V2"),
    ("answers_alike", spoil_output(data=[2.0, 1.0]), "by V2"),
    ("answers_alike", spoil_output(shape=[1, 1], data=[1.0]), "differ in their number of rows"),
    ("answers_alike", spoil_output(shape=[1, 2]), "which is no column of double"),
    ("flat_or_nested", lose_nested, "from nested data"),
    ("id_echo", spoil_answer(id="made up"), 'it was answered with the id "made up"'),
    ("requested_outputs", only_all, "asked for 'y' alone, it answered 'y', 'more'"),
    ("extra_key", lambda request, _: (400, {"error": "no"}) if infers(request) else None, "answered 400"),
    ("extra_key", spoil_output(shape=[3, 1]), "has 2 elements, its shape says 3"),
    ("wrong_value", fail, "the server answered 500 although the model was not reached"),
    ("wrong_value", at(f"{MODEL}/infer", {"model_name": "m"}), "outputs of the answer is missing"),
    ("wrong_value", tell_detail, 'string under "error"'),
    ("unknown_model", fail, "the server answered 500 although the model was not reached"),
    ("unknown_version", take_all, "it was answered 200, not 4xx or 501"),
    ("unknown_version", tell_detail, 'string under "error"'),
    ("other_method", take_all, "it was answered 200, not 405"),
    *((rule.id, take_all, "it was answered 200, not 4xx") for rule in V2_RULES if rule.statuses == range(400, 500)),
    *((rule.id, tell_detail, 'string under "error"') for rule in V2_RULES if rule.statuses == range(400, 500)),
]


@pytest.mark.parametrize(("rule", "spoil", "told"), SPOILED, ids=[f"{rule}-{told[:20]}" for rule, _, told in SPOILED])
def test_what_breaks_a_rule(conform: Any, rule: str, spoil: Spoil, told: str) -> None:
    result = conform(rule, spoil)
    assert result.outcome is Outcome.FAILED
    assert told in result.failure.title
    assert result.failure.rule == rule
    if "although" not in result.failure.title:  # which is the server's own fault under any rule
        assert result.failure.expected == next(each for each in V2_RULES if each.id == rule).meaning
    assert "/v2" in result.failure.curl


def refuse(
    status: int, paths: str, document: Any, content_type: str = "text/plain"
) -> Callable[[httpx.Request], httpx.Response | None]:
    """Answer requests to some paths before the model has a part in it."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    answer = httpx.Response(status, content=body, headers={"Content-Type": content_type})
    return lambda request: answer if re.search(paths, f"{request.method} {request.url.path}") else None


@pytest.mark.parametrize(
    ("rule", "before"),
    [
        ("unknown_model", refuse(400, NO_SUCH, {"error": "no such model"})),
        ("unknown_model", refuse(404, f"{NO_SUCH}/ready", EMPTY)),
        ("unknown_version", refuse(501, NO_SUCH, {"error": "this server has no versions"})),
        ("other_method", refuse(405, "GET .*/infer", {"detail": "Method Not Allowed"})),
        ("no_request", refuse(400, "POST .*/infer", {"error": "no"})),
        ("extra_key", refuse(400, "POST .*/infer", {"error": "no"})),
        ("wrong_value", refuse(422, "POST .*/infer", {"error": "no"}, JSON_TYPE)),
    ],
)
def test_what_the_protocol_leaves_open(conform: Any, rule: str, before: Any) -> None:
    result = conform(rule, before=before)
    assert result.outcome is Outcome.PASSED, result.failure and result.failure.title
    assert result.advice == ()


@pytest.mark.parametrize(
    ("rule", "before", "told"),
    [
        ("unknown_version", refuse(503, NO_SUCH, {"error": "no"}), "the model's process ended"),
        ("unknown_model", refuse(501, NO_SUCH, {"error": "no"}), "the server answered 501"),
        ("extra_key", refuse(400, "POST .*/infer", {"detail": "no"}), 'string under "error"'),
    ],
)
def test_what_it_does_not_leave_open(conform: Any, rule: str, before: Any, told: str) -> None:
    result = conform(rule, before=before)
    assert result.outcome is Outcome.FAILED
    assert told in result.failure.title


def test_elements_that_a_server_makes_its_own_are_told(conform: Any) -> None:
    answer = {"model_name": "m", "outputs": [{"name": "y", "datatype": "FP64", "shape": [1], "data": [0.5]}]}
    result = conform("wrong_value", before=refuse(200, "POST .*/infer", answer))
    assert result.outcome is Outcome.PASSED
    assert [one.text for one in result.advice] == [
        "the server takes it, which the protocol leaves open: 'x' in 'n', which is INT64",
        "the server takes it, which the protocol leaves open: 0.5 in 's', which is BYTES",
        "the server takes it, which the protocol leaves open: 'x' in 'o', which is FP64",
    ]


def test_where_any_json_value_may_stand_no_datatype_is_wrong(conform: Any) -> None:
    anything = ColumnSchema(columns=(ColumnSpec(name="n", type=AnyType()), ColumnSpec(name="s", type=DataType.STRING)))
    both = dataclasses.replace(COLUMNS, inputs=anything)
    example = Table(columns=("n", "s"), rows=((0.5, "a"),))
    assert conform("wrong_datatype", signature=both, example=example).outcome is Outcome.PASSED
    alone = dataclasses.replace(COLUMNS, inputs=ColumnSchema(columns=anything.columns[:1]))
    result = conform("wrong_datatype", signature=alone, example=Table(columns=("n",), rows=((0.5,),)))
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "the model's inputs are such that nothing can show it")


def changed_parts(good: Any, sent: Any) -> set[str]:
    """Return which of the request's keys and tensors are not those of the good request."""
    keys = {key for key in good.keys() | sent.keys() if good.get(key) != sent.get(key)} - {"inputs"}
    ours, theirs = good["inputs"], sent.get("inputs", [])
    if len(ours) == len(theirs):
        return keys | {f"inputs[{at}]" for at, tensor in enumerate(ours) if tensor != theirs[at]}
    kept = [tensor for tensor in theirs if tensor in ours]
    return keys | {"inputs"} | {f"a new tensor {tensor}" for tensor in theirs if tensor not in kept}


TOLD_BY_OURS: dict[str, str] = {  # what the refusal names, so that it is of the change and of nothing else
    "wrong_datatype": "datatype",
    "unknown_datatype": "datatype",
    "wrong_value": "element 0, is",
    "out_of_datatype": "out of the range",
    "wrong_size": "shape",
    "wrong_dimensions": "has shape",
    "missing_input": "is missing|at least one tensor",
    "missing_part": "name|lacks (shape|datatype|data)|inputs must",
    "input_twice": "twice",
    "unknown_output": f"no output '{NO_SUCH}'",
    "wrong_id": "id must be a string",
    "no_request": "The body",
}


@pytest.mark.parametrize(("signature", "example"), [(COLUMNS, ROWS), (TENSOR, ARRAY)], ids=["columns", "tensor"])
@pytest.mark.parametrize("rule", [rule for rule in V2_RULES if rule.id in TOLD_BY_OURS], ids=lambda rule: rule.id)
def test_each_refused_request_has_its_fault_alone(
    tmp_path: Path, rule: V2Rule, signature: Signature, example: Any
) -> None:
    """What is refused is refused for the one change: the good request itself is taken, and the refusal names it."""
    application = Application(tmp_path, signature, "mlflow-model")
    good = json.loads(json.dumps(inference_document(example, signature=signature)))
    if rule.needs_every_input and signature is COLUMNS:
        good["inputs"] = good["inputs"][:2]  # the third may be left out

    def sent(body: bytes) -> httpx.Response:
        request = httpx.Request("POST", f"http://h{MODEL}/infer", content=body, headers={"Content-Type": JSON_TYPE})
        return application(request)

    assert sent(json.dumps(good).encode()).status_code == 200
    application.worker.reached.clear()
    cases = list(rule.cases(good))
    assert cases or (rule.id, signature) == ("out_of_datatype", TENSOR)
    for case in cases:
        assert isinstance(case.payload, RawBody)
        answer = sent(case.payload.body)
        assert answer.status_code == 400, case.label
        assert re.search(TOLD_BY_OURS[rule.id], answer.json()["error"]), (case.label, answer.json())
        if rule.id != "no_request":
            assert len(changed_parts(good, json.loads(case.payload.body))) == 1, case.label
    assert application.worker.reached == []


def test_every_refused_request_is_held_to_that() -> None:
    refused = {rule.id for rule in V2_RULES if rule.changes and (rule.is_refusal or rule.may_refuse)}
    assert set(TOLD_BY_OURS) == refused - {"extra_key"}  # which ours takes


def test_a_refusal_that_reached_the_model(conform: Any) -> None:
    def turn_down(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
        return (400, {"error": "no"}) if infers(request) and "outputs" in document else None

    result = conform("unknown_output", turn_down, signature=dataclasses.replace(COLUMNS, outputs=None))
    assert result.outcome is Outcome.FAILED
    assert result.failure.title.startswith("the server answered 400 although the model returned a prediction")


def test_a_refusal_that_reached_a_model_that_raises(conform: Any) -> None:
    unpromised = dataclasses.replace(COLUMNS, outputs=None)  # so that nobody knows better than the model
    result = conform("unknown_output", signature=unpromised, returned=Raised(1, RAISED, 0.1))
    assert result.outcome is Outcome.FAILED
    assert result.failure.title == "an output that there is not: it reached the model, which raised KeyError"
    assert result.failure.received.startswith("500")
    assert "Mend" not in result.failure.text


@pytest.mark.parametrize("has_spy", [True, False])
@pytest.mark.parametrize("rule", ["well_formed", "id_echo", "requested_outputs"])
def test_a_model_that_raises_proves_nothing(conform: Any, rule: str, has_spy: bool) -> None:
    result = conform(rule, returned=Raised(1, RAISED, 0.1), has_spy=has_spy)
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, NOT_PREDICTED)


@pytest.mark.parametrize("rule", ["metadata_matches", "answers_alike"])
def test_a_model_that_is_not_predicted_by_mlflow_s_protocol_is_not_compared(conform: Any, rule: str) -> None:
    result = conform(rule, at("/invocations", BROKEN, 200))
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, NOT_PREDICTED)


def test_answers_that_change_are_not_compared(conform: Any) -> None:
    counted = itertools.count()

    def drift(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
        if request.url.path != "/invocations" or "predictions" not in document:
            return None
        return 200, {"predictions": [{**row, "y": float(next(counted))} for row in document["predictions"]]}

    result = conform("answers_alike", drift)
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, UNSTEADY)
    assert conform("id_echo", drift).outcome is Outcome.PASSED


def test_a_server_that_breaks_off(conform: Any) -> None:
    def break_off(request: httpx.Request, document: Any) -> tuple[int, Any] | None:
        if infers(request):
            raise httpx.ReadError("gone")
        return None

    result = conform("id_echo", break_off)
    assert result.outcome is Outcome.FAILED
    assert result.failure.title == "the connection was lost: id 'r1'"


def test_a_server_may_say_nothing_beside_its_status(conform: Any) -> None:
    """The protocol's own OpenAPI file has no body for health."""
    assert (
        conform("says_ready", lambda request, _: (200, EMPTY) if "health" in request.url.path else None).failure is None
    )


@pytest.mark.parametrize("rule", ["metadata_matches", "answers_alike"])
def test_what_the_model_answers_wrongly_is_not_the_server_s(conform: Any, rule: str) -> None:
    result = conform(rule, returned=[{"y": "text", "z": "a"}, {"y": "text", "z": "b"}])
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "matches_output_schema tells" in result.reason


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"example": None}, "the model was saved without an input example"),
        ({"stochastic": True}, "stochastic"),
        ({"example": Table(columns=("n",), rows=((object(),),))}, "has no form in the protocol"),
    ],
)
def test_what_is_left_out(conform: Any, settings: dict[str, Any], reason: str) -> None:
    result = conform("answers_alike", **settings)
    assert (result.outcome, result.applies) == (Outcome.SKIPPED, False)
    assert reason in result.reason


def test_a_server_of_another_kind_is_asked_first_whether_it_speaks(conform: Any) -> None:
    silent = at("/v2/health/live", {"message": "nothing here"}, 404)
    result = conform("id_echo", silent, server="somebody's")
    assert (result.outcome, result.applies) == (Outcome.SKIPPED, False)
    assert result.reason.startswith("the server does not speak the protocol")
    assert conform("id_echo", server="somebody's").outcome is Outcome.PASSED
    assert conform("says_ready", silent).outcome is Outcome.FAILED  # ours must


@pytest.mark.parametrize("rule", [rule.id for rule in V2_RULES])
@pytest.mark.parametrize("name", ["churn é", 'a b?#%41;:@&=+"\\'])
def test_a_model_of_another_name_is_asked_by_it(conform: Any, rule: str, name: str) -> None:
    assert conform(rule, v2_name=name).outcome is Outcome.PASSED


@pytest.mark.parametrize("settings", [{"server": "somebody's"}, {"is_managed": False}])
def test_a_server_that_has_the_model_under_another_name_is_left_out(conform: Any, settings: dict[str, Any]) -> None:
    result = conform("id_echo", at(MODEL, {"error": "there is churn alone"}, 404), **settings)
    assert (result.outcome, result.applies) == (Outcome.SKIPPED, False)
    assert result.reason == (
        f"the server has no model mlflow-model, which --model-v2-name may name: {MODEL} is answered 404"
    )
    assert conform("id_echo", **settings).outcome is Outcome.PASSED
    assert conform("model_metadata", at(MODEL, BROKEN, 500), **settings).outcome is Outcome.FAILED


def test_a_server_that_is_started_here_has_the_model(conform: Any) -> None:
    assert conform("model_metadata", at(MODEL, {"error": "no"}, 404)).outcome is Outcome.FAILED


def test_the_rules_that_a_model_can_show(serve: Any) -> None:
    every = [rule.id for rule in V2_RULES]
    assert v2_variants(serve(list, COLUMNS).model) == tuple(every)
    unsigned = v2_variants(serve(list, None).model)
    assert set(every) - set(unsigned) == {
        "metadata_matches",
        "answers_alike",
        "wrong_datatype",
        "wrong_dimensions",
        "missing_input",
        "unknown_output",
    }


def test_no_other_rule_has_such_an_id() -> None:
    others = {rule.id for rule in RULES} | {rule.id for table in STATIC_RULES.values() for rule in table}
    assert not others & {rule.id for rule in V2_RULES}
    assert len({rule.id for rule in V2_RULES}) == len(V2_RULES)


@pytest.mark.parametrize("shape", [[4], [2, 2], [2, 1, 3], [1, 1], [0, 2], [2, 0], [2, 0, 3], [2, 3, 0]])
def test_data_as_lists(shape: list[int]) -> None:
    array = np.arange(int(np.prod(shape))).reshape(shape)
    assert json.dumps(as_lists(array.ravel().tolist(), shape)) == json.dumps(array.tolist())


INPUTS = [{"name": "a", "data": [1]}, {"name": "b", "data": [2]}]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"inputs": [INPUTS[0], {"name": "b", "data": [3]}]}, "b"),
        ({"inputs": INPUTS[1:]}, "a"),
        ({"inputs": [*INPUTS, INPUTS[0]]}, "a"),
        ({"inputs": INPUTS, "id": "1"}, None),
        ({"inputs": []}, None),
        ({}, None),
        ({TEXT: "[]"}, None),
    ],
)
def test_a_request_says_in_which_input_it_is_not_the_good_one(document: dict[str, Any], expected: str | None) -> None:
    assert changed_input({"inputs": INPUTS}, document) == expected
    if TEXT not in document:
        rule = V2Rule(id="wrong_size", meaning="", changes=lambda _: iter([("", document)]))
        assert [case.held for case in rule.cases({"inputs": INPUTS})] == [expected]
