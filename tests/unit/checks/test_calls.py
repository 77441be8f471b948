"""The record of calls: found by request, with contents that are read when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.cases import Case, Table
from pytest_modelserve.checks.calls import Call, CallLog, Contents
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.exchanges import Exchanges
from pytest_modelserve.checks.recorded import RecordedColumn, RecordedTable
from pytest_modelserve.errors import ServerError
from pytest_modelserve.signature import ColumnSchema, ColumnSpec, DataType, Signature

WriteBlock = Callable[[Mapping[str, object]], bytes]
LONG = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.LONG),)))


class Spied:
    """A record of calls that a test writes."""

    def __init__(self, folder: Path, write_block: WriteBlock) -> None:
        self.path = folder / "calls.jsonl"
        self.log = CallLog(self.path)
        self._write_block = write_block

    def write(self, identity: str | None, **fields: Any) -> None:
        line = {"id": identity, "call": 1, "elapsed_s": 0.5, "exception": None, **fields}
        self.append(json.dumps(line) + "\n")

    def append(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)

    def block(self, **values: object) -> dict[str, int]:
        block = self._write_block(values)
        with self.path.with_suffix(".bin").open("ab") as file:
            offset = file.tell()
            file.write(block)
        return {"offset": offset, "length": len(block)}


@pytest.fixture
def spied(tmp_path: Path, write_block: WriteBlock) -> Spied:
    return Spied(tmp_path, write_block)


def found(spied: Spied, identity: str = "r1") -> Call:
    call = spied.log.find(identity)
    assert call is not None
    return call


def test_contents_of_a_call(spied: Spied) -> None:
    received = spied.block(data=[1, "a"], params={"k": 2})
    spied.write("r1", received=received, returned=spied.block(value=(1.5,)), call=7)

    call = found(spied)

    assert call.number == 7
    assert (call.received.value, call.params.value, call.returned.value) == ([1, "a"], {"k": 2}, (1.5,))


def test_none_is_a_value_and_nothing_is_none(spied: Spied) -> None:
    spied.write("r1", received=spied.block(data=None), returned=spied.block(value=None))

    call = found(spied)

    assert [call.received.is_recorded, call.returned.is_recorded, call.params.is_recorded] == [True, True, False]
    assert call.returned.value is None


@pytest.mark.parametrize("fields", [{}, {"received": None, "returned": None}])
def test_a_server_without_a_spy(spied: Spied, fields: dict[str, None]) -> None:
    spied.write("r1", **fields)

    call = found(spied)

    assert [one.is_recorded for one in (call.received, call.params, call.returned)] == [False] * 3
    with pytest.raises(LookupError, match="no contents were recorded"):
        _ = call.received.value
    assert call == Call(request_id="r1", elapsed_s=0.5, exception=None, number=1)


def test_contents_are_read_when_they_are_asked_for_and_once(spied: Spied) -> None:
    spied.write("r1", received=spied.block(data=[1]))
    call = found(spied)

    assert call.received.value is call.received.value


def test_contents_outlive_the_directory_of_the_server(spied: Spied) -> None:
    spied.write("r1", received=spied.block(data=[1]))
    call = found(spied)
    spied.path.unlink()
    spied.path.with_suffix(".bin").unlink()

    assert call.received.value == [1]


@pytest.mark.parametrize("earlier", [["a"], ["a", "b"], [f"a{at}" for at in range(2_000)]], ids=len)
def test_a_log_from_now_on_knows_no_earlier_call(spied: Spied, earlier: list[str]) -> None:
    for identity in earlier:
        spied.write(identity)
    spied.append('{"id": "half", "call": 2, ')  # as another request writes at this moment
    log = CallLog(spied.path, is_from_now=True)
    spied.append('"elapsed_s": 0.5, "exception": null}\n')
    spied.write("r1")

    assert [log.find(identity) is not None for identity in ("half", "r1", earlier[-1])] == [True, True, False]


def test_a_log_from_now_on_of_a_server_that_has_recorded_nothing(spied: Spied) -> None:
    log = CallLog(spied.path, is_from_now=True)
    spied.write("r1")
    assert log.find("r1") is not None


def test_contents_that_cannot_be_read_are_an_error(spied: Spied) -> None:
    place = spied.block(data=[1])
    spied.write("r1", received={**place, "length": place["length"] + 1})
    call = found(spied)

    with pytest.raises(ServerError) as caught:
        _ = call.received.value
    assert caught.value.facts["record"] == spied.path.with_suffix(".bin")


def test_contents_that_are_not_there_are_an_error(spied: Spied) -> None:
    spied.write("r1", received={"offset": 0, "length": 9})

    with pytest.raises(ServerError) as caught:
        spied.log.find("r1")
    assert "calls.bin" in str(caught.value.facts["reason"])


def test_calls_that_nobody_can_name_are_taken_in_order(spied: Spied) -> None:
    spied.write(None, call=1)
    spied.write("r1", call=2)
    spied.write(None, call=3, returned=spied.block(value=5))

    first, second = spied.log.take_unnamed()

    assert (first.number, first.request_id, second.number, second.returned.value) == (1, "", 3, 5)
    assert spied.log.take_unnamed() == []
    assert found(spied).number == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '\n{"id": null, "broken": "calls.bin cannot be written: disk full"}\n',
            "calls.bin cannot be written: disk full",
        ),
        ('{"id": "r9", "ca\n', "no JSON"),
    ],
)
def test_a_broken_record_is_an_error_each_time(spied: Spied, text: str, reason: str) -> None:
    spied.append(text)
    spied.write("r1")

    for _ in range(2):
        with pytest.raises(ServerError) as caught:
            spied.log.find("r1")
        assert reason in str(caught.value.facts["reason"])
        with pytest.raises(ServerError):
            spied.log.take_unnamed()


def test_a_line_is_read_when_it_is_complete(spied: Spied) -> None:
    spied.append('{"id": "r1", "elapsed_s": 0.5, ')

    assert spied.log.find("r1") is None
    spied.append('"exception": null}\n')
    assert found(spied).number == 0


def test_no_contents_have_no_value() -> None:
    assert not Contents().is_recorded


def test_an_exchange_has_what_the_model_saw(serve: Callable[..., CheckContext]) -> None:
    def seen(document: dict[str, Any]) -> dict[str, object]:
        ((cell,),) = document["dataframe_split"]["data"]
        column = RecordedColumn(name="a", dtype="int64", values=(cell,))
        return {"data": RecordedTable(columns=(column,), n_rows=1), "params": None}

    context = serve(lambda rows: [row["a"] + 1 for row in rows], LONG, seen=seen)
    with Exchanges(context.served) as exchanges:
        call = exchanges.send(Case(payload=Table(columns=("a",), rows=((2**53 + 1,),)))).call

    assert call is not None
    assert isinstance(call.received.value, RecordedTable)
    assert call.received.value.columns[0].values == (2**53 + 1,)
    assert call.params.value is None
    assert call.returned.value == [2**53 + 2]
