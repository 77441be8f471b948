"""KServe's own client of the Open Inference Protocol against the builtin server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from uv import find_uv_bin

from pytest_modelserve import ModelClient

SCRIPT: Final = Path(__file__).parent / "kserve_client.py"
TIMEOUT_S: Final = 280.0  # uv fetches 300 MB for it where they are not cached


@pytest.fixture(scope="module")
def both(clients: Mapping[str, ModelClient]) -> list[dict[str, Any]]:
    """What the client made of the answers to tensors in JSON, and to those in binary, which is its default."""
    command = [find_uv_bin(), "run", "--no-project", "--quiet", "--script", str(SCRIPT), clients["columns"].base_url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert ended.returncode == 0, ended.stderr
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


@pytest.fixture(params=[0, 1], ids=["json", "binary"])
def told(both: list[dict[str, Any]], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What it made of those of one kind."""
    found: dict[str, Any] = both[request.param]
    return found


def test_health(told: dict[str, Any]) -> None:
    assert (told["live"], told["ready"], told["model_ready"]) == (True, True, True)


def test_inference(told: dict[str, Any]) -> None:
    assert (told["id"], told["model"]) == ("r1", "mlflow-model")
    assert (told["total"], told["shape"]) == ([None, 6.0], [2, 1])
    assert told["label"] == ["é", "b"]


def test_an_error_comes_with_the_server_s_words(told: dict[str, Any]) -> None:
    assert "The required column 'n' is missing" in told["error"]
