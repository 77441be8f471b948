"""Refused or crashed, by the type that was raised and where it was raised."""

from __future__ import annotations

import builtins
import datetime as dt
import decimal
import json
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.checks.calls import RaisedException
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.checks.outcome import RequestOutcome, is_overflow, is_refusal
from pytest_modelserve.client import ErrorKind

Raised = Callable[..., RaisedException]
Exchanged = Callable[..., Exchange]

ACCIDENTAL = (
    "KeyError",
    "IndexError",
    "ZeroDivisionError",
    "OverflowError",
    "AttributeError",
    "NameError",
    "UnboundLocalError",
    "TypeError",
    "UnicodeDecodeError",
    "FileNotFoundError",
    "ConnectionError",
    "AssertionError",
    "ModuleNotFoundError",
    "RecursionError",
    "MemoryError",
)


@pytest.mark.parametrize("name", ACCIDENTAL)
def test_an_accident_is_no_refusal_even_where_it_is_raised(name: str, raised: Raised) -> None:
    assert not is_refusal(raised(getattr(builtins, name), deliberate=True))


def test_what_derives_from_an_accident_is_one(raised: Raised) -> None:
    class NotFittedError(ValueError, AttributeError):
        """As scikit-learn's."""

    assert not is_refusal(raised(NotFittedError, deliberate=True))


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, Exception, NotImplementedError, json.JSONDecodeError])
def test_a_raise_statement_refuses(kind: type[BaseException], raised: Raised) -> None:
    assert is_refusal(raised(kind, deliberate=True))
    assert not is_refusal(raised(kind, deliberate=False))


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        ("InvalidArgument", "onnxruntime.capi.onnxruntime_pybind11_state"),
        ("CatBoostError", "_catboost"),
        ("XGBoostError", "xgboost.core"),
        ("LightGBMError", "lightgbm.basic"),
        ("InvalidArgumentError", "tensorflow.python.framework.errors_impl"),
    ],
)
def test_a_native_library_refuses_by_its_own_type(kind: str, module: str, raised: Raised) -> None:
    assert is_refusal(raised(RuntimeError, type=kind, module=module, mro=(f"{module}.{kind}", "Exception")))
    assert not is_refusal(raised(RuntimeError, type=kind, module="mine", mro=(f"mine.{kind}", "Exception")))


@pytest.mark.parametrize("file", ["/env/lib/torch/nn/modules/linear.py", "C:\\env\\tensorflow\\python\\ops.py"])
def test_a_native_library_refuses_by_a_bare_runtime_error(file: str, raised: Raised) -> None:
    assert is_refusal(raised(RuntimeError, last_frame={"file": file}))
    assert not is_refusal(raised(ValueError, last_frame={"file": file}))
    assert not is_refusal(raised(RuntimeError, last_frame={"file": "code/torch_model.py"}))


@pytest.mark.parametrize(
    ("kind", "mro"),
    [
        ("UnidentifiedImageError", ("PIL.UnidentifiedImageError", "OSError", "Exception")),
        ("OSError", ("OSError", "Exception")),  # of an image that is cut short
    ],
)
def test_a_decoder_refuses_bytes_by_an_error_of_files(kind: str, mro: tuple[str, ...], raised: Raised) -> None:
    there = {"file": "/env/lib/PIL/ImageFile.py"}
    assert is_refusal(raised(OSError, type=kind, mro=mro, deliberate=True, last_frame=there))
    assert not is_refusal(raised(OSError, type=kind, mro=mro, deliberate=False, last_frame=there))
    assert not is_refusal(raised(OSError, type=kind, mro=mro, deliberate=True, last_frame={"file": "model.py"}))
    assert not is_refusal(raised(KeyError, deliberate=True, last_frame=there))


def test_no_memory_is_no_refusal_of_a_native_library(raised: Raised) -> None:
    mro = ("torch.OutOfMemoryError", "RuntimeError", "Exception")
    assert not is_refusal(raised(RuntimeError, type="OutOfMemoryError", module="torch", mro=mro))


def overflowing() -> dict[str, Callable[[], object]]:
    """What models really do with the ends of a type."""
    last = pd.Timestamp.max
    return {
        "int of infinity": lambda: int(math.inf),
        "int of NaN": lambda: int(math.nan),
        "exp": lambda: math.exp(1e4),
        "power": lambda: 1e308**2.0,
        "decimal": lambda: decimal.Decimal("1e999999") ** 9,
        "numpy integer": lambda: np.int64(10**30),
        "numpy array": lambda: np.array([10**30], dtype="int64"),
        "pandas integer": lambda: pd.Series([np.inf]).astype("int64"),
        "datetime": lambda: dt.datetime(9999, 12, 31, tzinfo=dt.timezone.utc) + dt.timedelta(1),
        "year": lambda: dt.datetime.fromtimestamp(1e12, dt.timezone.utc),
        "timestamp": lambda: last + pd.Timedelta(days=1),
        "timestamps": lambda: pd.Series([last]) + pd.Timedelta(days=1),
        "timedelta": lambda: pd.Timedelta(1e300, unit="D"),
        "local time": lambda: last.tz_localize("America/New_York"),
    }


@pytest.mark.parametrize("name", overflowing())
def test_arithmetic_at_the_ends_of_a_type_is_known_for_it(name: str, raised: Raised) -> None:
    with pytest.raises((ValueError, ArithmeticError, OSError)) as caught:
        overflowing()[name]()
    assert is_overflow(raised(caught.value))


@pytest.mark.parametrize(
    "error",
    [
        IndexError("index 5 is out of bounds for axis 0 with size 3"),
        ValueError("could not convert string to float: 'a'"),
        KeyError("the value is too large"),
        MemoryError("Unable to allocate 6.94 EiB for an array with shape (1,)"),
        OSError("[Errno 2] No such file or directory"),
        TypeError("too large"),
    ],
)
def test_other_crashes_are_no_overflow(error: Exception, raised: Raised) -> None:
    assert not is_overflow(raised(error))


def test_an_answer_with_a_prediction(exchanged: Exchanged) -> None:
    assert exchanged().outcome is RequestOutcome.PREDICTED
    assert exchanged(status=204).outcome is RequestOutcome.PREDICTED


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 422])
def test_a_client_error_without_the_model_is_a_rejection(status: int, exchanged: Exchanged) -> None:
    assert exchanged(status=status).outcome is RequestOutcome.REJECTED


def test_a_client_error_after_the_model_answered_is_the_servers(exchanged: Exchanged) -> None:
    assert exchanged(status=400, is_reached=True).outcome is RequestOutcome.SERVER_ERROR


@pytest.mark.parametrize("status", [300, 500, 502, 503])
def test_any_other_status_is_the_servers(status: int, exchanged: Exchanged) -> None:
    assert exchanged(status=status).outcome is RequestOutcome.SERVER_ERROR


def test_what_the_model_raised_counts_whatever_the_server_made_of_it(raised: Raised, exchanged: Exchanged) -> None:
    refused, crashed = raised(ValueError, deliberate=True), raised(KeyError)
    for status in (400, 500):
        assert exchanged(status=status, raised=refused).outcome is RequestOutcome.MODEL_REFUSED
        assert exchanged(status=status, raised=crashed).outcome is RequestOutcome.MODEL_CRASHED


def test_a_server_that_hides_what_the_model_raised_is_at_fault(raised: Raised, exchanged: Exchanged) -> None:
    assert exchanged(status=200, raised=raised(ValueError, deliberate=True)).outcome is RequestOutcome.SERVER_ERROR


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (ErrorKind.TIMEOUT, RequestOutcome.TIMED_OUT),
        (ErrorKind.DISCONNECTED, RequestOutcome.DISCONNECTED),
        (ErrorKind.REFUSED, RequestOutcome.DISCONNECTED),
        (ErrorKind.UNREADABLE, RequestOutcome.DISCONNECTED),
    ],
)
def test_no_answer(kind: ErrorKind, outcome: RequestOutcome, exchanged: Exchanged) -> None:
    assert exchanged(error=kind).outcome is outcome


def test_the_servers_own_deadline_is_a_timeout(exchanged: Exchanged) -> None:
    assert exchanged(status=504).outcome is RequestOutcome.TIMED_OUT
