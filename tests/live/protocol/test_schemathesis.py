"""schemathesis against the builtin server's `/openapi.json`: nothing on records of scalars, and what a model breaks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from zoo.model_source import ModelSource

from pytest_modelserve import Settings, serve

SCHEMATHESIS: Final = "schemathesis>=4.32.5,<4.33"  # a newer one may look for more, and a gate must not flip
DEFECT: Final = '        total = total.where(data["i"] >= 0)  # an answer that the schema does not allow\n'
ROWS: Final = '''
import pandas as pd


class Rows:
    """Answer each type of value."""

    def predict(self, data, params=None):
        total = (data["x"].fillna(0.0) / 2 + data["f"].fillna(0.0) / 2) * 0.5
{defect}        return pd.DataFrame(
            {{
                "n": data["n"],
                "i": data["i"],
                "total": total,
                "flag": data["flag"],
                "label": data["s"].fillna(""),
            }}
        )


def _load_pyfunc(path):
    return Rows()
'''
Tool = Callable[..., subprocess.CompletedProcess[str]]


def column(name: str, kind: str, *, required: bool = True) -> Mapping[str, Any]:
    return {"type": kind, "name": name, "required": required}


SIGNATURE: Final[Mapping[str, Any]] = {
    "inputs": [
        column("n", "long"),
        column("i", "integer"),
        column("x", "double"),
        column("f", "float"),
        column("flag", "boolean"),
        column("s", "string"),
        column("maybe", "string", required=False),
    ],
    "outputs": [
        column("n", "long"),
        column("i", "integer"),
        column("total", "double"),
        column("flag", "boolean"),
        column("label", "string"),
    ],
    "params": [{"name": "scale", "type": "double", "default": 1.0, "shape": None}],
}


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Return what serves the model with a defect, or without, and tells where."""
    opened = []

    def start(defect: str) -> str:
        source = ModelSource(loader=ROWS.format(defect=defect), signature=SIGNATURE)
        settings = Settings(env_manager="local", cache_dir=tmp_path / "cache")
        opened.append(serve(str(source.write(tmp_path / "model")), settings))
        return opened[-1].__enter__().server.base_url

    yield start
    for one in opened:
        one.__exit__(None, None, None)


def looked_at(run_tool: Tool, url: str) -> subprocess.CompletedProcess[str]:
    words = ("schemathesis", "run", f"{url}/openapi.json", "--checks", "all", "--seed", "1", "--max-examples", "100")
    return run_tool(SCHEMATHESIS, *words, SCHEMATHESIS_HOOKS="schemathesis_hooks")


def test_it_finds_nothing_on_records_of_scalars(run_tool: Tool, serving: Callable[[str], str]) -> None:
    ended = looked_at(run_tool, serving(""))
    assert ended.returncode == 0, ended.stdout
    assert "No issues found" in ended.stdout
    assert "Tested: 4" in ended.stdout


def test_it_finds_an_answer_that_the_schema_does_not_allow(run_tool: Tool, serving: Callable[[str], str]) -> None:
    ended = looked_at(run_tool, serving(DEFECT))
    assert ended.returncode == 1
    assert "Response violates schema" in ended.stdout
    assert '"total": null' in ended.stdout
