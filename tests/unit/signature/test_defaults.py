# ruff: noqa: DTZ001 - MLflow's datetimes have no zone
from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.errors import SignatureError
from pytest_modelserve.signature import Signature

Parse = Callable[..., Signature]
Refusal = Callable[..., SignatureError]


def _param(kind: str, default: object, **keys: object) -> list[dict[str, object]]:
    return [{"name": "p", "type": kind, "default": default, "shape": None, **keys}]


def _default(parse: Parse, kind: str, default: object, **keys: object) -> object:
    (spec,) = parse(params=_param(kind, default, **keys)).params or ()
    return spec.default


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("boolean", False, False),
        ("integer", -(2**31), -(2**31)),
        ("integer", 2**31 - 1, 2**31 - 1),
        ("long", -(2**63), -(2**63)),
        ("long", 2**53 + 1, 2**53 + 1),
        ("float", 0.1, 0.1),
        ("float", 3.4028235e38, 3.4028235e38),
        ("double", 2, 2.0),
        ("float", -1, -1.0),
        ("double", 1.7976931348623157e308, 1.7976931348623157e308),
        ("string", "", ""),
        ("string", "NaN", "NaN"),
    ],
)
def test_scalars_keep_value_and_python_type(parse: Parse, kind: str, written: object, value: object) -> None:
    default = _default(parse, kind, written)
    assert default == value
    assert type(default) is type(value)


@pytest.mark.parametrize("kind", ["boolean", "integer", "long", "float", "double", "string", "datetime"])
def test_null_is_none_for_every_scalar_type(parse: Parse, kind: str) -> None:
    assert _default(parse, kind, None) is None
    assert _default(parse, kind, [None], shape=[-1]) == (None,)


@pytest.mark.parametrize("kind", ["float", "double"])
def test_nan_and_infinity_as_mlflow_writes_them(parse: Parse, kind: str) -> None:
    nan, infinity = (_default(parse, kind, value) for value in (math.nan, -math.inf))
    assert isinstance(nan, float)
    assert math.isnan(nan)
    assert infinity == -math.inf


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("boolean", 1),
        ("boolean", "true"),
        ("integer", 1.0),
        ("integer", True),
        ("integer", 2**31),
        ("integer", -(2**31) - 1),
        ("long", "1"),
        ("long", 2**63),
        ("long", -(2**63) - 1),
        ("float", 3.4028236e38),
        ("float", True),
        ("double", 10**309),
        ("double", "0.5"),
        ("string", 1),
        ("string", ["a"]),
        ("datetime", 5),
        ("datetime", ["2024-01-31"]),
        ("datetime", {}),
    ],
)
def test_scalars_that_the_type_does_not_hold(refusal: Refusal, kind: str, written: object) -> None:
    error = refusal(params=_param(kind, written))
    assert error.facts["path"] == "params[0].default"
    assert error.fix


def test_the_fix_names_a_type_that_is_wide_enough(refusal: Refusal) -> None:
    assert refusal(params=_param("integer", 2**31)).fix == "Declare it as 'long'."
    assert refusal(params=_param("long", 2**63)).fix == "Declare it as 'double' or 'string'."
    assert refusal(params=_param("float", 1e39)).fix == "Declare it as 'double'."
    assert refusal(params=_param("double", 10**309)).fix == "Declare it as 'string'."


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2024-01-31", date(2024, 1, 31)),
        ("9999-12-31", date(9999, 12, 31)),
        ("2024-01-31T00:00:00", datetime(2024, 1, 31)),
        ("2024-01-31 12:30", datetime(2024, 1, 31, 12, 30)),
        ("2024-01-31T12", datetime(2024, 1, 31, 12)),
        ("2024-01-31T12:30:00.000001", datetime(2024, 1, 31, 12, 30, 0, 1)),
        ("0001-01-01T00:00:00", datetime(1, 1, 1)),
        ("2024-01-31T12:30:00Z", datetime(2024, 1, 31, 12, 30)),
        ("2024-01-31T00:30:00+02:00", datetime(2024, 1, 30, 22, 30)),
        ("2024-12-31T23:30:00-0130", datetime(2025, 1, 1, 1)),
    ],
)
def test_datetimes_tell_a_date_from_a_time(parse: Parse, written: str, value: date) -> None:
    default = _default(parse, "datetime", written)
    assert isinstance(default, np.datetime64)
    assert default.item() == value
    assert type(default.item()) is type(value)


@pytest.mark.parametrize("written", ["", "NaT"])
def test_not_a_time_is_none_as_in_mlflow(parse: Parse, written: str) -> None:
    assert _default(parse, "datetime", written) is None


@pytest.mark.parametrize(
    "written",
    [
        "now",
        "today",
        "2024",
        "20240131",
        "2024-13-01",
        "2024-02-30",
        "0000-01-01",
        "10000-01-01",
        "0001-01-01T00:00:00+01:00",
        "2024-01-31T12:30:00.1234567",
        "2024-01-31T24:30:00",
        "2024-01-31T12:30:00+24:00",
        "2024-01-31T12:30:00+01:60",
        "31.01.2024",
        "２０２４-01-31",
    ],
)
def test_datetimes_that_are_none(refusal: Refusal, written: str) -> None:
    error = refusal(params=_param("datetime", written))
    assert error.facts["value"] == f'"{written}"'
    assert "ISO 8601" in error.fix


def test_lists_become_tuples_and_errors_name_the_element(parse: Parse, refusal: Refusal) -> None:
    assert _default(parse, "double", [1, 2.5], shape=[-1]) == (1.0, 2.5)
    assert _default(parse, "string", [], shape=[-1]) == ()
    assert refusal(params=_param("long", [1, [2]], shape=[-1])).facts["path"] == "params[0].default[1]"
    assert refusal(params=_param("long", None, shape=[-1])).fix == "Write a list, or set shape to null."


PROPERTIES: dict[str, Any] = {
    "flag": {"type": "boolean"},
    "n": {"type": "long", "required": False},
    "when": {"type": "datetime", "required": False},
    "raw": {"type": "binary", "required": False},
    "tags": {"type": "array", "items": {"type": "string"}, "required": False},
    "weights": {"type": "map", "values": {"type": "float"}, "required": False},
    "vectors": {"type": "array", "items": {"type": "sparkml_vector"}, "required": False},
    "free": {"type": "any", "required": False},
    "inner": {"type": "object", "properties": {"x": {"type": "double"}}, "required": False},
}


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"n": None, "when": None, "inner": None, "tags": [None], "weights": {"a": None}},
        {"n": 2**40, "when": "2024-01-31", "raw": "aGk=", "tags": ["a"], "weights": {"a": 1, "b": 0.5}},
        {"free": [{"x": None}], "inner": {"x": 1}, "weights": {}, "vectors": [[1, 2.5], []]},
    ],
)
def test_objects_stay_as_json_has_them(parse: Parse, extra: dict[str, Any]) -> None:
    written = {"flag": True, **extra}
    assert _default(parse, "object", written, properties=PROPERTIES) == written


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"flag": 1}, ".flag"),
        ({"flag": None}, ".flag"),
        ({"n": 0.5}, ".n"),
        ({"when": "soon"}, ".when"),
        ({"raw": "a"}, ".raw"),
        ({"raw": 1}, ".raw"),
        ({"tags": ["a", 1]}, ".tags[1]"),
        ({"tags": "a"}, ".tags"),
        ({"weights": {"a b": "1"}}, ".weights['a b']"),
        ({"weights": [1]}, ".weights"),
        ({"inner": {"x": "1"}}, ".inner.x"),
        ({"vectors": [[1], 2]}, ".vectors[1]"),
        ({"unknown": 1}, ""),
    ],
)
def test_objects_that_are_no_value_of_the_type(refusal: Refusal, change: dict[str, Any], path: str) -> None:
    error = refusal(params=_param("object", {"flag": True, **change}, properties=PROPERTIES))
    assert error.facts["path"] == f"params[0].default{path}"


def test_an_object_lacks_a_property(refusal: Refusal) -> None:
    assert refusal(params=_param("object", {"n": 1}, properties=PROPERTIES)).fix == "Add 'flag'."
    assert "an object" in refusal(params=_param("object", None, properties=PROPERTIES)).happened
