"""Refused or crashed, of what compiled libraries really raised, and of what they say in words alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.calls import RaisedException
from pytest_modelserve.checks.native import LIBRARIES, is_native_refusal
from pytest_modelserve.checks.outcome import is_refusal

Raised = Callable[..., RaisedException]

SEEN = json.loads((Path(__file__).parent / "data" / "native_errors.json").read_text(encoding="utf-8"))


def exception_of(seen: dict[str, Any]) -> RaisedException:
    return RaisedException(
        type=seen["type"],
        module=seen["module"],
        mro=tuple(seen["mro"]),
        message=seen["message"],
        traceback="",
        is_deliberate=seen["deliberate"],
        last_frame={"file": seen["file"], "line": 1, "function": seen["function"]},
    )


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: f"{seen['seen']}: {seen['what']}")
def test_errors_that_were_seen(seen: dict[str, Any]) -> None:
    assert is_refusal(exception_of(seen)) is seen["refused"]


def test_both_outcomes_were_seen_of_each_library_that_has_a_line() -> None:
    told = {(line["seen"], line["refused"]) for line in SEEN}
    own = {library.seen for library in LIBRARIES} & {line["seen"] for line in SEEN}
    assert len(own) >= 7
    assert {(name, refused) for name in own for refused in (True, False)} - told <= {("onnxruntime 1.32.0", False)}


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.seen)
def test_the_types_of_a_library_refuse_but_for_its_accidents(library: Any, raised: Raised) -> None:
    module = library.modules[0].removesuffix(".")

    def is_refused(kind: str) -> bool:
        mro = (f"{module}.{kind}", "Exception", "BaseException")
        return is_refusal(raised(RuntimeError, type=kind, module=module, mro=mro))

    assert is_refused("SomeError")
    assert not any(is_refused(kind) for kind in library.accidents)
    assert not is_refusal(raised(RuntimeError, type="SomeError", module=f"{module}x", mro=(f"{module}x.SomeError",)))


@pytest.mark.parametrize(
    "words",
    [
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried",
        "CUDA out of memory. Tried to allocate 20.00 MiB",
        "CUDA error: device-side assert triggered",
        "std::bad_alloc",
        "Failed to allocate memory for requested buffer of size 1099511627776",
    ],
)
def test_memory_and_devices_fail_by_accident(words: str, raised: Raised) -> None:
    torch = {"file": "/env/torch/nn/modules/linear.py"}
    assert not is_refusal(raised(RuntimeError, message=words, last_frame=torch))
    assert not is_refusal(raised(RuntimeError, message=words, deliberate=True))
    assert not is_refusal(raised(RuntimeError, type="Fail", module="onnxruntime.capi.state", mro=(), message=words))
    assert is_refusal(raised(ValueError, message=f"the model says: {words}", deliberate=True))


@pytest.mark.parametrize("file", ["pandas/_libs/lib.pyx", "pyarrow/error.pxi", "sklearn\\tree\\_tree.pyx", "own.pxd"])
@pytest.mark.parametrize(
    ("message", "refuses"),
    [
        ("Probabilities do not sum to 1", True),
        ("2024-03-31 02:30:00 is a nonexistent time", True),
        ("could not convert string to float: 'a'", False),
        ("invalid literal for int() with base 10: 'a'", False),
        ("not enough values to unpack (expected 2, got 1)", False),
        ("math domain error", False),
        ("Buffer dtype mismatch, expected 'float64_t' but got 'float'", False),
        ("buffer source array is read-only", False),
        ("operands could not be broadcast together with shapes (3,) (4,)", False),
    ],
)
def test_cython_raises_on_purpose_what_nobody_else_raises(file: str, message: str, refuses: bool) -> None:
    assert is_native_refusal("ValueError", "builtins", message, file) is refuses
    assert not is_native_refusal("ValueError", "builtins", message, file.rpartition(".")[0] + ".py")
    assert not is_native_refusal("RuntimeError", "builtins", message, file)


@pytest.mark.parametrize("kind", ["KeyError", "TypeError", "IndexError", "OverflowError", "AttributeError"])
def test_accidents_in_cython_are_crashes(kind: str, raised: Raised) -> None:
    error = {"KeyError": KeyError, "TypeError": TypeError, "IndexError": IndexError}.get(kind, ArithmeticError)
    assert not is_refusal(raised(error, type=kind, last_frame={"file": "pandas/_libs/hashtable_class_helper.pxi"}))


def test_dates_out_of_bounds_are_arithmetic_and_no_refusal(raised: Raised) -> None:
    mro = ("pandas.errors.OutOfBoundsDatetime", "ValueError", "Exception")
    error = raised(ValueError, type="OutOfBoundsDatetime", module="pandas.errors", mro=mro)
    assert not is_refusal(error)
