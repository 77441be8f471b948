"""However a run of pytest ends, no process is left and no port is held."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

Processes = Callable[[Path], list[psutil.Process]]
Until = Callable[[Callable[[], object]], bool]

LOADER = """
import pathlib, time

class Slow:
    def predict(self, orders, params=None):
        time.sleep(0.05)
        return [1] * len(orders)

def _load_pyfunc(path):
    {loading}
    return Slow()
"""
SIGNATURE = {
    "inputs": [{"type": "long", "name": "n", "required": True}],
    "outputs": [{"type": "long", "required": True}],
}
EXAMPLE = {"dataframe_split": {"columns": ["n"], "data": [[1]]}}


def ports_of(processes: list[psutil.Process]) -> set[int]:
    ports = set()
    for each in processes:
        try:
            ports |= {link.laddr.port for link in each.net_connections("tcp") if link.status == psutil.CONN_LISTEN}
        except psutil.Error:
            continue
    return ports


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the run are in TIME_WAIT
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def model(model_source: Any, tmp_path: Path) -> Callable[[str], Path]:
    def write(loading: str) -> Path:
        source = model_source(loader=LOADER.format(loading=loading), signature=SIGNATURE, example=EXAMPLE)
        written: Path = source.write(tmp_path / "model")
        return written

    return write


def test_after_a_run_nothing_is_left(model: Any, contract: Any, processes_of: Processes, tmp_path: Path) -> None:
    run = contract(model("pass"), "--model-checks", "smoke")
    assert run.checks("passed")["predicts_input_example"]["accepted"] == 1
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_while_it_sends_leaves_nothing(
    way: signal.Signals, model: Any, contract: Any, processes_of: Processes, until: Until, tmp_path: Path
) -> None:
    reached = tmp_path / "reached"
    path = model("pass")
    code = path / "code" / "the_model.py"
    code.write_text(
        code.read_text().replace("time.sleep(0.05)", f"pathlib.Path({str(reached)!r}).touch(); time.sleep(1)")
    )
    process = contract.start(path)
    try:
        assert until(reached.exists)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        ports = ports_of(family)
        assert ports
        process.send_signal(way)
        process.communicate(timeout=60)
        assert until(lambda: not [each for each in family if each.is_running() and each.status() != "zombie"])
        assert until(lambda: not processes_of(tmp_path)), processes_of(tmp_path)
        assert all(map(is_free, ports))
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_while_the_model_loads_leaves_nothing(
    way: signal.Signals, model: Any, contract: Any, processes_of: Processes, until: Until, tmp_path: Path
) -> None:
    reached = tmp_path / "loading"
    process = contract.start(model(f"pathlib.Path({str(reached)!r}).touch(); time.sleep(600)"))
    try:
        assert until(reached.exists)
        process.send_signal(way)
        process.communicate(timeout=60)
        assert until(lambda: not processes_of(tmp_path)), processes_of(tmp_path)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_on_its_private_server_leaves_nothing(
    way: signal.Signals, model: Any, contract: Any, processes_of: Processes, until: Until, tmp_path: Path
) -> None:
    reached, temporary = tmp_path / "reached", tmp_path / "temporary"
    reached.mkdir()
    temporary.mkdir()
    path = model("pass")
    code = path / "code" / "the_model.py"
    touched = f"pathlib.Path({str(reached)!r}, str(os.getpid())).touch(); time.sleep(0.2)"
    source = code.read_text().replace("time.sleep(0.05)", touched)
    code.write_text(source.replace("import pathlib", "import os, pathlib"))
    process = contract.start(path, "--model-checks", "bounded", env={"TMPDIR": str(temporary)})
    try:
        assert until(lambda: len(list(reached.iterdir())) == 2)  # the shared server's, and the private one's
        assert len(list(temporary.glob("modelserve-*"))) == 1
        process.send_signal(way)
        process.communicate(timeout=60)
        assert until(lambda: not processes_of(tmp_path)), processes_of(tmp_path)
        assert until(lambda: not list(temporary.glob("modelserve-*")))
    finally:
        process.kill()
        process.wait()
