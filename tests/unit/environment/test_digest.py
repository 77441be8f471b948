"""The key of an environment: equal where builds are equal, different where anything decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelserve.environment.digest import environment_digest
from pytest_modelserve.environment.interpreter import Interpreter
from pytest_modelserve.environment.spec import EnvironmentSpec

FILES = {
    "python_env.yaml": "python: '3.11.7'\ndependencies:\n- -r requirements.txt\n",
    "requirements.txt": "a==1\n-c limits.txt\n./a.whl\n",
    "limits.txt": "b<2\n",
    "a.whl": "wheel",
    "uv.lock": "lock",
    "pyproject.toml": "project",
    ".python-version": "3.11",
    "model.pkl": "weights",
    "MLmodel": "run_id: 1",
}


def digest(spec: EnvironmentSpec, interpreter: Interpreter, **others: object) -> str:
    recipe = {"engine": ("uv", "uv"), **others}
    return environment_digest(spec, interpreter, recipe=recipe, indexes={"index-url": "one"})


@pytest.mark.parametrize("name", sorted(set(FILES) - {"model.pkl", "MLmodel"}))
def test_every_file_that_decides_changes_it(model: Callable[..., Path], interpreter: Interpreter, name: str) -> None:
    directory = model(FILES)
    before = digest(EnvironmentSpec.read(directory), interpreter)
    more = {"requirements.txt": "\nc==3", "limits.txt": "\nc==3", "python_env.yaml": "build_dependencies: [pip]\n"}
    (directory / name).write_text(FILES[name] + more.get(name, "x"))
    assert digest(EnvironmentSpec.read(directory), interpreter) != before


@pytest.mark.parametrize("name", ["model.pkl", "MLmodel"])
def test_the_model_itself_does_not(model: Callable[..., Path], interpreter: Interpreter, name: str) -> None:
    directory = model(FILES)
    before = digest(EnvironmentSpec.read(directory), interpreter)
    (directory / name).write_text("other")
    assert digest(EnvironmentSpec.read(directory), interpreter) == before


def test_where_the_model_lies_does_not(model: Callable[..., Path], interpreter: Interpreter) -> None:
    directory = model(FILES)
    before = digest(EnvironmentSpec.read(directory), interpreter)
    moved = directory.rename(directory.with_name("moved"))
    assert digest(EnvironmentSpec.read(moved), interpreter) == before


@pytest.mark.parametrize(
    "change",
    [{"path": Path("/other")}, {"version": "3.11.8"}, {"machine": "aarch64"}, {"libc": "glibc 2.28"}, {"abi": "musl"}],
)
def test_the_interpreter_changes_it(
    model: Callable[..., Path], interpreter: Interpreter, change: dict[str, object]
) -> None:
    spec = EnvironmentSpec.read(model(FILES))
    assert digest(spec, replace(interpreter, **change)) != digest(spec, interpreter)  # type: ignore[arg-type]


def test_the_recipe_and_the_indexes_change_it(model: Callable[..., Path], interpreter: Interpreter) -> None:
    spec = EnvironmentSpec.read(model(FILES))
    same = digest(spec, interpreter)
    assert digest(spec, interpreter, engine=("virtualenv", "uv")) != same
    assert digest(spec, interpreter, extra=("uvicorn",)) != same
    recipe = {"engine": ("uv", "uv")}
    assert environment_digest(spec, interpreter, recipe=recipe, indexes={"index-url": "two"}) != same
    assert environment_digest(spec, interpreter, recipe=recipe, indexes={"index-url": "one"}) == same


def test_passwords_do_not_change_it(model: Callable[..., Path], interpreter: Interpreter) -> None:
    text = "--index-url https://user:{}@host/simple\na @ https://{}@host/a.whl\n"
    directory = model({"requirements.txt": text.format("one", "one")})
    before = digest(EnvironmentSpec.read(directory), interpreter)
    (directory / "requirements.txt").write_text(text.format("two", "two"))
    assert digest(EnvironmentSpec.read(directory), interpreter) == before
