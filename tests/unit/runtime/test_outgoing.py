"""What a model returns becomes neutral values: nothing lost, nothing made up, nothing that would need its libraries."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.runtime.frames import (
    Missing,
    OpaqueValue,
    Predictions,
    SeriesValue,
    Storage,
    TableValue,
    TimestampValue,
    Unencodable,
    read_message,
)
from pytest_modelserve.runtime.outgoing import encode_predictions


class Level(enum.IntEnum):
    LOW = 1


class Label(str, enum.Enum):
    CAT = "cat"


class Plain(enum.Enum):
    A = 1


class Point(NamedTuple):
    x: int
    y: float


@dataclasses.dataclass
class Record:
    x: int = 1


class OwnMoment(dt.datetime):
    def isoformat(self, *_: object) -> str:
        return "some day"


class BrokenRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no repr today")


def iter_numbers() -> Iterator[int]:
    yield from range(3)


def answer(value: object) -> Any:
    return read_message(io.BufferedReader(io.BytesIO(encode_predictions(5, value, 0.25))))


def received(value: object) -> Any:
    message = answer(value)
    assert isinstance(message, Predictions)
    return message.value


def column(series: pd.Series[Any]) -> Any:
    return received(series).column


def test_an_answer_says_what_it_is() -> None:
    message = answer(pd.DataFrame({"a": [1]}))

    assert isinstance(message, Predictions)
    assert (message.seq, message.elapsed_s) == (5, 0.25)
    assert message.type_name.endswith("DataFrame")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Level.LOW, 1),
        (Label.CAT, "cat"),
        (Point(1, 2.5), (1, 2.5)),
        (collections.OrderedDict(a=1), {"a": 1}),
        (np.float64(0.5), np.float64(0.5)),
        (OwnMoment(2024, 1, 2, 3, 4, 5, 6, dt.timezone.utc), dt.datetime(2024, 1, 2, 3, 4, 5, 6, dt.timezone.utc)),
        (pd.NaT, Missing.NAT),
        (pd.NA, Missing.NA),
        ([pd.NaT, {"x": pd.NA}], [Missing.NAT, {"x": Missing.NA}]),
        (np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0], (1, 2.0)),
    ],
    ids=repr,
)
def test_values_that_are_some_plain_value_become_it(value: object, expected: object) -> None:
    result = received(value)

    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        ({1, 2}, "set"),
        (decimal.Decimal("1.1"), "decimal.Decimal"),
        (1j, "complex"),
        (range(3), "range"),
        (pd.Index([1]), "pandas"),
        (pd.Timedelta(1), "pandas"),
        (Plain.A, f"{__name__}.Plain"),
        (Record(), f"{__name__}.Record"),
        (object, "type"),
    ],
    ids=repr,
)
def test_what_has_no_form_is_named(value: object, type_name: str) -> None:
    result = received({"deep": [value]})["deep"][0]

    assert isinstance(result, OpaqueValue)
    assert result.type_name.startswith(type_name)
    assert result.text == repr(value)


def test_a_generator_is_not_consumed() -> None:
    generator = iter_numbers()

    assert received(generator).type_name == "generator"
    assert list(generator) == [0, 1, 2]


def test_a_broken_repr_does_not_hide_the_type() -> None:
    result = received(BrokenRepr())

    assert (result.type_name, result.text) == (f"{__name__}.BrokenRepr", "<its repr raised RuntimeError>")


def test_a_long_repr_is_shortened() -> None:
    assert len(received(set(range(1000))).text) == 200


def test_what_holds_itself_is_unencodable() -> None:
    value: list[Any] = []
    value.append(value)

    message = answer(value)

    assert isinstance(message, Unencodable)
    assert (message.seq, message.type_name) == (5, "list")
    assert "holds itself" in message.reason


def test_an_object_that_raises_when_it_is_read_is_unencodable() -> None:
    class Treacherous(list[int]):
        def __iter__(self) -> Any:
            raise RuntimeError("not today")

    message = answer(Treacherous())

    assert isinstance(message, Unencodable)
    assert message.reason == "reading it raised RuntimeError: not today"


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint64", "float16", "float32", "float64", "datetime64[ns]", "timedelta64[s]", "complex128"],
)
def test_columns_of_numpy_dtypes_keep_their_bits(dtype: str) -> None:
    series = pd.Series(np.array([0, 1, 1], dtype=dtype))

    result = column(series)

    assert (result.storage, result.dtype) == (Storage.ARRAY, dtype)
    assert result.values.dtype == np.dtype(dtype)
    assert result.values.tobytes() == series.to_numpy().tobytes()


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "Float32", "boolean"])
def test_nullable_columns_have_a_mask(dtype: str) -> None:
    result = column(pd.Series([1, None, 0], dtype=dtype))

    assert (result.storage, result.dtype) == (Storage.ARRAY, dtype)
    assert result.nulls.tolist() == [False, True, False]
    assert result.values[[0, 2]].tolist() == [1, 0]


def test_nullable_columns_without_nulls_have_no_mask() -> None:
    assert column(pd.Series([2**63 - 1], dtype="Int64")).nulls is None


def test_text_and_bytes_columns() -> None:
    assert column(pd.Series(["a", "b"])).storage is Storage.TEXT
    assert column(pd.Series(["a", None], dtype=object)).values == ["a", None]
    assert column(pd.Series([b"a", None], dtype=object)).storage is Storage.BYTES


def test_the_kind_of_a_missing_cell_is_kept() -> None:
    result = column(pd.Series([None, float("nan"), pd.NA, pd.NaT, "a"], dtype=object))

    assert result.storage is Storage.NESTED
    assert result.values[0] is None
    assert np.isnan(result.values[1])
    assert result.values[2:] == [Missing.NA, Missing.NAT, "a"]


def test_categories_become_their_values() -> None:
    result = column(pd.Series(["x", "y", "x"], dtype="category"))

    assert (result.values, result.dtype) == (["x", "y", "x"], "category")


def test_timestamps_keep_nanoseconds_and_zone() -> None:
    naive = received(pd.Timestamp("1969-12-31T23:59:59.999999999"))
    zoned = column(pd.Series(pd.to_datetime(["2024-01-02T00:00:00.5+02:00"]))).values[0]

    assert naive == TimestampValue("1969-12-31T23:59:59.999999999", -1, None)
    assert (zoned.text, zoned.unix_ns, zoned.zone) == (
        "2024-01-02T00:00:00.500000+02:00",
        1704146400500000000,
        "UTC+02:00",
    )


def test_a_frame_keeps_labels_and_repeated_names() -> None:
    frame = pd.DataFrame([[1, "a"], [2, "b"]], columns=["x", "x"], index=[5, 7])

    result = received(frame)

    assert isinstance(result, TableValue)
    assert (result.n_rows, result.index) == (2, (5, 7))
    assert [one.name for one in result.columns] == ["x", "x"]


def test_frames_and_series_nested_in_an_answer_are_neutral_too() -> None:
    result = received({"frame": pd.DataFrame({"a": [1]}), "series": pd.Series([1], name="s")})

    assert isinstance(result["frame"], TableValue)
    assert isinstance(result["series"], SeriesValue)
    assert result["series"].column.name == "s"
    assert result["series"].index is None


def test_masked_arrays_have_none_where_masked() -> None:
    array = np.ma.MaskedArray([1, 2], mask=[False, True])

    assert received(array).tolist() == [1, None]


def test_pydantic_models_become_what_they_dump() -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Answer", label=(str, ...), scores=(list[float], ...))

    assert received([model(label="a", scores=[0.5])]) == [{"label": "a", "scores": [0.5]}]
