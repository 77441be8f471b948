"""The spy writes down what predict is given before it runs and what it returns, and disturbs nobody."""

from __future__ import annotations

import ast
import json
import sys
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.checks import calls as reading
from pytest_modelserve.checks.recorded import RecordedOpaque, RecordedTable
from pytest_modelserve.errors import ServerError
from pytest_modelserve.runtime import spy as spying
from pytest_modelserve.runtime.calls import CallLog
from pytest_modelserve.runtime.modules import ModuleLog
from pytest_modelserve.runtime.spy import Spy

FULL_DISK = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")


RUNTIME = sorted(Path(spying.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", RUNTIME, ids=lambda path: path.name)
def test_models_that_pin_python_3_8_can_run_it(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


class Watched:
    """A model under watch in this process."""

    def __init__(self, folder: Path, predict: Callable[..., Any]) -> None:
        self.path = folder / "calls.jsonl"
        self.spy = Spy(CallLog(str(self.path)), str(self.path))
        self.calls = reading.CallLog(self.path)
        self._predict = predict

    def call(self, identity: str, data: object, params: Any = None, *, has_params: bool = True) -> object:
        watched = self.spy.watch(identity, is_kept=bool(identity))
        try:
            watched.note_received(data, params, has_params=has_params)
            value = self._predict(data)
        except BaseException as error:
            watched.note_raised(error)
            raise
        watched.note_returned(value)
        return value

    def find(self, identity: str) -> reading.Call:
        call = self.calls.find(identity)
        assert call is not None
        return call

    def modules(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.with_name("modules.jsonl").read_text().splitlines()]


def test_what_predict_was_given_and_returned(tmp_path: Path) -> None:
    model = Watched(tmp_path, lambda frame: frame["a"].to_numpy() * 2)

    model.call("r1", pd.DataFrame({"a": [2**53 + 1]}), {"k": [1, 2]})

    call = model.find("r1")
    assert isinstance(call.received.value, RecordedTable)
    assert call.received.value.columns[0].values == (np.int64(2**53 + 1),)
    assert call.params.value == {"k": [1, 2]}
    assert np.asarray(call.returned.value).tolist() == [2**54 + 2]
    assert call.exception is None


def test_a_model_that_changes_its_input_changes_no_record(tmp_path: Path) -> None:
    def predict(frame: pd.DataFrame) -> int:
        frame["a"] = 0
        frame["b"] = 1
        return 5

    model = Watched(tmp_path, predict)
    model.call("r1", pd.DataFrame({"a": [7]}))

    received = model.find("r1").received.value
    assert isinstance(received, RecordedTable)
    assert [(column.name, column.values) for column in received.columns] == [("a", (7,))]


def test_an_answer_that_changes_later_changes_no_record(tmp_path: Path) -> None:
    answer = [1]
    model = Watched(tmp_path, lambda _: answer)
    model.call("r1", None)
    answer.append(2)

    assert model.find("r1").returned.value == [1]


def test_params_that_predict_does_not_take_are_not_recorded(tmp_path: Path) -> None:
    model = Watched(tmp_path, len)
    model.call("r1", [1], {"k": 1}, has_params=False)
    model.call("r2", [1], None)

    assert not model.find("r1").params.is_recorded
    assert model.find("r2").params.value is None


def test_what_was_given_is_kept_where_predict_raised(tmp_path: Path) -> None:
    model = Watched(tmp_path, lambda data: {}[data])
    with pytest.raises(KeyError):
        model.call("r1", "a")

    call = model.find("r1")
    assert call.received.value == "a"
    assert not call.returned.is_recorded
    assert call.exception is not None
    assert call.exception.type == "KeyError"


def test_a_request_without_an_id_leaves_no_contents(tmp_path: Path) -> None:
    model = Watched(tmp_path, len)
    model.call("", ["the data of a user"])

    assert not model.find("").received.is_recorded
    assert not model.path.with_suffix(".bin").exists()
    assert b"user" not in model.path.read_bytes()


def test_what_cannot_be_written_is_opaque_and_the_answer_the_same(tmp_path: Path) -> None:
    class Treacherous(list[int]):
        def __iter__(self) -> Any:
            raise RuntimeError("not today")

    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    answer = Treacherous()
    model = Watched(tmp_path, lambda _: answer)

    assert model.call("r1", deep) is answer
    call = model.find("r1")
    received, returned = call.received.value, call.returned.value
    assert isinstance(received, RecordedOpaque)
    assert (received.type_name, "nested deeper" in received.text) == ("list", True)
    assert isinstance(returned, RecordedOpaque)
    assert (returned.type_name.rpartition(".")[2], "not today" in returned.text) == ("Treacherous", True)


def test_calls_of_several_threads_keep_their_contents_apart(tmp_path: Path) -> None:
    model = Watched(tmp_path, lambda array: array + 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: model.call(f"r{at}", np.full(100 + at, at)), range(200)))

    for at in range(200):
        call = model.find(f"r{at}")
        assert np.asarray(call.received.value).tolist() == [at] * (100 + at)
        assert np.asarray(call.returned.value).tolist() == [at + 1] * (100 + at)


def test_several_processes_may_write_the_same_files(tmp_path: Path) -> None:
    first, second = Watched(tmp_path, len), Watched(tmp_path, len)
    for at in range(3):
        first.call(f"a{at}", "x" * at)
        second.call(f"b{at}", "y" * at)

    assert [first.find(f"a{at}").received.value for at in range(3)] == ["", "x", "xx"]
    assert [first.find(f"b{at}").received.value for at in range(3)] == ["", "y", "yy"]


def test_the_time_of_the_spy_is_not_that_of_the_model(tmp_path: Path) -> None:
    class Slow:
        def __repr__(self) -> str:
            return str(sum(range(3_000_000)))

    model = Watched(tmp_path, lambda _: 1)
    model.call("r1", Slow())

    assert model.find("r1").elapsed_s < 0.01


@FULL_DISK
def test_a_full_disk_changes_no_answer_and_is_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "calls.bin").symlink_to("/dev/full")
    model = Watched(tmp_path, len)

    assert [model.call("r1", "a"), model.call("r2", "ab")] == [1, 2]
    assert capfd.readouterr().err.count("the record of calls is broken") == 1
    with pytest.raises(ServerError) as caught:
        model.find("r1")
    assert "calls.bin cannot be written" in str(caught.value.facts["reason"])


@FULL_DISK
@pytest.mark.parametrize("name", ["calls.jsonl", "modules.jsonl"])
def test_any_other_record_that_cannot_be_written_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).symlink_to("/dev/full")
    model = Watched(tmp_path, len)
    model.spy.note_loaded()

    assert model.call("r1", "a") == 1
    assert capfd.readouterr().err.count(f"is broken: {name} cannot be written") == 1


def test_without_files_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spy = Spy(CallLog(""), "")
    spy.note_loaded()
    watched = spy.watch("r1", is_kept=True)
    watched.note_received(1, None, has_params=True)

    assert watched.note_returned(2) >= 0
    assert list(tmp_path.iterdir()) == []


def test_modules_are_recorded_when_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "late_module_of_a_model.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    model = Watched(tmp_path, __import__)
    model.spy.note_loaded()
    at_load = model.modules()
    try:
        model.call("r1", "late_module_of_a_model")
        model.call("r2", "late_module_of_a_model")
    finally:
        sys.modules.pop("late_module_of_a_model", None)

    assert {line["phase"] for line in at_load} == {"load"}
    assert {"name": "sys", "file": None, "phase": "load"} in at_load
    assert {"name": "json", "file": json.__file__, "phase": "load"} in at_load
    assert not any("pytest_modelserve.runtime" in line["name"] for line in at_load)
    late = {"name": "late_module_of_a_model", "file": f"{tmp_path}/late_module_of_a_model.py", "phase": "predict"}
    assert [line for line in model.modules()[len(at_load) :] if line["name"].startswith("late")] == [late]


def test_odd_modules_are_not_woken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("woken")

    class Slotted:
        __slots__ = ()

    for name, module in {"odd_lazy": Lazy("odd_lazy"), "odd_slotted": Slotted(), "odd_none": None}.items():
        monkeypatch.setitem(sys.modules, name, module)
    log = ModuleLog(str(tmp_path / "modules.jsonl"))
    log.note("load")

    lines = [json.loads(line) for line in (tmp_path / "modules.jsonl").read_text().splitlines()]
    assert {line["name"]: line["file"] for line in lines if line["name"].startswith("odd_")} == {
        "odd_lazy": None,
        "odd_slotted": None,
        "odd_none": None,
    }
