"""Values that a type cannot hold, or need not: each breaks one rule of the contract, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from ..cases import Expectation
from ..signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector, ValueType
from .edges import base_value
from .nulls import null_expectation

_INNER: Final = 3  # wrong values taken from each part of a nested type, so that deep types stay enumerable
_WHOLE: Final = frozenset({DataType.INTEGER, DataType.LONG})
_FLOATS: Final = frozenset({DataType.FLOAT, DataType.DOUBLE})
_WITHOUT_NULL: Final = frozenset({DataType.BOOLEAN, DataType.INTEGER, DataType.LONG})
_NUMBERS: Final = frozenset({DataType.INTEGER, DataType.LONG, DataType.FLOAT, DataType.DOUBLE})


@dataclass(frozen=True, slots=True)
class Token:
    """Text that stands in a JSON body as it is, where no Python value is spelled so."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One value that breaks one rule.

    Attributes:
        rule: The rule's id.
        value: The cell as it is sent, or a Token.
        name: What is wrong, in a few words.
        expectation: REJECT, or EITHER where the contract leaves it open.
    """

    rule: str
    value: object
    name: str
    expectation: Expectation = Expectation.REJECT


def _rejected(rule: str, name: str, values: Sequence[object]) -> tuple[Wrong, ...]:
    return tuple(Wrong(rule=rule, value=value, name=name) for value in values)


def _open(rule: str, name: str, values: Sequence[object]) -> tuple[Wrong, ...]:
    return tuple(Wrong(rule=rule, value=value, name=name, expectation=Expectation.EITHER) for value in values)


_NAN: Final = _rejected("nan_token", "not a JSON number", [Token("NaN")])
_TOKENS: Final = (
    *_NAN,
    *_rejected("infinity_token", "not a JSON number", [Token("Infinity"), Token("-Infinity")]),
)
_NO_SCALAR: Final = _rejected("object_for_scalar", "record for a scalar", [{"a": 1}])
_LIST: Final = "list_for_scalar"
_TEXT_FOR_NUMBER: Final = _rejected("text_for_number", "text for a number", ["1", "1.5", "abc", ""])
_BOOLEAN_FOR_NUMBER: Final = _rejected("boolean_for_number", "boolean for a number", [True])
_FRACTION: Final = _rejected("fraction_for_integer", "fraction for an integer", [1.5, -0.5])
_INTEGRAL: Final = _open("integral_float", "whole number written with a point", [3.0])

_SCALARS: Final[Mapping[DataType, tuple[Wrong, ...]]] = {
    DataType.BOOLEAN: (
        *_rejected("text_for_boolean", "text for a boolean", ["true", "false", ""]),
        *_NAN,
        *_rejected("number_for_boolean", "number for a boolean", [1, 0, 1.5]),
        *_rejected(_LIST, "list for a scalar", [[True]]),
        *_NO_SCALAR,
    ),
    DataType.INTEGER: (
        *_rejected("integer_out_of_range", "above int32", [2**31, 2**63]),
        *_rejected("integer_out_of_range", "below int32", [-(2**31) - 1]),
        *_rejected("integer_out_of_range", "far beyond any integer type", [1e39]),
    ),
    DataType.LONG: (
        *_rejected("integer_out_of_range", "above int64", [2**63, 2**64]),
        *_rejected("integer_out_of_range", "below int64", [-(2**63) - 1]),
        *_rejected("integer_out_of_range", "far beyond any integer type", [1e39]),
    ),
    DataType.FLOAT: (
        *_rejected("float_out_of_range", "beyond float32", [1e39, -1e39, 3.5e38]),
        *_rejected("float_out_of_range", "beyond any float", [Token("1e400")]),
    ),
    DataType.DOUBLE: (
        *_rejected("float_out_of_range", "beyond float64", [Token("1e400"), Token("-1e400")]),
        *_open("inexact_integer", "integer that float64 does not hold", [2**53 + 1]),
    ),
    DataType.STRING: (
        *_rejected("number_for_string", "number for text", [1, 1.5]),
        *_NAN,
        *_rejected("boolean_for_string", "boolean for text", [True]),
        *_rejected(_LIST, "list for text", [["a"]]),
        *_NO_SCALAR,
        *_open("lone_surrogate", "half a character", ["\ud800"]),
    ),
    DataType.BINARY: (
        *_rejected("bad_base64", "not base64", ["!!!!", "é", "a"]),
        *_NAN,
        *_rejected("number_for_binary", "number for base64", [1]),
        *_rejected("boolean_for_binary", "boolean for base64", [True]),
        *_rejected(_LIST, "list for a scalar", [["aGk="]]),
        *_NO_SCALAR,
        *_open("unpadded_base64", "base64 without padding", ["YWI"]),
        *_open("url_safe_base64", "base64 in the URL-safe alphabet", ["-_-_"]),
    ),
    DataType.DATETIME: (
        *_rejected("bad_date", "not a date", ["not a date", "2023-02-29T00:00:00", "now", "01/02/2024", ""]),
        *_rejected("number_for_datetime", "number for a date", [1_577_836_800, 1.5]),
        *_NAN,
        *_rejected("boolean_for_datetime", "boolean for a date", [True]),
        *_rejected(_LIST, "list for a scalar", [["2024-01-02T03:04:05"]]),
        *_NO_SCALAR,
        *_open("zoned_datetime", "date with a zone", ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05+02:00"]),
        *_open("date_without_time", "date alone", ["2024-01-02"]),
        *_open("datetime_out_of_range", "beyond nanoseconds", ["9999-12-31T00:00:00", "0001-01-01T00:00:00"]),
    ),
}
_FOR_NUMBERS: Final = (
    *_TEXT_FOR_NUMBER,
    *_BOOLEAN_FOR_NUMBER,
    *_rejected(_LIST, "list for a scalar", [[1]]),
    *_NO_SCALAR,
    *_TOKENS,
)


_CSV_TEXTS: Final[Mapping[ValueType, tuple[str, ...]]] = {
    DataType.BOOLEAN: ("maybe",),
    DataType.INTEGER: ("abc", "1.5", str(2**31)),
    DataType.LONG: ("abc", "1.5", str(2**63)),
    DataType.FLOAT: ("abc", "1e39"),
    DataType.DOUBLE: ("abc", "1e400"),
    DataType.BINARY: ("!!!!",),
    DataType.DATETIME: ("not a date",),
}


@lru_cache(maxsize=1_024)  # frozen types; a wide model has few different ones
def wrong_values(kind: ValueType, *, required: bool = True) -> tuple[Wrong, ...]:
    """Return the wrong values of a type, null where it is not simply valid, always the same in the same order."""
    found = _scalars(kind) if isinstance(kind, DataType) else tuple(_nested(kind))
    return (*found, *_null(kind, required=required))


@lru_cache(maxsize=256)
def wrong_elements(dtype: str) -> tuple[Wrong, ...]:
    """Return the wrong values of a tensor's elements; none for a dtype of Python objects."""
    kind = np.dtype(dtype).kind
    if kind in "iu":
        info = np.iinfo(dtype)
        beyond = (int(info.max) + 1, int(info.min) - 1)
        return (
            *_rejected("integer_out_of_range", f"beyond {dtype}", [*beyond]),
            *_FRACTION,
            *_INTEGRAL,
            *_elements_of_numbers(Expectation.REJECT),
        )
    if kind == "f":
        ends = {2: (70_000.0,), 4: (1e39, -1e39)}.get(np.dtype(dtype).itemsize, ())
        return (
            *_rejected("float_out_of_range", f"beyond {dtype}", [*ends, Token("1e400")]),
            *_elements_of_numbers(Expectation.EITHER),
        )
    scalar = {"b": DataType.BOOLEAN, "U": DataType.STRING, "S": DataType.BINARY, "M": DataType.DATETIME}.get(kind)
    if scalar is None:
        return ()
    # A list in the place of an element is another rank, which is a rule of its own. An integer for a datetime counts
    # the unit that the dtype names: so MLflow writes it into the examples that it saves.
    is_count = kind == "M"
    return tuple(
        wrong for wrong in wrong_values(scalar) if wrong.rule != _LIST and not (is_count and type(wrong.value) is int)
    )


def csv_texts(kind: ValueType) -> tuple[str, ...]:
    """Return texts of a CSV cell that do not read as this type; none where every text does."""
    return _CSV_TEXTS.get(kind, ())


def _elements_of_numbers(null: Expectation) -> tuple[Wrong, ...]:
    rule = "null_in_required" if null is Expectation.REJECT else "null_as_missing"
    return (
        *_TEXT_FOR_NUMBER,
        *_BOOLEAN_FOR_NUMBER,
        *_NO_SCALAR,
        *_TOKENS,
        Wrong(rule=rule, value=None, name="null for a number", expectation=null),
    )


def _scalars(kind: DataType) -> tuple[Wrong, ...]:
    whole = (*_FRACTION, *_INTEGRAL) if kind in _WHOLE else ()
    return (*_SCALARS[kind], *whole, *(_FOR_NUMBERS if kind in _NUMBERS else ()))


def _null(kind: ValueType, *, required: bool) -> tuple[Wrong, ...]:
    expectation = null_expectation(kind, required=required)
    if expectation is Expectation.ACCEPT:
        return ()
    rule = "null_in_required" if expectation is Expectation.REJECT else "null_as_missing"
    return (Wrong(rule=rule, value=None, name="null", expectation=expectation),)


def _nested(kind: ValueType) -> Iterator[Wrong]:
    match kind:
        case Array(items=items):
            yield from _in_array(items)
        case SparkMLVector():
            yield from _in_array(DataType.DOUBLE)
        case Object():
            yield from _in_object(kind)
        case Map(values=values):
            yield from _rejected("list_for_map", "list for a map", [[base_value(values)]])
            yield from _rejected("scalar_for_map", "scalar for a map", ["a", 1])
            for wrong in _few(values):
                yield Wrong(rule="wrong_map_value", value={"a": wrong.value}, name=f"value is {wrong.name}")
            yield from _null_part(values, {"a": None})
        case AnyType():
            yield from _TOKENS


def _in_array(items: ValueType) -> Iterator[Wrong]:
    plain = base_value(items)
    yield from _rejected("scalar_for_array", "scalar for a list", [*([1, "a"] if plain != "a" else ["a", 1])])
    yield from _rejected("object_for_array", "record for a list", [{"a": plain}])
    for wrong in _few(items):
        yield Wrong(rule="wrong_element", value=[plain, wrong.value], name=f"second element is {wrong.name}")
        yield Wrong(rule="wrong_element", value=[wrong.value], name=f"element is {wrong.name}")
    if items in _FLOATS:
        yield Wrong(rule="nan_token", value=[plain, Token("NaN")], name="second element is no JSON number")
    yield from _null_part(items, [plain, None])


def _in_object(kind: Object) -> Iterator[Wrong]:
    plain = base_value(kind)
    record = plain if isinstance(plain, dict) else {}
    yield from _rejected("list_for_object", "list for a record", [[record]])
    yield from _rejected("scalar_for_object", "scalar for a record", ["a", 1])
    yield from _open("unknown_property", "property that is not declared", [{**record, "modelserve_unknown": 1}])
    for item in kind.properties:
        if item.required:
            rest = {name: value for name, value in record.items() if name != item.name}
            yield from _rejected("missing_property", f'without "{item.name}"', [rest])
        for wrong in _few(item.type):
            value = {**record, item.name: wrong.value}
            yield Wrong(rule="wrong_property", value=value, name=f'"{item.name}" is {wrong.name}')
        yield from _null_property(item, {**record, item.name: None})


def _null_property(item: Property, value: object) -> tuple[Wrong, ...]:
    if item.required and item.type in _WITHOUT_NULL:
        return _rejected("wrong_property", f'"{item.name}" is null', [value])
    return _null_part(item.type, value)


def _few(kind: ValueType) -> list[Wrong]:
    """Return some wrong values of a part: the first of each rule, no null and no bare token."""
    by_rule: dict[str, Wrong] = {}
    for wrong in wrong_values(kind):
        if wrong.expectation is Expectation.REJECT and wrong.value is not None and not isinstance(wrong.value, Token):
            by_rule.setdefault(wrong.rule, wrong)
    return list(by_rule.values())[:_INNER]


def _null_part(part: ValueType, value: object) -> tuple[Wrong, ...]:
    # null is a value of AnyType like any other
    return () if isinstance(part, AnyType) else _open("null_element", "null among the parts", [value])
