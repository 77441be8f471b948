"""Every value that travels arrives as it left, and what is no message is refused."""

from __future__ import annotations

import datetime as dt
import io
import math
import struct
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from pytest_modelserve.runtime.frames import (
    PREFIX_BYTES,
    ColumnValue,
    ExceptionRecord,
    FrameError,
    LibraryMissing,
    LoadFailed,
    Message,
    Missing,
    OpaqueValue,
    Predictions,
    PredictRequest,
    Raised,
    Ready,
    SeriesValue,
    SourceLocation,
    Storage,
    TableValue,
    TimestampValue,
    TreeError,
    Unencodable,
    decode_message,
    encode_message,
    parse_prefix,
    read_message,
)

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
ANY_DTYPE = st.one_of(
    stn.boolean_dtypes(),
    stn.integer_dtypes(endianness="?"),
    stn.unsigned_integer_dtypes(endianness="?"),
    stn.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    stn.complex_number_dtypes(sizes=(64, 128)),
    stn.datetime64_dtypes(max_period="D", min_period="ns"),
    stn.timedelta64_dtypes(max_period="D", min_period="ns"),
    stn.unicode_string_dtypes(max_len=5),
    stn.byte_string_dtypes(max_len=5),
)
ARRAYS = ANY_DTYPE.flatmap(lambda dtype: stn.arrays(dtype, stn.array_shapes(min_dims=0, max_dims=3, min_side=0)))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    ANY_TEXT,
    st.binary(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(dt.timezone.utc)),
    st.times(),
    st.sampled_from(Missing),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**63), 2**63 - 1).map(lambda ns: np.datetime64(ns, "ns")),
    st.builds(OpaqueValue, ANY_TEXT, ANY_TEXT),
    st.builds(TimestampValue, st.text(), st.integers(), st.none() | st.text()),
    ARRAYS,
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(ANY_TEXT | st.just("$"), inner),
        st.dictionaries(st.integers() | st.booleans() | st.binary(), inner),
    ),
    max_leaves=15,
)


def over_the_wire(message: Message) -> Any:
    """Return what the other side reads."""
    stream = io.BufferedReader(io.BytesIO(encode_message(message)))
    received = read_message(stream)
    assert read_message(stream) is None
    return received


def sent(value: object) -> Any:
    return over_the_wire(PredictRequest(1, "", value)).data


def assert_same(received: Any, expected: Any) -> None:
    """Hold two values to be of the same types and the same bits, NaN and -0.0 included."""
    assert type(received) is type(expected)
    if isinstance(expected, np.ndarray | np.generic):
        assert received.dtype == expected.dtype
        assert received.shape == expected.shape
        assert received.tobytes() == expected.tobytes()
    elif isinstance(expected, dict):
        assert list(map(repr, received)) == list(map(repr, expected))
        for key, other in zip(received.values(), expected.values(), strict=True):
            assert_same(key, other)
    elif isinstance(expected, list | tuple):
        assert len(received) == len(expected)
        for item, other in zip(received, expected, strict=True):
            assert_same(item, other)
    elif isinstance(expected, float):
        assert math.isnan(received) if math.isnan(expected) else received.hex() == expected.hex()
    else:
        assert received == expected


@UNHURRIED
@given(TREES)
@example([10**5000, -(10**5000), 2**64, -(2**63) - 1, 2**64 - 1])
@example(["\ud83d\ude00", "\ud800"])
@example({"$": "int", "hex": "0x1"})
def test_every_value_arrives_as_it_left(value: object) -> None:
    assert_same(sent(value), value)


@UNHURRIED
@given(st.lists(st.none() | st.binary(max_size=20)))
def test_binary_columns_arrive(cells: list[bytes | None]) -> None:
    assert sent(ColumnValue("x", Storage.BYTES, cells)).values == cells


def test_nan_payloads_arrive_in_arrays() -> None:
    bits = np.array([0x7FF8DEADBEEF0001, 0xFFF8000000000001], dtype=np.uint64)

    assert sent(bits.view(np.float64)).view(np.uint64).tolist() == bits.tolist()


def test_arrays_of_objects_keep_their_lists() -> None:
    array = np.empty((2, 1), dtype=object)
    array[0, 0], array[1, 0] = [1, [2]], b"x"

    received = sent(array)

    assert received.dtype == object
    assert received.tolist() == [[[1, [2]]], [b"x"]]


def test_numpy_text_scalars_keep_their_final_nul() -> None:
    assert sent([np.str_("a\0"), np.bytes_(b"a\0")]) == ["a\0", b"a\0"]


def test_arrays_in_any_memory_order_arrive() -> None:
    array = np.arange(12, dtype=">i4").reshape(3, 4).T[::2]

    assert sent(array).tolist() == array.tolist()


def test_received_arrays_are_aligned_and_can_be_changed() -> None:
    received = sent({"a": np.arange(3, dtype="i1"), "b": np.arange(3, dtype="f8")})

    received["b"][0] = 7.0

    assert received["b"].flags.aligned
    assert received["a"].tolist() == [0, 1, 2]


def test_a_table_arrives() -> None:
    nulls = np.array([False, True])
    columns = (
        ColumnValue("n", Storage.ARRAY, np.array([1, 0], dtype="i8"), nulls),
        ColumnValue(3, Storage.TEXT, ["a", None]),
        ColumnValue("n", Storage.NESTED, [{"a": b"x"}, None], dtype="object"),
    )

    table = sent(TableValue(columns, 2, ("r", 5)))

    assert (table.n_rows, table.index) == (2, ("r", 5))
    assert [column.name for column in table.columns] == ["n", 3, "n"]
    assert [column.storage for column in table.columns] == [Storage.ARRAY, Storage.TEXT, Storage.NESTED]
    assert table.columns[0].nulls.tolist() == [False, True]
    assert table.columns[1].values == ["a", None]
    assert table.columns[2].values == [{"a": b"x"}, None]


RECORD = ExceptionRecord(
    "KeyError",
    "builtins",
    ("KeyError", "LookupError"),
    "'x'",
    "…",
    deliberate=True,
    last_frame=SourceLocation("f", 1, "g"),
)


@pytest.mark.parametrize(
    "message",
    [
        PredictRequest(7, "id", [1], {"p": (1.5,)}),
        Ready("3.8.18", {"numpy": "1.26"}, 0.5),
        LoadFailed(RECORD, "skops"),
        Predictions(7, SeriesValue(ColumnValue("x", Storage.TEXT, ["a"]), (1,)), "pandas.Series", 0.1),
        Raised(7, RECORD, 0.1),
        Unencodable(7, "list", "it holds itself", 0.1),
    ],
    ids=lambda message: type(message).__name__,
)
def test_every_message_arrives(message: Message) -> None:
    received = over_the_wire(message)

    assert type(received) is type(message)
    for name, expected in vars(message).items():
        if name != "value":  # holds a column, which has no equality
            assert getattr(received, name) == expected


def test_messages_follow_each_other_on_one_stream() -> None:
    data = b"".join(encode_message(PredictRequest(seq, "", np.arange(seq))) for seq in range(1, 4))
    stream = io.BufferedReader(io.BytesIO(data))

    received = [read_message(stream) for _ in range(4)]

    assert [getattr(message, "seq", None) for message in received] == [1, 2, 3, None]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_what_is_nested_up_to_the_limit_travels() -> None:
    assert sent(nested(250)) == nested(250)


@pytest.mark.parametrize("depth", [300, 100_000])
def test_what_is_nested_too_deep_is_refused(depth: int) -> None:
    with pytest.raises(TreeError, match="nested deeper than 256"):
        sent(nested(depth))


def test_what_holds_itself_is_refused() -> None:
    value: list[Any] = [1]
    value.append(value)

    with pytest.raises(TreeError, match="holds itself"):
        sent(value)


def test_a_foreign_type_is_refused_by_name() -> None:
    with pytest.raises(TreeError, match=r"builtins\.complex"):
        sent([1j])


def test_arrays_that_the_reader_cannot_hold_are_told_and_the_stream_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_message(PredictRequest(7, "r-7", np.arange(3))) + encode_message(PredictRequest(8, "r-8", [1]))
    stream = io.BufferedReader(io.BytesIO(data))
    monkeypatch.setitem(sys.modules, "numpy", None)

    with pytest.raises(LibraryMissing) as caught:
        read_message(stream)
    after = read_message(stream)

    assert (caught.value.seq, caught.value.id, caught.value.name) == (7, "r-7", "numpy")
    assert isinstance(after, PredictRequest)
    assert after.id == "r-8"


def message_bytes() -> tuple[bytes, bytes, bytes]:
    data = encode_message(PredictRequest(1, "id", {"a": np.arange(4), "b": np.float32(1)}))
    header_bytes, _ = parse_prefix(data[:PREFIX_BYTES])
    split = PREFIX_BYTES + header_bytes
    return data[:PREFIX_BYTES], data[PREFIX_BYTES:split], data[split:]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"predict"', b'"other12"'),
        (b'"array"', b'"arrow"'),
        (b'"<i8"', b'"|O8"'),
        (b'"<i8"', b'"|V8"'),
        (b'"<i8"', b'"(1,"'),
        (b"[4]", b"[5]"),
        (b"[4]", b"[-]"),
        (b'"buffer":0', b'"buffer":9'),
        (b'"items"', b'"itemz"'),
    ],
)
def test_a_broken_header_is_refused(old: bytes, new: bytes) -> None:
    _, header, body = message_bytes()
    assert old in header

    with pytest.raises(FrameError):
        decode_message(header.replace(old, new), body)


@UNHURRIED
@given(st.binary(max_size=200), st.binary(max_size=50))
def test_noise_is_refused(header: bytes, body: bytes) -> None:
    with pytest.raises(FrameError):
        decode_message(header, body)


def test_noise_instead_of_a_prefix_is_refused() -> None:
    with pytest.raises(FrameError, match="Traceback"):
        parse_prefix(b"Traceback (most recent call last)"[:PREFIX_BYTES])


def test_an_absurd_length_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(FrameError):
        parse_prefix(struct.pack("!4sIQ", b"MSF1", 10, 2**40))


@pytest.mark.parametrize("missing", [1, 40, 300])
def test_a_stream_that_ends_within_a_message_is_refused(missing: int) -> None:
    data = b"".join(message_bytes())
    stream = io.BufferedReader(io.BytesIO(data[: max(len(data) - missing, 5)]))

    with pytest.raises(FrameError, match="ended within a message"):
        read_message(stream)
