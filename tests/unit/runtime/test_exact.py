"""What a model is given and returns is written so that nothing is lost, and read back by the checks' own reader."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import struct
import types
import zoneinfo
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from pytest_modelserve.checks.record_reader import read_contents
from pytest_modelserve.checks.recorded import (
    Missing,
    RecordedColumn,
    RecordedIndex,
    RecordedOpaque,
    RecordedSeries,
    RecordedTable,
    RecordedTimestamp,
)
from pytest_modelserve.runtime import exact
from pytest_modelserve.runtime.exact import encode_contents

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
ODD_NAN = struct.unpack(">d", bytes.fromhex("fff8000000000123"))[0]


def recorded(value: object) -> Any:
    return read_contents(encode_contents({"value": value}))["value"]


def table(frame: pd.DataFrame) -> RecordedTable:
    result = recorded(frame)
    assert isinstance(result, RecordedTable)
    return result


def column(series: pd.Series[Any]) -> RecordedColumn:
    result = recorded(series)
    assert isinstance(result, RecordedSeries)
    return result.column


def bits(value: object) -> bytes:
    return np.asarray(value).tobytes()


def is_same(left: Any, right: Any) -> bool:
    """Tell whether two values are alike to the bit, types included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray | np.generic):
        is_alike: bool = left.dtype == right.dtype and left.shape == right.shape
        if left.dtype == object:
            return is_alike and is_same(left.ravel().tolist(), right.ravel().tolist())
        return is_alike and bits(left) == bits(right)
    if isinstance(left, list | tuple | dict):
        cells, others = ([*each.items()] if isinstance(each, dict) else [*each] for each in (left, right))
        return len(left) == len(right) and all(map(is_same, cells, others))
    return bits(left) == bits(right) if isinstance(left, float) else bool(left == right)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1,
        1.0,
        -0.0,
        math.nan,
        -math.nan,
        ODD_NAN,
        [1.5, ODD_NAN, None],
        {"a": math.nan, "b": ODD_NAN},
        math.inf,
        2**53 + 1,
        -(2**63),
        2**64,
        10**5000,
        [2**64 - 1, 2**200],
        "",
        "\ud800 \x00 \u200b 🙂",
        b"",
        bytes(range(256)),
        bytearray(b"ab\x00"),
        (1, [2, (3,)]),
        [1, True, 1.0, "1", b"1", None],
        {"$": 1, "a": {}},
        {1: "int", "1": "str", 2.5: "float", None: "none", (1, "a"): "tuple", b"k": "bytes"},
        {np.int64(3): 1, np.float32(0.5): 2},
        dt.date(2024, 2, 29),
        dt.time(1, 2, 3, 4),
        dt.datetime(1, 1, 1),  # noqa: DTZ001 # naive
        dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
        dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=53, seconds=28))),
        np.bool_(True),
        np.int8(-1),
        np.uint64(2**64 - 1),
        np.float16(0.1),
        np.float32(0.1),
        np.float64(0.1),
        np.complex64(1j),
        np.str_("a"),
        np.bytes_(b"a"),
        np.datetime64("2024-01-02T03:04:05.123456789"),
        np.datetime64("NaT", "ns"),
        np.timedelta64(5, "ms"),
        np.array(5),
        np.array([], dtype="f4"),
        np.zeros((2, 0, 3)),
        np.array([[1, 2], [3, 4]], dtype=">i2"),
        np.array(["a", "bcd"]),
        np.array([b"a\x00b", b""]),
        np.array(["2024", "NaT"], dtype="M8[D]"),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(10)[::2],
    ],
    ids=lambda value: f"{type(value).__name__} {value!r:.40}" if not isinstance(value, int) else hex(value)[:12],
)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert is_same(recorded(value), value)


@UNHURRIED
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.floats(width=32).map(np.float32)
        | st.text(st.characters(exclude_categories=()))
        | st.binary()
        | st.datetimes()
        | stn.arrays(stn.scalar_dtypes(), stn.array_shapes(min_dims=0, min_side=0)),
        lambda inner: (
            st.lists(inner)
            | st.lists(inner).map(tuple)
            | st.dictionaries(st.text() | st.integers() | st.booleans(), inner)
        ),
        max_leaves=12,
    )
)
def test_any_value_comes_back_as_it_was(value: object) -> None:
    found = recorded(value)

    assert is_same(found, value)


def test_an_array_of_objects_keeps_each_of_them() -> None:
    array = np.array([[1, np.float32(0.1)], [None, ODD_NAN], [[1, 2], {"a": np.int8(1)}]], dtype=object)

    assert is_same(recorded(array), array)


def test_missing_values_are_told_apart() -> None:
    result = recorded([None, math.nan, pd.NaT, pd.NA, {"deep": pd.NaT}])

    assert is_same(result, [None, math.nan, Missing.NAT, Missing.NA, {"deep": Missing.NAT}])


def test_timestamps_keep_nanoseconds_and_zone() -> None:
    naive, zoned = recorded([pd.Timestamp("1969-12-31T23:59:59.999999999"), pd.Timestamp("2024-07-01", tz=BERLIN)])

    assert naive == RecordedTimestamp(text="1969-12-31T23:59:59.999999999", unix_ns=-1)
    assert zoned == RecordedTimestamp(
        text="2024-07-01T00:00:00+02:00", unix_ns=1719784800 * 10**9, zone="Europe/Berlin"
    )


def test_masked_arrays_keep_dtype_mask_and_what_is_below() -> None:
    array = np.ma.MaskedArray(np.array([1, 2], dtype="i2"), mask=[False, True])

    result = recorded(array)

    assert isinstance(result, np.ma.MaskedArray)
    assert is_same(np.asarray(result.data), np.asarray(array.data))
    assert result.mask.tolist() == [False, True]


def test_structured_arrays_keep_the_type_of_each_field() -> None:
    array = np.array([(1, [0.5, 2.0], "a")], dtype=[("a", "i2"), ("b", "f4", (2,)), ("c", "U3")])

    result = recorded(array)

    assert result.dtype == array.dtype
    assert [bits(result[name]) for name in "abc"] == [bits(array[name]) for name in "abc"]


@pytest.mark.parametrize(
    ("value", "type_name", "text"),
    [
        ({1}, "set", "{1}"),
        (decimal.Decimal("1.10"), "decimal.Decimal", "Decimal('1.10')"),
        (dt.timedelta(1), "datetime.timedelta", "datetime.timedelta(days=1)"),
        (1j, "complex", "1j"),
    ],
)
def test_what_has_no_form_is_opaque(value: object, type_name: str, text: str) -> None:
    assert recorded([value]) == [RecordedOpaque(type_name=type_name, text=text)]


def test_what_cannot_be_read_is_opaque_and_the_rest_is_kept() -> None:
    class Treacherous(list[int]):
        def __iter__(self) -> Iterator[int]:
            raise SystemExit("not today")

    holds_itself: list[object] = []
    holds_itself.append(holds_itself)

    result = read_contents(encode_contents({"data": Treacherous(), "params": {"k": 1}, "more": holds_itself}))

    assert result["params"] == {"k": 1}
    assert isinstance(result["data"], RecordedOpaque)
    assert result["data"].type_name.endswith("Treacherous")
    assert result["data"].text == "reading it raised SystemExit: not today"
    assert isinstance(result["more"], RecordedOpaque)
    assert "holds itself" in result["more"].text


def test_a_generator_is_not_consumed() -> None:
    numbers = iter([0, 1])

    assert recorded(numbers).type_name == "list_iterator"
    assert list(numbers) == [0, 1]


def frames() -> dict[str, pd.DataFrame]:
    names = [f"c{at}" for at in range(40)]
    return {
        "one dtype": pd.DataFrame({"a": [1.5, ODD_NAN], "b": [-0.0, np.inf]}),
        "float32": pd.DataFrame({"a": np.array([0.1], dtype="f4")}),
        "several": pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [True, False], "d": [2**63, 2**64 - 1]}),
        "objects": pd.DataFrame({"a": [1, None], "b": [np.float32(0.1), b"x"]}, dtype=object),
        "wide": pd.DataFrame([[at if at % 2 else at / 2 for at in range(40)]], columns=names),
        "wide and various": pd.DataFrame({name: [[1], [0.5], [True], [b"x"]][at % 4] for at, name in enumerate(names)}),
        "dates": pd.DataFrame({"a": pd.to_datetime(["2024-01-02T03:04:05.123456789", "NaT"])}),
        "repeated": pd.DataFrame([[1, 0.5, 2]], columns=["x", "x", "x"]),
        "no rows": pd.DataFrame({"a": np.array([], dtype="i8"), "b": np.array([], dtype="f8")}),
        "no columns": pd.DataFrame(index=pd.RangeIndex(3)),
    }


@pytest.fixture(params=["by blocks", "by columns"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take frames apart as pandas holds them, and as a pandas that holds them in another way would have it."""
    if request.param == "by columns":
        monkeypatch.setattr(exact, "_parts_of_blocks", lambda _: None)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", frames())
def test_a_frame_comes_back_column_by_column(name: str) -> None:
    frame = frames()[name]

    result = table(frame)

    assert (len(result.columns), result.n_rows, result.index) == (frame.shape[1], len(frame), None)
    for at, found in enumerate(result.columns):
        series = frame.iloc[:, at]
        assert (found.name, found.dtype, found.categories) == (frame.columns[at], str(series.dtype), None)
        assert is_same(found.values, tuple(series.to_numpy()))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        ("Int64", [2**53 + 1, None], (np.int64(2**53 + 1), Missing.NA)),
        ("UInt8", [255, None], (np.uint8(255), Missing.NA)),
        ("Float32", [0.1, None], (np.float32(0.1), Missing.NA)),
        ("boolean", [True, None], (np.bool_(True), Missing.NA)),
        ("string", ["a", None], ("a", Missing.NA)),
    ],
)
def test_columns_with_a_mask(dtype: str, values: list[object], expected: tuple[object, ...]) -> None:
    found = table(pd.DataFrame({"a": pd.Series(values, dtype=dtype), "b": [1, 2]})).columns[0]

    assert found.dtype == str(pd.Series(values, dtype=dtype).dtype)
    assert is_same(found.values, expected)


def test_a_frame_that_pandas_holds_in_another_way_is_taken_apart_by_columns() -> None:
    class Elsewhere:
        blocks = ()

    frame = pd.DataFrame({"a": [1], "b": ["x"]})
    whole = exact._parts_of_blocks(frame)
    assert whole is not None
    assert [part.positions for part in whole] == [[0], [1]]
    assert exact._parts_of_blocks(types.SimpleNamespace(shape=(1, 2))) is None
    assert exact._parts_of_blocks(types.SimpleNamespace(shape=(1, 2), _mgr=Elsewhere())) is None


@pytest.mark.parametrize("is_ordered", [False, True])
def test_categorical_columns_keep_their_categories(is_ordered: bool) -> None:
    kind = pd.CategoricalDtype(["z", "x", "never"], ordered=is_ordered)

    found = column(pd.Series(["x", None, "z"], dtype=kind))

    assert (found.dtype, found.categories, found.is_ordered) == ("category", ("z", "x", "never"), is_ordered)
    assert is_same(found.values, ("x", math.nan, "z"))


def test_zoned_columns_are_timestamps() -> None:
    found = column(pd.Series(pd.to_datetime(["2024-07-01", "NaT"])).dt.tz_localize("Europe/Berlin"))

    assert found.dtype.endswith(", Europe/Berlin]")
    assert found.values == (
        RecordedTimestamp(text="2024-07-01T00:00:00+02:00", unix_ns=1719784800 * 10**9, zone="Europe/Berlin"),
        Missing.NAT,
    )


def test_labels_of_several_levels() -> None:
    columns = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["letter", None])

    result = table(pd.DataFrame([[1, 2]], columns=columns, index=pd.Index(["r"], name="row")))

    assert [one.name for one in result.columns] == [("a", 1), ("a", 2)]
    assert result.labels == RecordedIndex(labels=(("a", 1), ("a", 2)), dtype="object", names=("letter", None))
    assert result.index is not None
    assert (result.index.labels, result.index.names) == (("r",), ("row",))


@pytest.mark.parametrize(
    ("index", "labels", "dtype"),
    [
        (pd.RangeIndex(2, name="n"), (0, 1), "int64"),
        (pd.RangeIndex(5, 9, 2), (np.int64(5), np.int64(7)), "int64"),
        (pd.Index([0, 1]), (np.int64(0), np.int64(1)), "int64"),
        (pd.Index([0.5, math.nan]), (np.float64(0.5), np.float64("nan")), "float64"),
        (pd.Index([1, "a"]), (1, "a"), "object"),
        (pd.Index([True, False]), (np.bool_(True), np.bool_(False)), "bool"),
    ],
)
def test_row_labels_keep_their_type(index: pd.Index[Any], labels: tuple[object, ...], dtype: str) -> None:
    for result in (recorded(pd.Series([1, 2], index=index)), recorded(pd.DataFrame({"a": [1, 2]}, index=index))):
        assert result.index.dtype == dtype
        assert is_same(result.index.labels, labels)
        assert result.index.names == (index.name,)


def test_the_name_of_a_series() -> None:
    assert column(pd.Series([1])).name is None
    assert column(pd.Series([1], name=("a", 1))).name == ("a", 1)


def test_frames_within_other_values() -> None:
    result = recorded({"frame": pd.DataFrame({"a": [1]}), "list": [pd.Series([0.5], name="s")]})

    assert isinstance(result["frame"], RecordedTable)
    assert isinstance(result["list"][0], RecordedSeries)


def test_contents_are_a_snapshot() -> None:
    frame, array, cells = pd.DataFrame({"a": [1, 2]}), np.array([1, 2]), [1, 2]
    written = encode_contents({"frame": frame, "array": array, "cells": cells})
    frame.loc[0, "a"] = array[0] = cells[0] = 9

    result = read_contents(written)

    assert isinstance(result["frame"], RecordedTable)
    assert result["frame"].columns[0].values == (1, 2)
    assert np.asarray(result["array"]).tolist() == [1, 2]
    assert result["cells"] == [1, 2]
