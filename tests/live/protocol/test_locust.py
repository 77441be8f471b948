"""Locust with the file of the docs against the builtin server."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_modelserve import Settings, serve

ROOT: Final = Path(__file__).parents[3]
MODEL: Final = ROOT / "example_models" / "penguins_rules"
FILE: Final = ROOT / "docs" / "examples" / "locustfile.py"
REQUESTS: Final = 200
Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    cache_dir = tmp_path_factory.mktemp("locust")
    with serve(str(MODEL), Settings(env_manager="local", cache_dir=cache_dir)) as served:
        yield served.server.base_url


def loaded(run_tool: Tool, url: str, body: Path) -> tuple[int, dict[str, Any]]:
    """Return the exit code and what was counted of the requests."""
    (locust,) = re.findall(r'^load = \["(.+)"\]$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    words = ("locust", "-f", str(FILE), "--headless", "--host", url, "--users", "2", "--spawn-rate", "2", "--json")
    ended = run_tool(locust, *words, "--requests", str(REQUESTS), MODEL_REQUEST=str(body))
    assert ended.stdout, ended.stderr
    (counted,) = json.loads(ended.stdout)
    return ended.returncode, counted


def test_a_served_model_takes_a_load(run_tool: Tool, url: str) -> None:
    code, counted = loaded(run_tool, url, MODEL / "serving_input_example.json")
    assert (code, counted["num_failures"]) == (0, 0)
    assert counted["num_requests"] >= REQUESTS


def test_what_it_refuses_counts_as_failed(run_tool: Tool, url: str, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text("{}")
    code, counted = loaded(run_tool, url, body)
    assert code == 1
    assert counted["num_failures"] == counted["num_requests"] >= REQUESTS
