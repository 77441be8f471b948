"""Two models behind the builtin server for clients of the Open Inference Protocol: one of columns, one of tensors.

And tools of other people, each in an environment of its own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from uv import find_uv_bin
from zoo.model_source import ModelSource

from pytest_modelserve import ModelClient, Settings, serve

DOCS: Final = Path(__file__).parents[3] / "docs" / "examples"  # what the tools are given is what readers are
TOOL_S: Final = 240.0  # uv fetches the tool where it is not cached
NUMBERS: Final = ("bool", *(f"{sign}int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)))
FLOATS: Final = ("float16", "float32", "float64")
DTYPES: Final = (*NUMBERS, *FLOATS, "str")

COLUMNS: Final = '''
import pandas as pd


class Totals:
    """Add up two columns, times a param; raise where one says so."""

    def predict(self, data, params=None):
        if (data["s"] == "raise").any():
            raise RuntimeError("the model was told to raise")
        weight = data["tags"].map(len) + data["raw"].map(len) + data["at"].dt.nanosecond
        total = (data["n"] * data["x"] + weight) * (params or {}).get("scale", 1.0)
        return pd.DataFrame({"total": total.where(~data["flag"]), "label": data["s"]})


def _load_pyfunc(path):
    return Totals()
'''
ECHO: Final = '''
class Echo:
    """Return each tensor."""

    def predict(self, data, params=None):
        return data


def _load_pyfunc(path):
    return Echo()
'''


def column(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "required": True, **more}


COLUMNS_SIGNATURE: Final[Mapping[str, Any]] = {
    "inputs": [
        column("n", "long"),
        column("x", "double"),
        column("flag", "boolean"),
        column("s", "string"),
        column("raw", "binary"),
        column("at", "datetime"),
        column("tags", "array", items={"type": "string"}),
    ],
    "outputs": [column("total", "double"), column("label", "string")],
    "params": [{"name": "scale", "type": "double", "default": 1.0, "shape": None}],
}
TENSORS: Final = [
    {"type": "tensor", "name": dtype, "tensor-spec": {"dtype": dtype, "shape": [-1, 2]}} for dtype in DTYPES
]
SIGNATURES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "columns": (COLUMNS, COLUMNS_SIGNATURE),
    "tensors": (ECHO, {"inputs": TENSORS, "outputs": TENSORS}),
}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, ModelClient]]:
    """Our own client of each model's server, by the model's name."""
    folder = tmp_path_factory.mktemp("protocol")
    sources = {
        name: ModelSource(loader=loader, signature=signature).write(folder / name)
        for name, (loader, signature) in SIGNATURES.items()
    }
    with served(sources["columns"], folder) as columns, served(sources["tensors"], folder) as tensors:
        yield {"columns": columns.client, "tensors": tensors.client}


def served(path: Path, folder: Path) -> Any:
    """Serve a model in this interpreter: the protocol does not depend on the environment."""
    return serve(str(path), Settings(env_manager="local", cache_dir=folder / "cache"))


@pytest.fixture
def dtypes() -> tuple[str, ...]:
    """Every dtype of the model of tensors, each the name of a tensor, too."""
    return DTYPES


@pytest.fixture
def run_tool(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a tool of other people in a folder without any file of ours, but for the modules of `docs/examples`."""

    def run(requirement: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        uv = (find_uv_bin(), "run", "--no-project", "--quiet", "--python", "3.11", "--with", requirement)
        return subprocess.run(
            (*uv, *words),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(DOCS), "PYTHONDONTWRITEBYTECODE": "1", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TOOL_S,
            check=False,
        )

    return run
