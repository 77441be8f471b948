"""A domain is held against the signature before it narrows anything."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from pytest_modelserve.domain import ColumnDomain, Domain, Origin, bound, from_table
from pytest_modelserve.errors import DomainError
from pytest_modelserve.signature.datatypes import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    ValueType,
)
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

POINT = Object(
    properties=(Property(name="x", type=DataType.LONG), Property(name="y", type=DataType.LONG, required=False))
)
TYPES: dict[str, ValueType] = {
    "flag": DataType.BOOLEAN,
    "small": DataType.INTEGER,
    "big": DataType.LONG,
    "single": DataType.FLOAT,
    "real": DataType.DOUBLE,
    "text": DataType.STRING,
    "blob": DataType.BINARY,
    "when": DataType.DATETIME,
    "many": Array(items=DataType.LONG),
    "point": POINT,
    "map": Map(values=DataType.DOUBLE),
    "any": AnyType(),
    "vector": SparkMLVector(),
}
SIGNATURE = Signature(
    inputs=ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind) for name, kind in TYPES.items())),
    params=(ParamSpec(name="temperature", type=DataType.DOUBLE, default=0.5),),
)


def bind(name: str, said: dict[str, object], signature: Signature = SIGNATURE) -> ColumnDomain:
    domain = bound(from_table({name: said}, origin=Origin.FILE, place="d.toml"), signature)
    return domain.columns[name]


@pytest.mark.parametrize(
    "moment",
    [
        "2024-01-02T03:04:05",
        dt.datetime(2024, 1, 2, 3, 4, 5),  # noqa: DTZ001 # without zone, as the column is
        dt.datetime(2024, 1, 2, 5, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    ],
)
def test_dates_of_every_form_become_nanoseconds(moment: object) -> None:
    found = bind("when", {"min": moment, "values": [moment]})
    assert found.min == np.datetime64("2024-01-02T03:04:05", "ns")
    assert found.values == (np.datetime64("2024-01-02T03:04:05", "ns"),)
    assert found.contains(np.datetime64("2024-01-02T03:04:05", "ns"))
    assert not found.contains(np.datetime64("2024-01-01", "ns"))


def test_text_of_a_binary_column_is_base64() -> None:
    assert bind("blob", {"values": ["aGk=", b"raw"]}).values == (b"hi", b"raw")


def test_whole_values_of_a_real_column_become_floats() -> None:
    (value,) = bind("real", {"values": [1]}).values or ()
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flag", True),
        ("small", -(2**31)),
        ("big", 2**63 - 1),
        ("text", ""),
        ("many", [1, 2]),
        ("point", {"x": 1}),
        ("map", {"k": 1.5}),
        ("any", [None, {}]),
        ("vector", [1.0]),
    ],
)
def test_values_of_the_type_are_taken(name: str, value: object) -> None:
    assert bind(name, {"values": [value]}).values == (value,)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("flag", "values", [1]),
        ("small", "values", [2**31]),
        ("big", "values", [1.5]),
        ("real", "values", ["1"]),
        ("real", "values", [float("inf")]),
        ("text", "values", [1]),
        ("blob", "values", ["no base64!"]),
        ("when", "values", ["yesterday"]),
        ("when", "values", ["9999-12-31"]),
        ("many", "values", [[1, "a"]]),
        ("point", "values", [{"y": 1}]),
        ("point", "values", [{"x": 1, "z": 1}]),
        ("map", "values", [{"k": "v"}]),
        ("text", "min", 3),
        ("big", "min", "3"),
        ("real", "max", float("nan")),
        ("big", "pattern", "a"),
        ("big", "max_length", 3),
        ("when", "max", 3),
    ],
)
def test_what_is_not_of_the_type_is_refused(name: str, key: str, value: object) -> None:
    with pytest.raises(DomainError) as caught:
        bind(name, {key: value})
    assert caught.value.facts["column"] == name
    assert caught.value.facts["key"] == key
    assert caught.value.facts["place"] == "d.toml"


def test_params_have_domains_too() -> None:
    assert bind("temperature", {"max": 2}).max == 2


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [("uint8", 255, "a"), ("float32", 0.5, True), ("str", "a", 1), ("datetime64[ns]", "2024-01-01", 1)],
)
def test_tensors_go_by_name_or_position(dtype: str, good: object, bad: object) -> None:
    for name, key in ((None, "0"), ("pixels", "pixels")):
        signature = Signature(inputs=TensorSchema(tensors=(TensorSpec(name=name, dtype=dtype, shape=(-1, 2)),)))
        assert bind(key, {"values": [good]}, signature).values
        with pytest.raises(DomainError):
            bind(key, {"values": [bad]}, signature)


def test_an_unknown_column_offers_the_one_that_was_meant() -> None:
    with pytest.raises(DomainError) as caught:
        bind("smal", {"min": 0})
    assert caught.value.fix == 'Did you mean "small"?'


def test_data_may_have_columns_that_the_model_has_not() -> None:
    seen = from_table({"target": {"min": 0}, "big": {"min": 1}}, origin=Origin.DATA, place="train.csv")
    assert set(bound(seen, SIGNATURE).columns) == {"big"}


def test_an_empty_domain_stays_empty() -> None:
    assert bound(Domain(), SIGNATURE) == Domain(columns={}, origins={}, places={})
