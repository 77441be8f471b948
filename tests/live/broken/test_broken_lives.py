"""Models that wear their server out, or load at the wrong time, are failed by name; their healthy twins pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

pytestmark = pytest.mark.alone

LOADER: Final = """
import collections, os, pathlib, signal, subprocess, sys, tempfile, threading, time

KEPT = []
COUNT = [0]

def read(path):
    with open(path, "rb") as file:
        return file.read()

class Counts:
    def __init__(self, path):
        self.weights = {weights}

    def predict(self, orders, params=None):
        COUNT[0] += 1
        {predicting}
        return [len(self.weights)] * len(orders)

def _load_pyfunc(path):
    path = pathlib.Path(path, "weights.bin")
    {loading}
    return Counts(path)
"""
SIGNATURE: Final = {
    "inputs": [{"type": "long", "name": "n", "required": True}],
    "outputs": [{"type": "long", "required": True}],
}
EXAMPLE: Final = {"dataframe_split": {"columns": ["n"], "data": [[1]]}}
OWN_CHECKS: Final = "survives,leaks_nothing,bounded,latency,starts_and_stops"
STUBBORN: Final = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What differs from the healthy twin, and what must be said of it."""

    check: str
    says: str
    weights: str = "read(path)"
    predicting: str = "pass"
    loading: str = "pass"


BROKEN: Final = {
    "is_loaded_twice": Broken(
        check="starts_and_stops",
        says="weights.bin was loaded 2 times before the model was ready",
        loading="Counts(path)",
    ),
    "is_loaded_by_the_first_request": Broken(
        check="starts_and_stops",
        says="weights.bin was loaded by the first prediction",
        weights="None; self.path = path",
        predicting="self.weights = self.weights or read(self.path)",
    ),
    "leaves_a_process": Broken(
        check="starts_and_stops",
        says="the server left 1 process behind",
        loading=f"subprocess.Popen([sys.executable, '-c', {STUBBORN!r}], stdout=subprocess.PIPE).stdout.readline()",
    ),
    "keeps_100_kB_a_request": Broken(check="bounded", says="memory grows by", predicting="KEPT.append(b'x' * 100_000)"),
    "keeps_a_file_open": Broken(
        check="bounded", says="file descriptors grow by 1 with", predicting="KEPT.append(open(os.devnull))"
    ),
    "keeps_a_thread": Broken(
        check="bounded",
        says="threads grow by 1 with",
        predicting="threading.Thread(target=threading.Event().wait, daemon=True).start()",
    ),
    "leaves_a_temporary_file": Broken(
        check="bounded", says="temporary files grow by 1 with", predicting="os.close(tempfile.mkstemp()[0])"
    ),
}


@pytest.fixture
def model(model_source: Any, tmp_path: Path) -> Callable[..., Path]:
    def write(**lines: str) -> Path:
        told = {"weights": "read(path)", "predicting": "pass", "loading": "pass", **lines}
        text = LOADER
        for name, line in told.items():
            text = text.replace("{" + name + "}", line)
        written: Path = model_source(loader=text, signature=SIGNATURE, example=EXAMPLE).write(tmp_path / "model")
        (written / "weights.bin").write_bytes(b"w" * 10_000)
        return written

    return write


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_failed_by_name(name: str, model: Any, contract: Any) -> None:
    broken = BROKEN[name]
    path = model(weights=broken.weights, predicting=broken.predicting, loading=broken.loading)
    run = contract(path, "--model-checks", broken.check)
    assert run.exit_code == 1, run.output
    failure = run.checks("failed")[broken.check]["failure"]
    assert failure["title"].startswith(broken.says)
    assert list(run.checks("failed")) == [broken.check]


def test_the_healthy_twin_passes(model: Any, contract: Any) -> None:
    run = contract(model(), "--model-checks", OWN_CHECKS)
    assert set(run.checks("passed")) == set(OWN_CHECKS.split(",")), run.output


def test_stalls_of_one_in_a_hundred_show_in_the_99th_percentile(model: Any, contract: Any) -> None:
    path = model(predicting="time.sleep(0.2) if COUNT[0] % 100 == 0 else None")
    run = contract(path, "--model-checks", "latency")
    latency = run.model["latency"]
    assert latency["p99_s"] > 0.15
    assert sum(bucket["count"] for bucket in latency["buckets"]) == latency["n"] >= 100
    assert "latency p50" in run.output


def test_a_budget_fails_what_exceeds_it(model: Any, contract: Any) -> None:
    run = contract(model(predicting="time.sleep(0.03)"), "--model-checks", "latency", "--model-max-p50", "10ms")
    failure = run.checks("failed")["latency"]["failure"]
    assert failure["title"].startswith("p50 of the latency is ")
    assert failure["title"].endswith(", the budget 10 ms")


def test_other_workers_make_latency_say_nothing(model: Any, contract: Any) -> None:
    run = contract(model(), "--model-checks", "latency", "-n", "2")
    assert "other workers use this machine" in run.checks("skipped")["latency"]["reason"]
