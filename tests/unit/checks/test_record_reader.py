"""What a spy writes is read back with its types; what is no record is told."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from pytest_modelserve.checks.record_reader import RecordError, read_contents
from pytest_modelserve.checks.recorded import (
    Missing,
    RecordedColumn,
    RecordedIndex,
    RecordedOpaque,
    RecordedSeries,
    RecordedTable,
    RecordedTimestamp,
)

WriteBlock = Callable[[Mapping[str, object]], bytes]


def block(text: str, *buffers: bytes) -> bytes:
    """Write a block by hand: what stands here is the format itself."""
    body = text.encode("utf-8", "surrogatepass")
    sizes = [len(buffer) for buffer in buffers]
    return struct.pack(f"!II{len(sizes)}Q", len(body), len(sizes), *sizes) + body + b"".join(buffers)


def value_of(text: str, *buffers: bytes) -> object:
    return read_contents(block(f'{{"value": {text}}}', *buffers))["value"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", None),
        ("9223372036854775808", 2**63),
        ('{"$": "int", "hex": "-0x10000000000000000"}', -(2**64)),
        ('{"$": "tuple", "items": [1, 1.0, true]}', (1, 1.0, True)),
        ('{"$": "dict", "items": [[1, "a"], ["$", "b"]]}', {1: "a", "$": "b"}),
        ('{"plain": {"deep": []}}', {"plain": {"deep": []}}),
        ('{"$": "bytes", "base64": "AP8="}', b"\x00\xff"),
        ('{"$": "date", "iso": "2024-02-29"}', dt.date(2024, 2, 29)),
        ('{"$": "time", "iso": "01:02:03"}', dt.time(1, 2, 3)),
        ('{"$": "missing", "value": "NaT"}', Missing.NAT),
        ('{"$": "missing", "value": "NA"}', Missing.NA),
        ('{"$": "opaque", "items": ["m.T", "T()"]}', RecordedOpaque(type_name="m.T", text="T()")),
        (
            '{"$": "timestamp", "items": ["2024-01-01T00:00:00", 7, null]}',
            RecordedTimestamp(text="2024-01-01T00:00:00", unix_ns=7),
        ),
        ('"\ud800"', "\ud800"),
    ],
)
def test_each_form_has_its_value(text: str, expected: object) -> None:
    found = value_of(text)

    assert found == expected
    assert type(found) is type(expected)


def test_a_payload_of_nan_is_kept() -> None:
    found = value_of('{"$": "nan", "bits": "fff8000000000123"}')

    assert isinstance(found, float)
    assert struct.pack(">d", found).hex() == "fff8000000000123"


def test_arrays_have_dtype_and_shape() -> None:
    found = value_of('[{"$": "array", "dtype": ">i2", "shape": [2, 1], "buffer": 1}]', b"", b"\x00\x01\x00\x02")

    assert isinstance(found, list)
    assert found[0].dtype == np.dtype(">i2")
    assert found[0].tolist() == [[1], [2]]


def test_a_scalar_is_no_array() -> None:
    found = value_of('{"$": "scalar", "of": {"$": "array", "dtype": "<f4", "shape": [], "buffer": 0}}', b"\x00" * 4)

    assert type(found) is np.float32


def test_a_zone_that_is_unknown_here_leaves_its_offset() -> None:
    found = value_of('{"$": "datetime", "iso": "2024-01-01T00:00:00+01:00", "zone": "No/Where", "fold": 1}')

    assert isinstance(found, dt.datetime)
    assert (found.utcoffset(), found.fold) == (dt.timedelta(hours=1), 1)


def test_a_key_that_can_be_none_is_named() -> None:
    found = value_of('{"$": "dict", "items": [[{"a": 1}, 2]]}')

    assert found == {RecordedOpaque(type_name="dict", text="{'a': 1}"): 2}


PART = '{"$": "part", "items": [%s, "int64", {"$": "array", "dtype": "<i8", "shape": [1, 2], "buffer": 0}%s]}'
AXIS = '{"$": "axis", "items": [%s, %s, "int64", [%s]]}'
TWO = struct.pack("<qq", 7, 8)


def test_a_table_of_one_part() -> None:
    parts = f"[{PART % ('[0, 1]', ', null, null, false')}]"
    names, rows = AXIS % (2, '["a", "b"]', "null"), AXIS % (1, "null", "null")
    found = value_of(f'{{"$": "frame", "items": [{parts}, {names}, {rows}, false]}}', TWO)

    assert found == RecordedTable(
        columns=(
            RecordedColumn(name="a", dtype="int64", values=(np.int64(7),)),
            RecordedColumn(name="b", dtype="int64", values=(np.int64(8),)),
        ),
        n_rows=1,
        labels=RecordedIndex(labels=("a", "b"), dtype="int64"),
    )


def test_a_table_with_a_named_range_has_an_index() -> None:
    found = value_of(f'{{"$": "frame", "items": [[], {AXIS % (0, "null", "null")}, {AXIS % (2, "null", 5)}, false]}}')

    assert isinstance(found, RecordedTable)
    assert (found.columns, found.n_rows) == ((), 2)
    assert found.index == RecordedIndex(labels=(0, 1), dtype="int64", names=(5,))


def test_a_table_that_the_tests_write(write_block: WriteBlock) -> None:
    table = RecordedTable(
        columns=(
            RecordedColumn(name="a", dtype="Int64", values=(np.int64(7), Missing.NA)),
            RecordedColumn(name="b", dtype="category", values=("x", "y"), categories=("y", "x"), is_ordered=True),
            RecordedColumn(name=("c", 1), dtype="object", values=(b"\x00", [1, {2: (3,)}])),
        ),
        n_rows=2,
        index=RecordedIndex(labels=("r", "s"), dtype="object", names=("row",)),
        labels=RecordedIndex(labels=("a", "b", ("c", 1)), dtype="object", names=(None,)),
    )

    assert read_contents(write_block({"data": table, "params": None})) == {"data": table, "params": None}


def test_a_series(write_block: WriteBlock) -> None:
    part = PART.replace("[1, 2]", "[2, 1]") % ("[0]", ", [true, false], null, false")
    parts = f"[{part}]"
    found = value_of(
        f'{{"$": "frame", "items": [{parts}, {AXIS % (1, "[null]", "null")}, {AXIS % (2, "null", "null")}, true]}}', TWO
    )

    assert found == RecordedSeries(column=RecordedColumn(name=None, dtype="int64", values=(Missing.NA, np.int64(8))))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x00" * 7,
        block("{}")[:-1],
        block("{}", b"12345678")[:-1],
        block("{}") + b"x",
        block('{"a": '),
        block('{"a": {"$": "unheard of"}}'),
        block('{"a": {"$": "array", "dtype": "<f8", "shape": [1], "buffer": 0}}', b"1234"),
        block('{"a": {"$": "array", "dtype": "<f8", "shape": [1], "buffer": 3}}'),
        block('{"a": {"$": "frame", "items": [[1], 2, 3, false]}}'),
        block('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    ],
)
def test_what_is_no_record_is_told(broken: bytes) -> None:
    with pytest.raises(RecordError, match="record of a call"):
        read_contents(broken)
