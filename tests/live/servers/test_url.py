"""A server that somebody started by hand gives the verdict of the one that is started here."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from pytest_modelserve import verify
from pytest_modelserve.pipeline import serve
from pytest_modelserve.results import ModelReport, Outcome, Verdict
from pytest_modelserve.settings import Settings

IRIS: Final = Path(__file__).parents[3] / "example_models" / "iris_classifier"
START_S: Final = 120.0


@contextmanager
def by_hand(python: Path, model: Path, port: int) -> Iterator[str]:
    """Start MLflow's own server as its documentation says."""
    words = ("models", "serve", "--model-uri", str(model), "--port", str(port), "--env-manager", "local")
    environ = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(
        (python, "-m", "mlflow", *words),
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_S
        while not is_ready(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ping", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def deviating(report: ModelReport) -> set[str]:
    return {deviation.id for check in report.checks for deviation in check.deviations}


@pytest.mark.timeout(600)
def test_mlflow_started_by_hand_gives_the_verdict_of_the_managed_one(cache_dir: Path, free_tcp_port: int) -> None:
    settings = Settings(cache_dir=cache_dir, server="mlflow")
    with serve(str(IRIS), settings) as served, by_hand(served.environment.python, IRIS, free_tcp_port) as url:
        there = verify(str(IRIS), Settings(cache_dir=cache_dir, server="mlflow", url=url))
    assert there.verdict is Verdict.PASS
    assert there.server["version"] == dict(line.split("==") for line in served.environment.freeze)["mlflow"]
    assert {"head_is_refused", "no_content_type_fails"} <= deviating(there)
    reasons = {check.reason for check in there.checks if check.outcome is Outcome.SKIPPED}
    assert "what reaches the model is not recorded on this server" in reasons
    assert "the server of --model-url is not ours to stop or wear out" in reasons


def test_ours_started_by_hand_gives_the_verdict_of_the_managed_one(cache_dir: Path) -> None:
    settings = Settings(cache_dir=cache_dir)
    with serve(str(IRIS), settings) as served:
        url = served.server.base_url
        there = verify(str(IRIS), Settings(cache_dir=cache_dir, url=url))
        alone = verify(url, Settings(cache_dir=cache_dir, url=url))  # which tells the signature itself
    assert there.verdict is Verdict.PASS
    assert (alone.verdict, alone.uri) == (Verdict.PASS, url)
    assert (alone.signature, alone.digest) == (there.signature, there.digest)
    assert "predicts_input_example" not in {check.name for check in alone.checks}
