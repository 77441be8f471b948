"""The link to a real worker: answers find their requests, and every way in which a worker can fail is told."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeVar

import numpy as np
import psutil
import pytest

from pytest_modelserve.checks.calls import CallLog
from pytest_modelserve.checks.recorded import RecordedTable
from pytest_modelserve.runtime import frames
from pytest_modelserve.runtime.frames import (
    ColumnValue,
    FrameError,
    Predictions,
    Raised,
    Storage,
    TableValue,
    TreeError,
    Unencodable,
)
from pytest_modelserve.scoring.worker_link import (
    WorkerDied,
    WorkerLink,
    WorkerLoadFailed,
    WorkerSpec,
    WorkerTimeout,
)

T = TypeVar("T")
MakeSpec = Callable[..., WorkerSpec]

ENDLESS_S = 600.0  # what a hanging model waits for; a test that met it would run into its own timeout

MODEL = f"""
    import os, signal, socket, stat, sys, threading, time

    class Model:
        def __init__(self):
            self.barrier = threading.Barrier(3)

        def predict(self, data, params=None):
            name, *arguments = data
            return getattr(self, name)(params, *arguments)

        def echo(self, params, *arguments):
            return [list(arguments), params]

        def meet(self, params):
            return self.barrier.wait(timeout=20) >= 0

        def turns(self, params):
            return sys.getswitchinterval()

        def refuse(self, params):
            raise ValueError("no such animal")

        def chatter(self, params):
            print("x" * 100_000)
            os.write(1, b"y" * 100_000)
            return "quiet"

        def close_streams(self, params):
            sys.stdout.close()
            sys.stderr.close()
            raise ValueError("in the dark")

        def leave(self, params, code):
            os._exit(code)

        def exit(self, params, code):
            sys.exit(code)

        def interrupt(self, params):
            raise KeyboardInterrupt

        def kill(self, params, number):
            os.kill(os.getpid(), number)
            time.sleep({ENDLESS_S})

        def hang(self, params):
            time.sleep({ENDLESS_S})

        def circle(self, params):
            value = []
            value.append(value)
            return value

        def shout(self, params):
            for fd in range(3, 64):
                try:
                    if stat.S_ISSOCK(os.fstat(fd).st_mode):
                        os.write(fd, b"this is not a message of the protocol")
                except OSError:
                    continue
            return "shouted"

        def fork(self, params):
            child = os.fork()
            if child == 0:
                time.sleep({ENDLESS_S})
            return child

        def look(self, params):
            return [sys.path, [name for name in ("frames", "worker", "runtime") if name in sys.modules]]

    def _load_pyfunc(path):
        return Model()
"""


@pytest.fixture
def make_spec(tmp_path: Path) -> MakeSpec:
    def make(source: str = MODEL, **fields: Any) -> WorkerSpec:
        code = tmp_path / "model" / "code"
        code.mkdir(parents=True)
        (code / "own_loader.py").write_text(dedent(source), encoding="utf-8")
        spec = WorkerSpec(
            python=Path(sys.executable),
            model_dir=tmp_path / "model",
            loader={"loader_module": "own_loader", "code": "code"},
            env=dict(os.environ),
            calls_file=tmp_path / "calls.jsonl",
        )
        return replace(spec, **fields)

    return make


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


@asynccontextmanager
async def started(spec: WorkerSpec) -> AsyncIterator[WorkerLink]:
    link = await WorkerLink.start(spec)
    try:
        yield link
    finally:
        await link.close()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def calls_of(spec: WorkerSpec) -> list[dict[str, Any]]:
    return [json.loads(line) for line in spec.calls_file.read_text(encoding="utf-8").splitlines()]


def test_a_prediction_and_its_record(make_spec: MakeSpec) -> None:
    spec = make_spec()

    async def scenario() -> None:
        async with started(spec) as link:
            answer = await link.predict(["echo", 1, b"x"], {"k": 2}, request_id="r-1")

            assert isinstance(answer, Predictions)
            assert (answer.value, answer.type_name) == ([[1, b"x"], {"k": 2}], "list")
            [call] = calls_of(spec)  # written before the answer is sent
            assert (call["id"], call["call"], call["outcome"]) == ("r-1", 1, "returned")
            assert call["elapsed_s"] == answer.elapsed_s
            assert link.ready.python_version == ".".join(map(str, sys.version_info[:3]))
            assert link.death is None
        assert not is_running(link.pid)

    run(scenario())


def test_nothing_is_written_into_the_model(make_spec: MakeSpec) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    spec = make_spec(env=env)
    before = sorted(spec.model_dir.rglob("*"))

    async def scenario() -> None:
        async with started(spec) as link:
            await link.predict(["echo", 1])

    run(scenario())
    assert sorted(spec.model_dir.rglob("*")) == before


def test_the_spy_tells_what_the_model_was_given_and_returned(make_spec: MakeSpec) -> None:
    source = """
        import sys

        class Model:
            def predict(self, data, params=None):
                answer = data["a"].tolist()
                data["a"] = None
                import colorsys
                return answer

        def _load_pyfunc(path):
            sys.modules.pop("colorsys", None)
            return Model()
    """
    spec = make_spec(source)
    table = TableValue((ColumnValue("a", Storage.ARRAY, np.array([2**53 + 1])),), 1)

    async def scenario() -> None:
        async with started(spec) as link:
            await link.predict(table, {"k": np.float32(0.1)}, request_id="r-1")
            await link.predict(table, {"k": 1})

    run(scenario())
    log = CallLog(spec.calls_file)
    call, silent = log.find("r-1"), log.find("")
    assert call is not None
    assert silent is not None
    received = call.received.value
    assert isinstance(received, RecordedTable)
    assert [(column.name, column.dtype, column.values) for column in received.columns] == [("a", "int64", (2**53 + 1,))]
    assert (call.params.value, call.returned.value) == ({"k": np.float32(0.1)}, [2**53 + 1])
    assert not silent.received.is_recorded
    modules = map(json.loads, spec.calls_file.with_name("modules.jsonl").read_text().splitlines())
    phases = {module["name"]: module["phase"] for module in modules}
    assert (phases["own_loader"], phases["colorsys"]) == ("load", "predict")
    assert not any("_modelserve_runtime" in name or name == "__main__" for name in phases)


def test_predictions_run_at_the_same_time(make_spec: MakeSpec) -> None:
    async def scenario() -> None:
        async with started(make_spec(predict_threads=3)) as link:
            answers = await asyncio.gather(*(link.predict(["meet"]) for _ in range(3)))  # each waits for the others

            assert [getattr(answer, "value", answer) for answer in answers] == [True] * 3

    run(scenario())


def test_threads_take_turns_often_enough_for_shared_state_to_show(make_spec: MakeSpec) -> None:
    async def scenario() -> None:
        async with started(make_spec()) as link:
            answer = await link.predict(["turns"])
            assert isinstance(answer, Predictions)
            assert 0 < answer.value < 0.001

    run(scenario())


def test_more_requests_than_threads_are_all_answered(make_spec: MakeSpec) -> None:
    spec = make_spec(predict_threads=1)

    async def scenario() -> None:
        async with started(spec) as link:
            answers = await asyncio.gather(*(link.predict(["echo", number]) for number in range(50)))

        assert [getattr(answer, "value", answer) for answer in answers] == [[[number], None] for number in range(50)]
        assert [call["call"] for call in calls_of(spec)] == list(range(1, 51))

    run(scenario())


def test_what_the_model_raises_is_an_answer(make_spec: MakeSpec) -> None:
    spec = make_spec()

    async def scenario() -> None:
        async with started(spec) as link:
            answer = await link.predict(["refuse"], request_id="r-2")
            after = await link.predict(["echo"])

        assert isinstance(answer, Raised)
        assert (answer.exception.type, answer.exception.message) == ("ValueError", "no such animal")
        assert answer.exception.deliberate
        assert answer.exception.last_frame is not None
        assert answer.exception.last_frame.function.endswith("refuse")
        assert os.path.dirname(frames.__file__) not in answer.exception.traceback  # noqa: PTH120
        assert isinstance(after, Predictions)
        record = calls_of(spec)[0]
        assert (record["id"], record["exception"]["mro"][0]) == ("r-2", "ValueError")

    run(scenario())


def test_what_cannot_travel_is_an_answer(make_spec: MakeSpec) -> None:
    async def scenario() -> None:
        async with started(make_spec()) as link:
            answer = await link.predict(["circle"])

        assert isinstance(answer, Unencodable)
        assert answer.type_name == "list"

    run(scenario())


def test_data_that_cannot_travel_does_not_reach_the_worker(make_spec: MakeSpec) -> None:
    spec = make_spec()

    async def scenario() -> None:
        async with started(spec) as link:
            with pytest.raises(TreeError):
                await link.predict(["echo", object()])

        assert calls_of(spec) == []

    run(scenario())


def test_what_the_model_prints_does_not_reach_the_socket(
    make_spec: MakeSpec, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        async with started(make_spec()) as link:
            answer = await link.predict(["chatter"])

        assert getattr(answer, "value", answer) == "quiet"

    run(scenario())
    assert "x" * 100 in capfd.readouterr().out


def test_a_model_that_closes_the_streams_is_still_answered(make_spec: MakeSpec) -> None:
    async def scenario() -> None:
        async with started(make_spec()) as link:
            answers = [await link.predict(["close_streams"]), await link.predict(["echo"])]

        assert isinstance(answers[0], Raised)
        assert "in the dark" in answers[0].exception.traceback
        assert isinstance(answers[1], Predictions)
        assert link.death is not None
        assert link.death.exit_code == 0

    run(scenario())


def test_large_arrays_go_both_ways(make_spec: MakeSpec) -> None:
    array = np.arange(3_000_000, dtype=np.float64)

    async def scenario() -> None:
        async with started(make_spec()) as link:
            answer = await link.predict(["echo", array])

        assert isinstance(answer, Predictions)
        assert np.array_equal(answer.value[0][0], array)

    run(scenario())


def test_a_table_arrives_as_a_data_frame(make_spec: MakeSpec) -> None:
    source = """
        class Model:
            def predict(self, data):
                return data[["n"]] * 2

        def _load_pyfunc(path):
            return Model()
    """
    table = TableValue(
        (ColumnValue("n", Storage.ARRAY, np.array([1, 2])), ColumnValue("s", Storage.TEXT, ["a", "b"])), 2
    )

    async def scenario() -> None:
        async with started(make_spec(source, hands_tables=True)) as link:
            answer = await link.predict(table)

        assert "pandas" in link.ready.versions
        assert isinstance(answer, Predictions)
        assert answer.value.columns[0].values.tolist() == [2, 4]

    run(scenario())


@pytest.mark.parametrize(
    ("request_data", "exit_code", "signal_name"),
    [
        pytest.param(["leave", 9], 9, None, id="exit"),
        pytest.param(["kill", 9], None, "SIGKILL", id="SIGKILL"),
        pytest.param(
            ["kill", 40],
            None,
            "signal 40",
            id="real-time signal",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux has signals without a name"),
        ),
    ],
)
def test_a_death_is_told_to_all_who_wait_and_all_who_come(
    make_spec: MakeSpec, request_data: list[Any], exit_code: int | None, signal_name: str | None
) -> None:
    async def scenario() -> None:
        async with started(make_spec(predict_threads=2)) as link:
            waiting = asyncio.create_task(link.predict(["hang"], request_id="first"))
            await asyncio.sleep(0)  # so that it is sent first
            with pytest.raises(WorkerDied) as caught:
                await link.predict(request_data, request_id="last")
            with pytest.raises(WorkerDied):
                await waiting
            with pytest.raises(WorkerDied) as later:
                await link.predict(["echo"])

            death = caught.value.death
            assert (death.exit_code, death.signal_name) == (exit_code, signal_name)
            assert (death.request_ids, death.last_request_id) == (("first", "last"), "last")
            assert later.value.death is death
            assert link.death is death

    run(scenario())


@pytest.mark.parametrize(
    ("request_data", "type_name", "exit_code"),
    [
        (["exit", 7], "SystemExit", 7),
        (["exit", None], "SystemExit", 0),
        (["exit", "a reason"], "SystemExit", 1),
        (["interrupt"], "KeyboardInterrupt", 130),
    ],
    ids=repr,
)
def test_an_exit_is_reported_and_then_ends_the_worker(
    make_spec: MakeSpec, request_data: list[Any], type_name: str, exit_code: int
) -> None:
    spec = make_spec()

    async def scenario() -> None:
        async with started(spec) as link:
            answer = await link.predict(request_data)
            with pytest.raises(WorkerDied) as caught:
                await link.predict(["hang"])

        assert isinstance(answer, Raised)
        assert answer.exception.type == type_name
        assert caught.value.death.exit_code == exit_code
        assert calls_of(spec)[0]["exception"]["type"] == type_name

    run(scenario())


def test_a_forked_child_does_not_hide_a_death(make_spec: MakeSpec) -> None:
    async def scenario() -> None:
        async with started(make_spec()) as link:
            forked = await link.predict(["fork"])
            assert isinstance(forked, Predictions)
            try:
                with pytest.raises(WorkerDied):
                    await asyncio.wait_for(link.predict(["leave", 0]), 20)
            finally:
                os.kill(forked.value, 9)

    run(scenario())


def test_a_worker_that_sends_noise_is_ended(make_spec: MakeSpec, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with started(make_spec()) as link:
            with pytest.raises(WorkerDied):
                await link.predict(["shout"])
            assert not is_running(link.pid)

    run(scenario())
    assert "is no answer" in caplog.text


def test_noise_while_loading_is_refused_and_ends_the_worker(make_spec: MakeSpec) -> None:
    source = """
        import os, stat, time

        for fd in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    os.write(fd, b"this is not a message of the protocol")
            except OSError:
                continue
        time.sleep(600)
    """

    async def scenario() -> None:
        with pytest.raises(FrameError):
            await WorkerLink.start(make_spec(source))

    before = psutil.Process().children()
    run(scenario())
    assert psutil.Process().children() == before


def test_closing_tells_who_still_waits(make_spec: MakeSpec, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with started(make_spec()) as link:
            waiting = asyncio.create_task(link.predict(["hang"], request_id="r-1"))
            await link.predict(["echo"])  # the other was sent before
            await link.close()
            with pytest.raises(WorkerDied) as caught:
                await waiting

        assert caught.value.death.request_ids == ("r-1",)
        assert caught.value.death.exit_code == 0

    run(scenario())
    assert caplog.records == []  # an end that was asked for is no news


def test_a_prediction_that_takes_too_long_leaves_the_others_alone(make_spec: MakeSpec) -> None:
    async def scenario() -> None:
        async with started(make_spec(predict_threads=2, predict_timeout_s=1.0)) as link:
            with pytest.raises(WorkerTimeout) as caught:
                await link.predict(["hang"])
            answer = await link.predict(["echo"])

        assert caught.value.timeout_s == 1.0
        assert isinstance(answer, Predictions)
        assert not is_running(link.pid)  # the hanging thread does not keep it

    run(scenario())


def test_a_model_that_cannot_be_loaded(make_spec: MakeSpec) -> None:
    source = """
        import no_such_module_of_ours
    """

    async def scenario() -> None:
        with pytest.raises(WorkerLoadFailed) as caught:
            await WorkerLink.start(make_spec(source))

        assert caught.value.missing_module == "no_such_module_of_ours"
        assert caught.value.exception.type == "ModuleNotFoundError"
        assert "no_such_module_of_ours" in caught.value.exception.traceback

    run(scenario())


def test_a_worker_that_dies_while_loading(make_spec: MakeSpec) -> None:
    async def scenario() -> None:
        with pytest.raises(WorkerDied) as caught:
            await WorkerLink.start(make_spec("import os; os._exit(5)"))

        assert (caught.value.death.exit_code, caught.value.death.last_request_id) == (5, None)

    run(scenario())


HANGING_LOADER = """
    import os, pathlib, time

    def _load_pyfunc(path):
        pathlib.Path(path, "pid").write_text(str(os.getpid()))
        time.sleep(600)
"""


def test_a_model_that_hangs_while_loading_is_ended(make_spec: MakeSpec) -> None:
    async def scenario() -> None:
        with pytest.raises(WorkerTimeout):
            await WorkerLink.start(make_spec(HANGING_LOADER, load_timeout_s=0.5))

    before = psutil.Process().children()
    run(scenario())
    assert psutil.Process().children() == before


def test_a_front_that_gives_up_while_loading_leaves_no_worker(make_spec: MakeSpec) -> None:
    spec = make_spec(HANGING_LOADER)
    pid_file = spec.model_dir / "pid"

    async def scenario() -> None:
        starting = asyncio.create_task(WorkerLink.start(spec))
        while not (pid_file.exists() and pid_file.read_text()):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    run(asyncio.wait_for(scenario(), 30))
    assert not is_running(int(pid_file.read_text()))


def test_an_interpreter_that_is_not_there(make_spec: MakeSpec, tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(FileNotFoundError):
            await WorkerLink.start(make_spec(python=tmp_path / "no-python"))

    run(scenario())


def test_arrays_for_a_model_without_numpy_are_refused_one_by_one(make_spec: MakeSpec) -> None:
    spec = make_spec("import sys; sys.modules['numpy'] = None\n" + dedent(MODEL))

    async def scenario() -> None:
        async with started(spec) as link:
            raised = await link.predict(["echo", np.arange(3)], request_id="r-1")
            answer = await link.predict(["echo", 3])

        assert isinstance(raised, Raised)
        assert raised.exception.type == "LibraryMissing"
        assert raised.exception.message.endswith("environment has no numpy")
        assert isinstance(answer, Predictions)
        assert [call["id"] for call in calls_of(spec)] == ["r-1", ""]

    run(scenario())


@pytest.mark.parametrize("isolated", [True, False])
def test_nothing_of_ours_is_on_the_models_path(make_spec: MakeSpec, tmp_path: Path, isolated: bool) -> None:
    spec = make_spec(isolated=isolated, env={**os.environ, "PYTHONPATH": str(tmp_path / "users")})

    async def scenario() -> None:
        async with started(spec) as link:
            answer = await link.predict(["look"])

        assert isinstance(answer, Predictions)
        path, modules = answer.value
        assert modules == []
        assert str(Path(frames.__file__).parent) not in path
        assert (str(tmp_path / "users") in path) is not isolated

    run(scenario())


def test_a_model_of_python_3_8_is_served(make_spec: MakeSpec) -> None:
    interpreters = sorted(Path(os.environ.get("PYENV_ROOT", "/nonexistent")).glob("versions/3.8.*/bin/python"))
    if not interpreters:
        pytest.skip("no Python 3.8 under PYENV_ROOT")

    spec = make_spec(python=interpreters[-1])
    data = ["echo", "\ud800", 2**70, {"$": (1, None)}]

    async def scenario() -> None:
        async with started(spec) as link:
            answer = await link.predict(data, {"k": b"\xff"}, request_id="r-1")
            raised = await link.predict(["refuse"])

        assert link.ready.python_version.startswith("3.8.")
        assert isinstance(answer, Predictions)
        assert answer.value == [["\ud800", 2**70, {"$": (1, None)}], {"k": b"\xff"}]
        assert isinstance(raised, Raised)
        assert raised.exception.deliberate

    run(scenario())
    call = CallLog(spec.calls_file).find("r-1")
    assert call is not None
    assert (call.received.value, call.returned.value) == (data, [data[1:], {"k": b"\xff"}])
