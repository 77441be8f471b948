"""Parameters: declared ones by their type, defaults for the rest."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.scoring.errors import NotAllowed
from pytest_modelserve.scoring.parameters import enforce_params
from pytest_modelserve.signature.datatypes import FLOAT32_LIMIT, DataType, Object, Property
from pytest_modelserve.signature.specs import ParamSpec

STYLE = Object(
    properties=(Property(name="size", type=DataType.LONG), Property(name="on", type=DataType.DATETIME, required=False))
)


def one(kind: Any, default: object = None, *, is_list: bool = False) -> list[ParamSpec]:
    return [ParamSpec(name="p", type=kind, default=default, shape=(-1,) if is_list else None)]


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        (DataType.BOOLEAN, True, True),
        (DataType.INTEGER, 2**31 - 1, 2**31 - 1),
        (DataType.LONG, -(2**63), -(2**63)),
        (DataType.LONG, 3.0, 3),
        (DataType.FLOAT, 0.1, 0.1),
        (DataType.FLOAT, math.nextafter(FLOAT32_LIMIT, 0), math.nextafter(FLOAT32_LIMIT, 0)),
        (DataType.DOUBLE, 2, 2.0),
        (DataType.STRING, "", ""),
        (DataType.DATETIME, "2024-01-02", dt.date(2024, 1, 2)),
        (DataType.DATETIME, "0001-01-01", dt.date(1, 1, 1)),
        (DataType.DATETIME, "9999-12-31T23:59:59.999999", dt.datetime.fromisoformat("9999-12-31T23:59:59.999999")),
        (DataType.DATETIME, "2024-01-02T03:04:05Z", dt.datetime.fromisoformat("2024-01-02T03:04:05")),
        (STYLE, {"size": 1, "on": "2024-01-02"}, {"size": 1, "on": "2024-01-02"}),
    ],
)
def test_a_value_of_its_type_arrives(kind: Any, sent: Any, expected: Any) -> None:
    params = enforce_params(one(kind), {"p": sent})
    assert params == {"p": expected}
    assert type(params["p"]) is type(expected)
    if not isinstance(kind, Object):
        assert enforce_params(one(kind, (), is_list=True), {"p": [sent, sent]}) == {"p": [expected] * 2}


WRONG: list[tuple[Any, Any]] = [
    *((DataType.BOOLEAN, value) for value in (0, "true")),
    *((DataType.INTEGER, value) for value in (2**31, 1.5, True, "1")),
    *((DataType.LONG, value) for value in (2**63, 1e19, True, "1")),
    *((DataType.FLOAT, value) for value in (1e39, FLOAT32_LIMIT, True, "1")),
    *((DataType.DOUBLE, value) for value in (True, "1")),
    *((DataType.STRING, value) for value in (1, True)),
    *((DataType.DATETIME, value) for value in (1, "", "1", "2024-01-02T03:04:05.123456789", "0000-01-01", "NaT")),
    *((STYLE, value) for value in ({}, {"size": "1"}, {"size": 1, "z": 1}, {"size": None}, "x")),
]


@pytest.mark.parametrize(("kind", "value"), WRONG)
def test_a_value_of_another_type_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(NotAllowed) as refused:
        enforce_params(one(kind), {"p": value})
    assert refused.value.details == {"param": "p"}


@pytest.mark.parametrize("value", [[1], {"a": 1}, None])
def test_a_scalar_is_neither_list_nor_null(value: Any) -> None:
    with pytest.raises(NotAllowed):
        enforce_params(one(DataType.LONG, 1), {"p": value})


@pytest.mark.parametrize("value", [1, None, {"0": 1}, [[1]], [None], [1, "2"]])
def test_a_list_is_a_list_of_its_type(value: Any) -> None:
    with pytest.raises(NotAllowed):
        enforce_params(one(DataType.LONG, (1,), is_list=True), {"p": value})


def test_a_list_may_be_empty() -> None:
    assert enforce_params(one(DataType.LONG, (1,), is_list=True), {"p": []}) == {"p": []}


def test_null_is_allowed_where_it_is_the_default() -> None:
    assert enforce_params(one(DataType.LONG), {"p": None}) == {"p": None}


@pytest.mark.parametrize("given", [None, {}])
@pytest.mark.parametrize(
    ("kind", "default", "expected"),
    [
        (DataType.LONG, 3, 3),
        (DataType.LONG, None, None),
        (DataType.LONG, (1, 2), [1, 2]),
        (DataType.DATETIME, np.datetime64("2024-01-02", "D"), dt.date(2024, 1, 2)),
        (DataType.DATETIME, np.datetime64("2024-01-02T03:04", "us"), dt.datetime.fromisoformat("2024-01-02T03:04")),
        (DataType.DATETIME, (np.datetime64("2024-01-02", "D"),), [dt.date(2024, 1, 2)]),
        (STYLE, {"size": 1}, {"size": 1}),
    ],
)
def test_defaults_fill_in(given: Any, kind: Any, default: Any, expected: Any) -> None:
    params = enforce_params(one(kind, default, is_list=isinstance(default, tuple)), given)
    assert params == {"p": expected}
    assert repr(params["p"]) == repr(expected)  # a date of NumPy equals one of Python


@pytest.mark.parametrize("given", [[], 0, "", False])
def test_params_are_an_object(given: Any) -> None:
    with pytest.raises(NotAllowed):
        enforce_params(one(DataType.LONG, 1), given)


def test_an_unknown_param_is_refused_with_the_near_name() -> None:
    with pytest.raises(NotAllowed, match="Did you mean 'temperature'") as refused:
        enforce_params([ParamSpec(name="temperature", type=DataType.DOUBLE, default=1.0)], {"temprature": 0.5})
    assert refused.value.details == {"param": "temprature"}


@pytest.mark.parametrize(
    ("declared", "name", "message"),
    [
        ((), "k", "The model declares no param 'k'"),
        (("top_k", "beam"), "k", "The model declares no param 'k'; it declares 'top_k', 'beam'"),
        (("seed_b", "seed_a"), "seed", "The model declares no param 'seed'. Did you mean 'seed_b'?"),
        (("seed_bc", "seeds"), "seed", "The model declares no param 'seed'. Did you mean 'seeds'?"),
    ],
)
def test_an_unknown_param_is_told_with_those_that_are(declared: tuple[str, ...], name: str, message: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        enforce_params([ParamSpec(name=one, type=DataType.LONG, default=1) for one in declared], {name: 1})
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "Param 'p' is null (null), not a list"),
        ({"0": 1}, "Param 'p' is an object (an object of 1), not a list"),
        ([1, "2"], "Param 'p', at [1], is a string ('2'), not an integer"),
        ([[1]], "Param 'p', at [0], is a list (a list of 1), not an integer"),
    ],
)
def test_only_what_stands_in_a_list_has_a_place(value: Any, message: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        enforce_params(one(DataType.LONG, (1,), is_list=True), {"p": value})
    assert refused.value.message == message
