"""Models whose loader is their own code, as directories."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_modelserve.runtime.config import WorkerConfig

MakeModel = Callable[..., WorkerConfig]


@pytest.fixture
def make_model(tmp_path: Path, request: pytest.FixtureRequest) -> MakeModel:
    """Write a model whose loader module is `source`, named after the test so that no two share `sys.modules`."""
    module = "own_loader_" + "".join(letter if letter.isalnum() else "_" for letter in request.node.name)

    def make(source: str, **flavor: object) -> WorkerConfig:
        code = tmp_path / "model" / "code"
        code.mkdir(parents=True)
        (code / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        loader = {"loader_module": module, "code": "code", **flavor}
        return WorkerConfig(model_dir=str(tmp_path / "model"), loader=loader, calls_file=str(tmp_path / "calls.jsonl"))

    return make


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[WorkerConfig], Path]:
    def write(config: WorkerConfig) -> Path:
        path = tmp_path / "worker.json"
        path.write_text(json.dumps(vars(config)), encoding="utf-8")
        return path

    return write
