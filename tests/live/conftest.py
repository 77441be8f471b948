"""What every live test shares: one cache, runs of pytest as a user starts them, and models written by hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

PENGUINS: Final = Path(__file__).parents[2] / "example_models" / "penguins_rules"
PINS: Final = ("conda.yaml", "python_env.yaml", "requirements.txt")  # one environment serves all models of the tests
RUN_TIMEOUT_S: Final = 240.0


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of all live tests: of this session, or the one that MODELSERVE_TEST_CACHE names."""
    named = os.environ.get("MODELSERVE_TEST_CACHE")
    return Path(named) if named else tmp_path_factory.mktemp("model cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRun:
    """How a run of pytest over a model's contract ended."""

    exit_code: int
    output: str
    errors: str
    elapsed_s: float
    report: Mapping[str, Any]

    @property
    def model(self) -> Mapping[str, Any]:
        """The report of the only model."""
        (model,) = self.report["models"]
        return dict(model)

    def checks(self, outcome: str) -> dict[str, Any]:
        """The checks of the only model that ended so, by name."""
        return {check["name"]: check for check in self.model["checks"] if check["outcome"] == outcome}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Runs of pytest over a model's contract, in a folder without any settings, as a user would start them."""

    folder: Path
    cache_dir: Path

    def command(self, model: Path, *options: str) -> list[str]:
        words = [sys.executable, "-m", "pytest", "--model-uri", str(model), "--model-cache-dir", str(self.cache_dir)]
        return [*words, "-p", "no:randomly", *options]

    def start(self, model: Path, *options: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a run in a process group of its own, as a shell does."""
        return subprocess.Popen(
            self.command(model, *options),
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, model: Path, *options: str, env: Mapping[str, str] | None = None) -> ContractRun:
        """Run to the end."""
        report = self.folder / f"{model.name}.json"
        report.unlink(missing_ok=True)
        started = time.monotonic()
        process = self.start(model, "--model-report", str(report), *options, env=env)
        output, errors = process.communicate(timeout=RUN_TIMEOUT_S)
        elapsed_s = time.monotonic() - started
        return ContractRun(
            exit_code=process.returncode,
            output=output,
            errors=errors,
            elapsed_s=elapsed_s,
            report=json.loads(report.read_text()) if report.exists() else {},
        )


@pytest.fixture
def contract(tmp_path: Path, cache_dir: Path) -> Contract:
    """Run pytest over a model's contract."""
    folder = tmp_path / "user"
    folder.mkdir()
    return Contract(folder=folder, cache_dir=cache_dir)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """What makes a model directory: its code, its signature, and its input example.

    Attributes:
        loader: The text of the only module, which has `_load_pyfunc`.
        signature: inputs, outputs and params as MLflow writes them, not yet as text.
        example: The JSON document of a request.
        requirements: In place of the pins that the tests share.
    """

    loader: str
    signature: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    requirements: Sequence[str] | None = None

    def write(self, path: Path) -> Path:
        """Write the model directory."""
        (path / "code").mkdir(parents=True)
        (path / "code" / "the_model.py").write_text(self.loader)
        for name in PINS:
            shutil.copy(PENGUINS / name, path / name)
        if self.requirements is not None:
            (path / "requirements.txt").write_text("".join(f"{line}\n" for line in self.requirements))
        pyfunc = {
            "code": "code",
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            "loader_module": "the_model",
            "python_version": "3.11.7",
        }
        document: dict[str, Any] = {"flavors": {"python_function": pyfunc}, "mlflow_version": "3.17.2"}
        if self.signature:
            sides = ((side, self.signature.get(side)) for side in ("inputs", "outputs", "params"))
            document["signature"] = {side: json.dumps(specs) if specs else None for side, specs in sides}
        if self.example is not None:
            document["saved_input_example_info"] = self._write_example(path, self.example)
        (path / "MLmodel").write_text(json.dumps(document, indent=2))  # JSON is YAML
        return path

    def _write_example(self, path: Path, example: Mapping[str, Any]) -> dict[str, str]:
        """Write the example as MLflow does: as it was given, and as the request that sends it."""
        (path / "serving_input_example.json").write_text(json.dumps(example))
        split = example.get("dataframe_split")
        given = {"inputs": split, "params": example.get("params")} if "params" in example else split
        (path / "input_example.json").write_text(json.dumps(given if split else example))
        common = {"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"}
        if not split:
            return {**common, "type": "ndarray"}
        params = {"params": "true"} if "params" in example else {}
        return {**common, "type": "dataframe", "pandas_orient": "split", **params}


@pytest.fixture
def model_source() -> type[ModelSource]:
    """Describe a model that is written by hand."""
    return ModelSource
