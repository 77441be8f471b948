"""What every live test shares: runs of pytest as a user starts them, and models written by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from zoo.model_source import ModelSource

RUN_TIMEOUT_S: Final = 240.0


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


@pytest.fixture
def model_source() -> type[ModelSource]:
    """Describe a model that is written by hand."""
    return ModelSource
