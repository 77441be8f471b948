"""What an error says of the model's exception stands in for the spy; an error of the server itself says nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_modelserve.checks.outcome import RequestOutcome, classify
from pytest_modelserve.checks.told import told_call
from pytest_modelserve.client import Invocation, Request

BY_MLFLOW = (
    "Encountered an unexpected error while evaluating the model. Verify that the input is compatible with the model "
    "for inference."
)
REFUSED = """Traceback (most recent call last):
  File "/env/mlflow/pyfunc/scoring_server/__init__.py", line 426, in invocations
    raw_predictions = model.predict(data)
                      ^^^^^^^^^^^^^^^^^^^
  File "/models/code/churn.py", line 12, in predict
    raise ValueError("plan: unknown category 'gold'")
ValueError: plan: unknown category 'gold'
"""
CRASHED = """Traceback (most recent call last):
  File "/models/code/churn.py", line 12, in predict
    return self.prices[row["plan"]]
           ~~~~~~~~~~~^^^^^^^^^^^^^
KeyError: 'gold'
"""
NATIVE = """Traceback (most recent call last):
  File "/env/onnxruntime/capi/session.py", line 3, in run
    return self._sess.run(names, feed)
onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument: [ONNXRuntimeError] : 2
of rank 3
"""


def answered(status: int | None, document: Any, headers: Mapping[str, str] | None = None) -> Invocation:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    request = Request(method="POST", url="http://h/invocations", headers={}, body=b"{}")
    return Invocation(
        request=request,
        request_id="r",
        case=None,
        status=status,
        headers=headers or {},
        body=body,
        elapsed_s=0.5,
        error=None,
    )


def by_mlflow(trace: str, message: str = BY_MLFLOW) -> Invocation:
    return answered(400, {"error_code": "BAD_REQUEST", "message": message, "stack_trace": trace})


def by_us(kind: str) -> Invocation:
    return answered(500, {"error_code": "MODEL_ERROR", "message": f"The model raised {kind}", "request_id": "r"})


def by_us_in_v2(document: Any, decided_by: str = "model") -> Invocation:
    return answered(500, document, {"x-modelserve-decided-by": decided_by})


@pytest.mark.parametrize(
    ("invocation", "kind", "message", "outcome"),
    [
        (by_us("ValueError"), "ValueError", "", RequestOutcome.MODEL_REFUSED),
        (by_us("UnseenCategory"), "UnseenCategory", "", RequestOutcome.MODEL_REFUSED),
        (by_us("KeyError"), "KeyError", "", RequestOutcome.MODEL_CRASHED),
        (by_us_in_v2({"error": "The model raised KeyError"}), "KeyError", "", RequestOutcome.MODEL_CRASHED),
        (by_us_in_v2({"error": "The model raised ValueError"}), "ValueError", "", RequestOutcome.MODEL_REFUSED),
        (by_mlflow(REFUSED), "ValueError", "plan: unknown category 'gold'", RequestOutcome.MODEL_REFUSED),
        (by_mlflow(CRASHED), "KeyError", "'gold'", RequestOutcome.MODEL_CRASHED),
        (by_mlflow(NATIVE), "InvalidArgument", "[ONNXRuntimeError] : 2\nof rank 3", RequestOutcome.MODEL_REFUSED),
        (by_mlflow("ZeroDivisionError: division by zero"), "ZeroDivisionError", "division by zero", None),
        (by_mlflow("StopIteration\n"), "StopIteration", "", None),
    ],
)
def test_the_exception_of_the_model_is_read(
    invocation: Invocation, kind: str, message: str, outcome: RequestOutcome | None
) -> None:
    call = told_call(invocation)
    assert call is not None
    assert call.exception is not None
    assert (call.request_id, call.exception.type, call.exception.message) == ("r", kind, message)
    assert classify(invocation, call) is (outcome or RequestOutcome.MODEL_CRASHED)


def test_the_last_frame_is_told() -> None:
    call = told_call(by_mlflow(CRASHED))
    assert call is not None
    assert call.exception is not None
    assert call.exception.last_frame == {"file": "/models/code/churn.py", "line": 12, "function": "predict"}
    assert call.exception.mro[1:3] == ("builtins.LookupError", "builtins.Exception")
    assert call.exception.traceback == CRASHED


@pytest.mark.parametrize(
    "invocation",
    [
        answered(200, {"error_code": "MODEL_ERROR", "message": "The model raised ValueError"}),
        answered(None, b""),
        answered(500, b"<html>"),
        answered(500, b"[" * 100_000),
        answered(500, ["MODEL_ERROR"]),
        answered(500, {"error_code": "INTERNAL", "message": "The model raised ValueError"}),
        answered(400, {"message": BY_MLFLOW}),
        answered(500, {"error": "The model raised KeyError"}),
        by_us_in_v2({"error": "The model raised KeyError"}, "encoder"),
        by_us_in_v2({"error": "The model took longer than 1 s"}),
        by_us_in_v2({"error_code": "INTERNAL", "error": "The model raised KeyError"}),
        by_mlflow(REFUSED, message="Failed to parse the CSV"),
        by_mlflow("   "),
    ],
)
def test_any_other_answer_tells_of_no_call(invocation: Invocation) -> None:
    assert told_call(invocation) is None
