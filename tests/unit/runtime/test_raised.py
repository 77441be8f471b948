"""An exception becomes data: what it is, where it stands, and whether it was raised on purpose."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from pytest_modelserve.runtime.frames import ExceptionRecord
from pytest_modelserve.runtime.raised import describe_exception


class OwnError(LookupError):
    pass


class BrokenStr(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text today")


def on_purpose() -> None:
    raise OwnError("an age cannot be negative")


def on_purpose_from_another() -> None:
    try:
        int("x")
    except ValueError as error:
        raise OwnError("no number") from error


def by_the_interpreter() -> object:
    table: dict[str, object] = {}
    return table["a"]


def by_a_function_in_c() -> object:
    return int("x")


def passed_on() -> object:
    try:
        return int("x")
    except ValueError:
        ""
        raise


def through_finally() -> object:
    try:
        return int("x")
    finally:
        ""


def without_end(depth: int = 0) -> int:
    return without_end(depth + 1)


def record_of(function: Callable[[], object]) -> ExceptionRecord:
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        function()
    return describe_exception(caught.value)


@pytest.mark.parametrize(
    ("function", "deliberate"),
    [
        (on_purpose, True),
        (on_purpose_from_another, True),
        (by_the_interpreter, False),
        (by_a_function_in_c, False),
        (passed_on, False),
        (through_finally, False),
        (without_end, False),
        (lambda: sys.exit(3), False),
    ],
)
def test_only_a_raise_statement_is_deliberate(function: Callable[[], object], deliberate: bool) -> None:
    assert record_of(function).deliberate is deliberate


def test_a_record_names_class_bases_and_place() -> None:
    record = record_of(on_purpose)

    assert (record.type, record.module, record.message) == ("OwnError", __name__, "an age cannot be negative")
    assert record.mro_names == (f"{__name__}.OwnError", "LookupError", "Exception", "BaseException")
    assert record.last_frame is not None
    assert (record.last_frame.file, record.last_frame.function) == (__file__, "on_purpose")
    assert record.last_frame.line == on_purpose.__code__.co_firstlineno + 1


def test_the_traceback_has_its_causes() -> None:
    text = record_of(on_purpose_from_another).traceback

    assert "invalid literal for int" in text
    assert "direct cause" in text
    assert text.rstrip().endswith("OwnError: no number")


def test_an_exception_that_was_never_raised_has_no_frame() -> None:
    record = describe_exception(ValueError("x"))

    assert (record.last_frame, record.deliberate) == (None, False)


def test_a_broken_str_does_not_hide_the_exception() -> None:
    record = describe_exception(BrokenStr())

    assert (record.type, record.message) == ("BrokenStr", "<its str raised RuntimeError>")


def test_a_long_message_is_shortened_in_its_middle() -> None:
    record = describe_exception(ValueError("a" * 50_000 + "z"))

    assert len(record.message) < 11_000
    assert record.message.startswith("aaa")
    assert record.message.endswith("z")
